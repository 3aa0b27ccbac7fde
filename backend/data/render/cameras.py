"""Cameras of the published ranges (`contract.camera_ranges`), in the axes of the maths."""

from collections.abc import Sequence

import numpy as np

from ...contract import camera_ranges
from ...contract.camera_ranges import TYPICAL_EXTENTS, WORDS
from ...geometry.cameras import FLIP_YZ, Camera

RANGE_NAMES = tuple(WORDS)


def sample_cameras(
    name: str,
    count: int,
    seed: int,
    *,
    size: int | None = None,
    extents: np.ndarray | Sequence[float] = TYPICAL_EXTENTS,
) -> list[Camera]:
    """Sample cameras from a range in the object frame, see `camera_ranges.sample_camera_data`.

    Raises
    ------
    RequestError
        If there is no such range.
    """
    drawn = camera_ranges.sample_camera_data(name, count, seed, size=size, extents=extents)
    return [
        Camera(
            data.transform_matrix * FLIP_YZ,
            data.fl_x,
            data.fl_y,
            data.cx,
            data.cy,
            data.w,
            data.h,
            orthographic=data.camera_model == "ORTHOGRAPHIC",
        )
        for data in drawn
    ]


def look_at(
    azimuth: float,
    elevation: float,
    distance: float,
    roll: float = 0.0,
    target: Sequence[float] | np.ndarray = (0, 0, 0),
) -> np.ndarray:
    """Return the pose, (4, 4) world_from_camera with x right, y down, z forward, of a camera that
    looks at a point; degrees as in `camera_ranges.look_at`."""
    return camera_ranges.look_at(azimuth, elevation, distance, roll, target) * FLIP_YZ
