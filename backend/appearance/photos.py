"""Posed images prepared as sources of colour."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from ..fields.silhouettes import EDGE, grown_colors
from ..geometry.cameras import Camera
from ..geometry.srgb import linear_from_srgb
from ..geometry.views import View

LOW_SCALE = 16  # pixels of the image per pixel of its low band
LEAST_SHARPNESS = 0.05  # weight of the most blurred image relative to the sharpest


@dataclass(frozen=True)
class Photo:
    """An image of the object and its camera.

    Attributes
    ----------
    camera : posed in the mesh's frame
    color : (3, H, W) float16, linear RGB; the object's colours continue a little beyond its
        silhouette
    low : (3, h, w) float16, the low band: without detail finer than `LOW_SCALE` pixels
    alpha : (H, W) uint8, the object's mask
    sharpness : in (0, 1], relative weight of the image's detail
    name : of its view
    estimated : a network found the camera, so it may be some degrees off
    """

    camera: Camera
    color: Tensor
    low: Tensor
    alpha: Tensor
    sharpness: float = 1.0
    name: str = "view"
    estimated: bool = False


def prepare(
    views: Sequence[View],
    estimated: Sequence[bool] | None = None,
    exposures: Sequence[Sequence[float] | None] | None = None,
) -> list[Photo]:
    """Return the posed views as photos; views without a camera or an object are left out.

    Parameters
    ----------
    estimated : of each view, whether a network found its camera; None: of none
    exposures
        For each view, the factor of its linear channels over the usual ones, if known; it is
        divided out of the photos.
    """
    flags = [False] * len(views) if estimated is None else estimated
    known = [None] * len(views) if exposures is None else exposures
    posed = [
        (view, flag, exposure)
        for view, flag, exposure in zip(views, flags, known, strict=True)
        if view.camera is not None and bool((view.image[..., 3] >= EDGE).any())
    ]
    measured = [sharpness(view.image) for view, *_ in posed]
    best = max([*measured, 1e-6])
    return [
        _unexposed(_photo(view, max(value / best, LEAST_SHARPNESS)), exposure, estimated=flag)
        for (view, flag, exposure), value in zip(posed, measured, strict=True)
    ]


def _unexposed(photo: Photo, exposure: Sequence[float] | None, *, estimated: bool) -> Photo:
    """Return a photo with its exposure divided out."""
    if exposure is None:
        return replace(photo, estimated=estimated)
    factor = torch.tensor(exposure, dtype=torch.float16)[:, None, None]
    color, low = photo.color / factor, photo.low / factor
    return replace(photo, color=color, low=low, estimated=estimated)


def sharpness(image: Tensor) -> float:
    """Return the fraction of an image's contrast that is finer than two pixels, from 0 to about 1.

    The mean gradient inside the mask, relative to that of the image at half its size: a blurred
    image loses little contrast when it shrinks. The object's outline is left out.

    Parameters
    ----------
    image : (H, W, 4) sRGB with straight alpha
    """
    small = min(image.shape[:2])
    if small < 16:
        return 1.0
    grey = image[..., :3].mean(2)[None, None]
    mask = (image[..., 3] >= 0.98).float()[None, None]
    fine = _mean_gradient(grey, mask)
    coarse = _mean_gradient(avg_pool2d(grey, 2), (avg_pool2d(mask, 2) == 1).float())
    return fine / coarse if coarse > 1e-5 else 1.0


def _mean_gradient(grey: Tensor, mask: Tensor) -> float:
    """Return the mean absolute difference of neighbours, (1, 1, H, W), inside the mask."""
    inside = -torch.nn.functional.max_pool2d(-mask, 3, 1, 1)
    total, count = 0.0, 0.0
    for axis in (2, 3):
        both = inside.narrow(axis, 1, mask.shape[axis] - 1)
        both = both * inside.narrow(axis, 0, mask.shape[axis] - 1)
        total += float((grey.diff(dim=axis).abs() * both).sum())
        count += float(both.sum())
    return total / max(count, 1.0)


def _photo(view: View, relative: float) -> Photo:
    assert view.camera is not None
    pixels = view.image.cpu().numpy()
    grown = grown_colors(pixels[..., :3], pixels[..., 3])
    color = linear_from_srgb(torch.from_numpy(np.ascontiguousarray(grown)))
    alpha = view.image[..., 3].cpu()
    return Photo(
        camera=view.camera,
        color=color.permute(2, 0, 1).half().contiguous(),
        low=_low_band(color, alpha),
        alpha=(alpha * 255).round().to(torch.uint8),
        sharpness=relative,
        name=view.name,
    )


def _low_band(color: Tensor, alpha: Tensor) -> Tensor:
    """Return (3, h, w): the object's colours averaged, the background left out."""
    height, width = alpha.shape
    size = (max(height // LOW_SCALE, 1), max(width // LOW_SCALE, 1))
    weight = alpha.clamp_min(1e-3)[..., None]
    parts = torch.cat([color * weight, weight], 2).permute(2, 0, 1)[None]
    mean = interpolate(parts, size=size, mode="bilinear", antialias=True)[0]
    return (mean[:3] / mean[3:]).half()
