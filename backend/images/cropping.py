"""Cut squares out of images, and convert cameras between squares and whole images."""

from dataclasses import replace

import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..geometry.cameras import Camera
from .alpha import premultiply, straighten


def crop_square(image: Tensor, square: tuple[int, int, int], size: int) -> Tensor:
    """Return a square of an image, (H, W, 4) straight alpha, resized to (size, size, 4).

    Pixels outside the image are transparent.
    """
    left, top, side = square
    flat = premultiply(image).permute(2, 0, 1)[None].float()
    right, bottom = left + side - flat.shape[3], top + side - flat.shape[2]
    cut = F.pad(flat, (-left, right, -top, bottom))  # negative: cut away
    taken = F.interpolate(cut, (size, size), mode="bilinear", antialias=True, align_corners=False)
    return straighten(taken[0].permute(1, 2, 0)).to(image.dtype)


def cropped_camera(camera: Camera, square: tuple[int, int, int], size: int) -> Camera:
    """Return the camera of a square from `crop_square`: same pose, intrinsics moved and scaled."""
    left, top, side = square
    zoom = size / side
    return replace(
        camera,
        fx=camera.fx * zoom,
        fy=camera.fy * zoom,
        cx=(camera.cx - left) * zoom,
        cy=(camera.cy - top) * zoom,
        width=size,
        height=size,
    )


def whole_camera(camera: Camera, square: tuple[int, int, int], image: tuple[int, int]) -> Camera:
    """Return the camera of a whole image, (width, height), from the camera of a square in it.

    The inverse of `cropped_camera`.
    """
    left, top, side = square
    zoom = side / camera.width
    return replace(
        camera,
        fx=camera.fx * zoom,
        fy=camera.fy * zoom,
        cx=camera.cx * zoom + left,
        cy=camera.cy * zoom + top,
        width=image[0],
        height=image[1],
    )
