"""Images with cameras, as Blender or a terminal sends them, to views."""

from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..contract.protocol import Background, CameraData, ViewData
from ..geometry.cameras import Camera
from ..geometry.pictures import resized, shrink
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
        camera = fit_camera(to_camera(data.camera, name=data.name), image, name=data.name)
    return shrink(View(image, camera, data.name), LONGEST)


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
        return Camera.from_transforms(asdict(data))
    except RequestError as error:
        raise RequestError(f"{name}: {error.message}", error.hint) from error


def fit_camera(camera: Camera, image: Tensor, *, name: str) -> Camera:
    """Return the camera for the picture's own size, when both have the same proportions."""
    height, width = image.shape[:2]
    if (camera.width, camera.height) == (width, height):
        return camera
    across, down = width / camera.width, height / camera.height
    if abs(across - down) * max(camera.width, camera.height) > 1.5:
        raise RequestError(
            f"{name}: the picture is {width} x {height}, its camera is for "
            f"{camera.width} x {camera.height}.",
            "Use the picture at the camera's proportions, or fit the camera to the picture.",
        )
    return resized(camera, width=width, height=height)
