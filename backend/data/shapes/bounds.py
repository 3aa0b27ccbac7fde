"""The bounding box of a shape: in closed form for sharp unions, else by search.

A smooth union exceeds its parts, and a cut may remove an extreme point. For these a plane advances
from outside like a sphere-traced ray: since values never exceed the distance, the minimum over the
plane is a safe step.
"""

from collections.abc import Callable

import numpy as np

from .batch import ShapeBatch
from .parts import Body
from .shape import Shape, torch_points

TOLERANCE = 3e-4  # object units
GRID = 12  # cells along each side of a plane's coarsest grid
COARSE = 6e-3  # object units: half the diagonal of the cells where descents start
STARTS = 24  # number of descents

Values = Callable[[np.ndarray], np.ndarray]


def bounds_of(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper corner, (3,) each, of a shape's bounding box to about 3e-4."""
    order = sorted(range(len(shape.bodies)), key=lambda i: _is_searched(shape, i))
    lower, upper = np.full(3, np.inf), np.full(3, -np.inf)
    for index in order:
        box = [part.bounds() for part in shape.parts if part.body == index and not part.cut]
        if not box:
            continue
        low = np.min([b[0] for b in box], axis=0)
        high = np.max([b[1] for b in box], axis=0)
        if _is_searched(shape, index):
            low, high = _searched(shape, index, (low, high), (lower, upper))
        lower, upper = np.minimum(lower, low), np.maximum(upper, high)
    return lower, upper


def _is_searched(shape: Shape, index: int) -> bool:
    cut = any(part.cut for part in shape.parts if part.body == index)
    return cut or shape.bodies[index].blend > 0


def _searched(
    shape: Shape,
    index: int,
    box: tuple[np.ndarray, np.ndarray],
    known: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the box of one body; sides inside the `known` box are not searched."""
    body: Body = shape.bodies[index]
    swell = body.blend / 2
    box = (box[0] - swell, box[1] + swell)
    parts = tuple(part for part in shape.parts if part.body == index)
    batch = ShapeBatch([Shape(shape.name, parts, shape.bodies, shape.extents)])

    def values(points: np.ndarray) -> np.ndarray:
        return batch.distance(torch_points(points)[None])[0].numpy()

    result = [box[0].copy(), box[1].copy()]
    for axis in range(3):
        if box[0][axis] < known[0][axis]:
            result[0][axis] = _advance(values, box, axis, box[0][axis] + swell, +1)
        if box[1][axis] > known[1][axis]:
            result[1][axis] = _advance(values, box, axis, box[1][axis] - swell, -1)
    return result[0], result[1]


def _advance(
    values: Values, box: tuple[np.ndarray, np.ndarray], axis: int, start: float, inward: int
) -> float:
    """Advance a plane along `axis` from outside until it touches; return its position."""
    if _least_on_plane(values, box, axis, start) < -TOLERANCE:  # smooth unions exceed sharp ones
        start = box[0][axis] if inward > 0 else box[1][axis]
    for _ in range(64):
        least = _least_on_plane(values, box, axis, start)
        if least <= TOLERANCE:
            break
        start += inward * least
    return start


def _least_on_plane(
    values: Values, box: tuple[np.ndarray, np.ndarray], axis: int, position: float
) -> float:
    """Return the minimum over a plane: branch and bound down to `COARSE`, then descents."""
    others = [i for i in range(3) if i != axis]
    low, size = box[0][others], (box[1] - box[0])[others]

    def on_plane(at: np.ndarray) -> np.ndarray:
        points = np.full((len(at), 3), position)
        points[:, others] = at
        return values(points)

    steps = (np.stack(np.meshgrid(*[np.arange(GRID)] * 2), -1).reshape(-1, 2) + 0.5) / GRID
    centers, cell = low + steps * size, size / GRID
    while True:
        distances = on_plane(centers)
        best, slack = float(distances.min()), float(np.linalg.norm(cell)) / 2
        if best <= TOLERANCE:
            return best
        if slack <= best / 4:
            return best - slack
        if slack <= COARSE:
            break
        corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) * cell / 4
        centers = (centers[distances - slack < best][:, None] + corners).reshape(-1, 2)
        cell = cell / 2
    return 0.9 * _descend(on_plane, centers[np.argsort(distances)[:STARTS]], cell)


def _descend(on_plane: Values, centers: np.ndarray, cell: np.ndarray) -> float:
    """Return the minimum by pattern search from some points, (K, 2), with shrinking steps."""
    around = np.stack(np.meshgrid(*[np.linspace(-1, 1, 5)] * 2), -1).reshape(-1, 2)
    best = np.inf
    for _ in range(6):
        tried = centers[:, None] + around * cell
        distances = on_plane(tried.reshape(-1, 2)).reshape(len(centers), -1)
        centers = tried[np.arange(len(centers)), distances.argmin(1)]
        best = min(best, float(distances.min()))
        cell = cell / 2
    return best
