"""Cameras as both halves share them: a frame of a `transforms.json`, and its maths in numpy."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Distortion:
    """How a lens bends what it sees, in the words of OpenCV.

    Attributes
    ----------
    model : "OPENCV" (radial k1 to k6, the last three in the denominator, and tangential p1, p2) or
        "OPENCV_FISHEYE" (equidistant, k1 to k4)
    k : radial coefficients, six or four
    p : tangential coefficients, p1 and p2
    """

    model: str
    k: tuple[float, ...]
    p: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class CameraData:
    """A camera as a frame of `transforms.json`: Blender's axes (x right, y up, looking along -z).

    `transform_matrix` is world_from_camera, (4, 4) float64. `fl_x fl_y cx cy` are pixels, measured
    from the top left corner; for `ORTHOGRAPHIC`, `fl_x fl_y` are pixels per world unit. An image
    with `distortion` is undone before anything else looks at it.
    """

    transform_matrix: np.ndarray
    fl_x: float
    fl_y: float
    cx: float
    cy: float
    w: int
    h: int
    camera_model: str = "PINHOLE"
    distortion: Distortion | None = None
