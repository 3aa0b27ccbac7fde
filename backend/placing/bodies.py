"""Select the bodies of a hull that its outlines need, and drop phantom bodies."""

from collections.abc import Sequence

import numpy as np

from .carving import HullCells, Silhouette

LABELLED = 160  # cells along the longest side when bodies are separated
LEAST_NEW = 2  # pixels of a reduced silhouette that a body alone must explain


def needed_bodies(cells: HullCells, silhouettes: Sequence[Silhouette]) -> HullCells:
    """Return the cells of the bodies that together explain all silhouettes, fewest first.

    Greedy set cover: the body that explains most, then repeatedly the one that adds most.
    """
    labels = _labels(cells)
    count = int(labels.max()) + 1
    if count < 2:
        return cells
    covers = [_covers(cells, labels, count, item) for item in silhouettes]  # (count, pixels) each
    needed: list[int] = []
    left = np.concatenate(covers, 1)
    while len(needed) < count:
        gains = left.sum(1)
        best = int(gains.argmax())
        if needed and gains[best] < LEAST_NEW:
            break
        needed.append(best)
        left &= ~left[best]
    return HullCells(cells.centers[np.isin(labels, needed)], cells.size)


def _labels(cells: HullCells) -> np.ndarray:
    """Return the number of each cell's body, (N,), from 0; cells that touch belong together."""
    from scipy.ndimage import label

    lower = cells.centers.min(0)
    index = np.round((cells.centers - lower) / cells.size).astype(int)
    index //= max(1, -(-int(index.max() + 1) // LABELLED))
    grid = np.zeros(index.max(0) + 1, bool)
    grid[tuple(index.T)] = True
    numbers = label(grid, np.ones((3, 3, 3)))[0]  # pyright: ignore
    return numbers[tuple(index.T)] - 1


def _covers(cells: HullCells, labels: np.ndarray, count: int, item: Silhouette) -> np.ndarray:
    """Return (count, pixels) bool: which pixels of a reduced silhouette each body may explain."""
    import torch
    from scipy.ndimage import binary_dilation

    camera = item.sight.camera
    pixels, depth = camera.project(torch.from_numpy(cells.centers))
    x, y = pixels.numpy().T
    front = np.ones(len(x), bool) if camera.orthographic else depth.numpy() > 1e-9
    near = 1.0 if camera.orthographic else float(np.median(depth.numpy()[front]))
    block = max(1, int(np.ceil(max(camera.fx, camera.fy) * cells.size / near)))
    mask = item.alpha.numpy() >= 0.5
    height, width = -(-mask.shape[0] // block), -(-mask.shape[1] // block)
    rows, columns = (y // block).astype(int), (x // block).astype(int)
    seen = front & (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    padded = np.zeros((height * block, width * block), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    reduced = padded.reshape(height, block, width, block).any((1, 3))
    result = np.zeros((count, height, width), bool)
    result[labels[seen], rows[seen], columns[seen]] = True
    grown = np.stack([binary_dilation(one, np.ones((3, 3))) for one in result])
    return (grown & reduced).reshape(count, -1)
