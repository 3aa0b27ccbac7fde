"""Frames of meshes and point clouds: named similarities as 4x4 float64 matrices.

`b_from_a` takes points of frame a to frame b. The object frame is ours (+Z up, front towards -Y,
bounding box centred, longest side 1.8); the others are the papers'. Figures: docs/frames.md.
"""

from collections.abc import Callable

import numpy as np

from ..contract.errors import RequestError

OBJECT_SIDE = 1.8  # longest side of the bounding box in the object frame
PADDED_GRID_SIDE = 64 / 35  # longest side of 32 of the 36 voxels of a grid over [-1, 1]

# Rotations that take a data set's axes to ours (+Z up, front towards -Y).
Z_UP_FROM_Y_UP = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], np.float64)
# ShapeNetCore v1: +Y up, front +X, so that z is the axis from left to right.
Z_UP_FROM_SHAPENET = np.array([[0, 0, -1, 0], [-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]], float)
# Pix3D: +x left, +y up, +z away from a viewer who stands in front.
Z_UP_FROM_PIX3D = np.array([[-1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], float)


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Transform `points`, (N, 3), by `matrix`, (4, 4); keeps the points' dtype."""
    moved = np.asarray(points, np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    return moved.astype(points.dtype, copy=False)


def scale_of(matrix: np.ndarray) -> float:
    """Return the scale factor of a similarity, (4, 4)."""
    return float(np.cbrt(np.linalg.det(matrix[:3, :3])))


def similarity(*, scale: float = 1.0, offset: np.ndarray | None = None) -> np.ndarray:
    """Return the (4, 4) matrix of p -> scale * p + offset."""
    matrix = np.diag([scale, scale, scale, 1.0])
    if offset is not None:
        matrix[:3, 3] = offset
    return matrix


def shapenet_frame(side: float) -> np.ndarray:
    """Return (4, 4) method_from_volume for ShapeNet v1's axes and a longest side of `side`."""
    return similarity(scale=side / OBJECT_SIDE) @ Z_UP_FROM_SHAPENET.T


def from_box(points: np.ndarray, side: float) -> np.ndarray:
    """Return the frame where the box of `points`, (N, 3), is centred with this longest side.

    Raises
    ------
    RequestError
        If there are no points, one is not finite, or all coincide.
    """
    if len(points) == 0:
        raise RequestError(
            "A shape without points can't be normalized.", "Give a shape with points."
        )
    lower, upper = points.min(0).astype(np.float64), points.max(0).astype(np.float64)
    longest = float((upper - lower).max())
    if not np.isfinite(longest) or longest <= 0:
        raise RequestError(
            f"A shape with the longest side {longest} can't be normalized.",
            "Give a shape with a size.",
        )
    scale = side / longest
    return similarity(scale=scale, offset=-scale * (lower + upper) / 2)


def from_sphere(points: np.ndarray) -> np.ndarray:
    """Return DISN's frame: the centroid of surface `points`, (N, 3), at 0, the farthest one at 1.

    Raises
    ------
    RequestError
        If there are no points, or all coincide.
    """
    if len(points) == 0:
        raise RequestError(
            "A shape without points can't be normalized.", "Give a shape with points."
        )
    center = points.mean(0, dtype=np.float64)
    radius = float(np.linalg.norm(points - center, axis=1).max())
    if not np.isfinite(radius) or radius <= 0:
        raise RequestError(
            f"A shape with the radius {radius} can't be normalized.", "Give a shape with a size."
        )
    return similarity(scale=1 / radius, offset=-center / radius)


# The papers' frames by name: functions of the vertices ("unit-sphere": of surface samples).
FRAMES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "object": lambda points: from_box(points, OBJECT_SIDE),
    "unit-cube": lambda points: from_box(points, 1.0),  # Occupancy Networks, TDGN, SDF-SRN's truth
    "half-crop": lambda points: from_box(points, 2 / 1.2),  # SDF-SRN on PASCAL3D+
    "unit-box": lambda points: from_box(points, 2.0),  # UCLID-Net
    "padded-grid": lambda points: from_box(points, PADDED_GRID_SIDE),  # Deep Meta Functionals
    "unit-sphere": from_sphere,  # DISN
}
