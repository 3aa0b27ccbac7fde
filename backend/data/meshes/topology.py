"""Which vertices are one place, and which edges are a rim."""

import numpy as np


def weld(vertices: np.ndarray) -> np.ndarray:
    """Return (V,) int: one index for all vertices at one place (seams of textures split them)."""
    size = float(np.ptp(vertices, axis=0).max()) or 1.0
    grid = np.round((vertices - vertices.min(0)) / size * 2**20).astype(np.int64)
    return np.unique(grid, axis=0, return_inverse=True)[1].reshape(-1)


def boundary(faces: np.ndarray) -> np.ndarray:
    """Return (E, 2) directed edges that no opposite one cancels, as often as they are left."""
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    forward = edges[:, 0] < edges[:, 1]
    ordered, inverse = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    net = np.bincount(inverse.reshape(-1), np.where(forward, 1, -1), len(ordered)).astype(int)
    left = np.where((net > 0)[:, None], ordered, ordered[:, ::-1])
    return np.repeat(left, np.abs(net), axis=0)


def loops(edges: np.ndarray) -> list[np.ndarray]:
    """Return the loops that directed edges, (E, 2), form; each is cut where it meets itself.

    Every place has as many edges in as out, as what `boundary` returns does.
    """
    ahead: dict[int, list[int]] = {}
    for start, end in edges.tolist():
        ahead.setdefault(start, []).append(end)
    closed = []
    for start in sorted(ahead):
        while ahead[start]:
            path, position, at = [start], {start: 0}, start
            while ahead[at]:
                at = ahead[at].pop()
                if at not in position:
                    position[at] = len(path)
                    path.append(at)
                    continue
                cut = position[at]
                closed.append(np.array(path[cut:]))
                for place in path[cut + 1 :]:
                    del position[place]
                del path[cut + 1 :]
    return [loop for loop in closed if len(loop) > 2]
