"""Pixels of a camera with lens distortion, and of the pinhole camera behind it."""

from dataclasses import replace

import numpy as np
from levelform.backend.contract.cameras import CameraData
from levelform.backend.contract.distortion import distort, normalised, pixels_of, undistort


def distort_pixels(camera: CameraData, pixels: np.ndarray) -> np.ndarray:
    """Map undistorted pixels, (..., 2), to pixels of the camera's image."""
    assert camera.distortion is not None
    ideal = normalised(replace(camera, distortion=None), np.asarray(pixels, np.float64))
    return pixels_of(camera, distort(ideal, camera.distortion))


def undistort_pixels(camera: CameraData, pixels: np.ndarray) -> np.ndarray:
    """Return the inverse of `distort_pixels`; nan where it does not exist."""
    assert camera.distortion is not None
    ideal = undistort(normalised(camera, np.asarray(pixels, np.float64)), camera.distortion)
    return pixels_of(replace(camera, distortion=None), ideal)
