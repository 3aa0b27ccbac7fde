"""Fill a grid with a closed mesh by counting crossings along z: exact, and far faster than asking
each cell for its winding number."""

import numpy as np

PAIRS = 4_000_000  # triangles times columns a block of work
# Columns are moved aside by these shares of a cell: corners and edges of man-made meshes lie on
# round numbers, and a column through one has no well-defined side.
ASIDE = (1.3e-6, 2.9e-6)


def scan_grid(vertices: np.ndarray, faces: np.ndarray, resolution: int, half: float) -> np.ndarray:
    """Return bool [x, y, z]: winding number above 0 at the cell centres of [-half, half]^3.

    Parameters
    ----------
    vertices : (V, 3) float64
    faces : (F, 3) int, without boundary: every directed edge is met by its opposite
    """
    cell = 2 * half / resolution
    corners = (vertices[faces] + half) / cell - 0.5  # in cells; the centre of cell i is at i
    corners[..., 0] -= ASIDE[0]
    corners[..., 1] -= ASIDE[1]
    first = np.clip(np.ceil(corners[..., :2].min(1)), 0, resolution).astype(np.int64)
    last = np.clip(np.floor(corners[..., :2].max(1)) + 1, first, resolution).astype(np.int64)
    sizes = last - first
    counts = sizes.prod(1)
    steps = np.zeros((resolution, resolution, resolution + 1), np.int32)
    for block in _blocks(counts):
        face = np.repeat(block, counts[block])
        order = np.arange(len(face)) - np.repeat(
            np.cumsum(counts[block]) - counts[block], counts[block]
        )
        x = first[face, 0] + order // np.maximum(sizes[face, 1], 1)
        y = first[face, 1] + order % np.maximum(sizes[face, 1], 1)
        _cross(steps, corners[face], x, y, resolution)
    return steps.cumsum(2)[..., :resolution] > 0


def _blocks(counts: np.ndarray) -> list[np.ndarray]:
    """Return the faces in runs whose columns stay below `PAIRS` (a single face may exceed it)."""
    busy = np.flatnonzero(counts)
    which = np.cumsum(counts[busy]) // PAIRS
    return np.split(busy, np.flatnonzero(np.diff(which)) + 1) if len(busy) else []


def _cross(
    steps: np.ndarray, corners: np.ndarray, x: np.ndarray, y: np.ndarray, resolution: int
) -> None:
    """Add to `steps` where the columns (x, y) cross their triangles, `corners` (N, 3, 3)."""
    a, b, c = np.moveaxis(corners, 1, 0)
    sides = np.stack([_side(a, b, x, y), _side(b, c, x, y), _side(c, a, x, y)])
    up, down = (sides > 0).all(0), (sides < 0).all(0)
    hit = up | down
    normal = np.cross(b[hit] - a[hit], c[hit] - a[hit])
    along = normal[:, 0] * (x[hit] - a[hit, 0]) + normal[:, 1] * (y[hit] - a[hit, 1])
    height = a[hit, 2] - along / normal[:, 2]
    z = np.clip(np.ceil(height), 0, resolution).astype(np.int64)
    # Upwards through a face that looks up, the column leaves the solid.
    np.add.at(steps, (x[hit], y[hit], z), np.where(up[hit], -1, 1).astype(np.int32))


def _side(p: np.ndarray, q: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the side of p -> q that holds the column; for q -> p exactly its negative."""
    swap = (p[:, 0] > q[:, 0]) | ((p[:, 0] == q[:, 0]) & (p[:, 1] > q[:, 1]))
    s, t = np.where(swap[:, None], q, p), np.where(swap[:, None], p, q)
    value = (t[:, 0] - s[:, 0]) * (y - s[:, 1]) - (t[:, 1] - s[:, 1]) * (x - s[:, 0])
    return np.where(swap, -value, value)
