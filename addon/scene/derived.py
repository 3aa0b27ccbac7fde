"""Images derived from files: with lens distortion removed, or with a mask as their alpha.

Blender's cameras support neither, so cameras imported from a file get a derived image, packed into
the .blend.
"""

from typing import Any

import bpy
import numpy as np

from ...backend.contract.cameras import CameraData, fitted
from ...backend.contract.distortion import OPAQUE, undistorted_image
from ...backend.contract.errors import RequestError
from . import pixels


def derived_image(
    name: str, path: str, mask: str, camera: CameraData
) -> tuple[bpy.types.Image, CameraData]:
    """Return an image file as a packed image without distortion, and its camera.

    Parameters
    ----------
    name
        What to call the image.
    mask
        File of a mask that becomes the alpha; empty: the alpha is kept.
    camera
        The camera of the file's image, with its distortion; may be given for another image size.

    Raises
    ------
    RequestError
        If a file can't be read, or the mask or the camera does not fit the image's proportions.
    """
    shown = _read(path)
    if mask:
        alpha = _read(mask)
        if alpha.shape != shown.shape:
            raise RequestError(
                f"The mask {mask} is {alpha.shape[1]} x {alpha.shape[0]}, its image is "
                f"{shown.shape[1]} x {shown.shape[0]}.",
                "Give the mask the size of the image.",
            )
        opaque = bool((alpha[..., 3] >= OPAQUE).all())
        inside = alpha[..., :3].mean(2) if opaque else alpha[..., 3]
        shown = np.concatenate([shown[..., :3], inside[..., None]], 2)
    fits = fitted(camera, shown.shape[1], shown.shape[0], name)
    shown, fits = undistorted_image(shown, fits)
    height, width = shown.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=True)
    values: Any = image.pixels
    values.foreach_set(np.ascontiguousarray(shown[::-1], np.float32).ravel())
    image.update()
    image.pack()
    return image, fits


def _read(path: str) -> np.ndarray:
    """Return (H, W, 4) float32 sRGB, straight alpha, row 0 at the top."""
    values = pixels.read_file(path)
    return values.astype(np.float32) / 255 if values.dtype == np.uint8 else values
