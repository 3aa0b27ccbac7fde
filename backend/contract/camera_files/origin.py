"""A local origin for cameras in map coordinates.

Networks, meshes and Blender use single precision, whose spacing at 4,600,000 m is half a metre.
"""

from dataclasses import replace

import numpy as np

from ..cameras import CameraData
from .types import NOWHERE

FAR = 1000.0  # world units; cameras within this distance of the origin are not moved
STEP = 2.0**-23  # relative spacing of single precision
# Accepted spacing, as a fraction of the cameras' spread: a hundredth of a cell at 1024 cells.
TOLERANCE = 1e-5
ROUNDED = 10.0  # the local origin is a multiple of it, for readability


def local_origin(cameras: list[CameraData]) -> tuple[float, float, float]:
    """Return the local origin, world units; zero for cameras near the world's origin."""
    centers = np.array([camera.transform_matrix[:3, 3] for camera in cameras])
    reach = np.abs(centers).max()
    spread = float(np.ptp(centers, axis=0).max())
    if reach < FAR or (spread > 0 and reach * STEP < TOLERANCE * spread):
        return NOWHERE
    x, y, z = (float(value) for value in np.round(centers.mean(0) / ROUNDED) * ROUNDED)
    return x, y, z


def moved_cameras(
    cameras: list[CameraData], offset: tuple[float, float, float]
) -> list[CameraData]:
    """Return the cameras relative to the local origin."""
    return [
        replace(camera, transform_matrix=moved(camera.transform_matrix, offset))
        for camera in cameras
    ]


def moved_volume(
    world_from_volume: np.ndarray | None, offset: tuple[float, float, float]
) -> np.ndarray | None:
    """Return a volume relative to the local origin; None without a volume."""
    return None if world_from_volume is None else moved(world_from_volume, offset)


def moved(matrix: np.ndarray, offset: tuple[float, float, float]) -> np.ndarray:
    """Return a (4, 4) matrix with `offset` subtracted from its translation."""
    result = np.array(matrix, np.float64)
    result[:3, 3] -= offset
    return result
