"""Images with cameras, as Blender or a terminal sends them, to views."""

import numpy as np
import torch
from torch import Tensor

from ..contract.cameras import fitted
from ..contract.distortion import undistorted_image
from ..contract.errors import RequestError
from ..contract.protocol import Background, CameraData, ViewData
from ..geometry.cameras import Camera
from ..geometry.pictures import shrink
from ..geometry.views import View
from .matte import matte
from .reading import LONGEST, read_image, read_mask

WHITE = 1.0 - 1e-3  # a mask that is nowhere darker hides nothing


def to_view(data: ViewData, background: Background) -> View:
    """Return the view that a request means; its camera stays posed in the world.

    Where the object is, is said by the mask of the file, else by the image's alpha, else by its
    background. An image without a camera is turned upright by its orientation tag; one with a
    camera keeps the pixels as they are stored.

    Raises
    ------
    RequestError
        If the image can't be read, or its proportions are not the camera's; names the view.
    """
    image, masked = _image_of(data)
    across, down = data.mirrored
    dims = [dim for dim, flip in ((1, across), (0, down)) if flip]
    image = image.flip(dims) if dims else image
    image = image if masked else matte(image, background, name=data.name)
    camera = None
    if data.camera is not None:
        image, fits = _undistorted(image, data.camera, data.name)
        camera = to_camera(fits, name=data.name)
    return shrink(View(image, camera, data.name), LONGEST)


def _undistorted(image: Tensor, camera: CameraData, name: str) -> tuple[Tensor, CameraData]:
    """Return the image without distortion, and the camera for its size."""
    fits = fitted(camera, image.shape[1], image.shape[0], name)
    if fits.distortion is None:
        return image, fits
    pixels, fits = undistorted_image(image.numpy(), fits)
    return torch.from_numpy(np.ascontiguousarray(pixels)), fits


def _image_of(data: ViewData) -> tuple[Tensor, bool]:
    """Return the image, (H, W, 4), and whether a mask says where the object is."""
    if data.file is None:
        if data.image is None:
            raise RequestError(f"{data.name} has no image.", "Give it one.")
        return to_image(data.image, name=data.name), False
    image = read_image(data.file, upright=data.camera is None)
    if not data.file.mask:
        return image, False
    mask = read_mask(data.file.mask, (image.shape[1], image.shape[0]))
    if bool((mask >= WHITE).all()):
        return image, False
    return torch.cat([image[..., :3], mask[..., None]], 2), True


def to_image(pixels: np.ndarray, *, name: str) -> Tensor:
    """Return (H, W, 4) float32 in [0, 1] of uint8 or float pixels, (H, W, 4)."""
    pixels = np.asarray(pixels)
    if pixels.ndim != 3 or pixels.shape[2] != 4 or not pixels.size:
        raise RequestError(f"{name}: a picture is (height, width, 4), not {pixels.shape}.")
    if pixels.dtype == np.uint8:
        return torch.from_numpy(pixels.astype(np.float32) / 255.0)
    image = np.asarray(pixels, np.float32)
    if not np.isfinite(image).all():
        raise RequestError(
            f"{name}: the picture holds numbers that are not finite.", "Render or save it again."
        )
    return torch.from_numpy(image.clip(0.0, 1.0))


def to_camera(data: CameraData, *, name: str) -> Camera:
    """Return a camera of the contract as one of the maths, posed in the world."""
    try:
        return Camera.from_data(data)
    except RequestError as error:
        raise RequestError(f"{name}: {error.message}", error.hint) from error
