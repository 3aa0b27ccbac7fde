"""Cameras of upright images as cameras of the stored pixels."""

from dataclasses import replace

import numpy as np

from ..contract.errors import RequestError
from ..geometry.cameras import Camera

# Columns of the stored image's axes (right, down, forward) in the upright image's, by the tag.
_AXES = {
    1: np.eye(3),
    3: np.diag([-1.0, -1.0, 1.0]),
    6: np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    8: np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}


def as_stored(camera: Camera, tag: int, name: str) -> Camera:
    """Return the camera of an upright image for its pixels as they are stored.

    Parameters
    ----------
    tag : the file's orientation tag, 1 to 8

    Raises
    ------
    RequestError
        If the tag mirrors the image.
    """
    if tag not in _AXES:
        raise RequestError(
            f"{name}: the file's orientation tag {tag} mirrors the image.",
            "Save the image without the tag.",
        )
    axes = _AXES[tag]
    pose = camera.world_from_camera.copy()
    pose[:3, :3] = pose[:3, :3] @ axes
    size = np.array([camera.width, camera.height], np.float64)
    middle = size / 2
    offset = axes[:2, :2].T @ (np.array([camera.cx, camera.cy]) - middle)
    turned = np.abs(axes[:2, :2]).T
    width, height = turned @ size
    fx, fy = turned @ np.array([camera.fx, camera.fy])
    return replace(
        camera,
        world_from_camera=pose,
        fx=float(fx),
        fy=float(fy),
        cx=float(width / 2 + offset[0]),
        cy=float(height / 2 + offset[1]),
        width=round(width),
        height=round(height),
    )
