"""Images that are made from files: without a lens's distortion, or with a mask as their alpha.

Blender's cameras know neither, so a camera that is added from a file of cameras gets such an image,
packed into the .blend.
"""

from typing import Any

import bpy
import numpy as np

from ...backend.contract.cameras import CameraData, fitted
from ...backend.contract.distortion import undistorted_image
from ...backend.contract.errors import RequestError


def derived_image(
    name: str, path: str, mask: str, camera: CameraData
) -> tuple[bpy.types.Image, CameraData]:
    """Return an image file as a packed image, without distortion, and the camera it belongs to.

    Parameters
    ----------
    name
        What to call the image.
    mask
        File of a mask that becomes the alpha; empty: the alpha is kept.
    camera
        Of the file's image, with its distortion; may be for another size of it.

    Raises
    ------
    RequestError
        If a file can't be read, or the mask or the camera is not for the image's proportions.
    """
    pixels, is_float = _pixels(path)
    if mask:
        alpha = _pixels(mask)[0]
        if alpha.shape != pixels.shape:
            raise RequestError(
                f"The mask {mask} is {alpha.shape[1]} x {alpha.shape[0]}, its image is "
                f"{pixels.shape[1]} x {pixels.shape[0]}.",
                "Give the mask the size of the image.",
            )
        shown = alpha[..., :3].mean(2) if bool((alpha[..., 3] > 0.999).all()) else alpha[..., 3]
        pixels = np.concatenate([pixels[..., :3], shown[..., None]], 2)
    fits = fitted(camera, pixels.shape[1], pixels.shape[0], name)
    pixels, fits = undistorted_image(pixels, fits)
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=True, float_buffer=is_float)
    values: Any = image.pixels
    values.foreach_set(np.ascontiguousarray(pixels[::-1], np.float32).ravel())
    image.update()
    image.pack()
    return image, fits


def _pixels(path: str) -> tuple[np.ndarray, bool]:
    """Return (H, W, 4) float32, row 0 at the top, and whether the file holds floats."""
    try:
        image = bpy.data.images.load(path, check_existing=False)
    except RuntimeError as error:
        raise RequestError(f"The image {path} can't be read: {error}.", "Save it again.") from error
    try:
        image.alpha_mode = "CHANNEL_PACKED"  # straight, as the worker reads it
        size: Any = image.size
        width, height = size[0], size[1]
        flat = np.zeros(width * height * image.channels, np.float32)
        if not flat.size:
            raise RequestError(f"The image {path} can't be read.", "Save it again.")
        values: Any = image.pixels
        values.foreach_get(flat)
        return flat.reshape(height, width, -1)[::-1], image.is_float
    finally:
        bpy.data.images.remove(image)
