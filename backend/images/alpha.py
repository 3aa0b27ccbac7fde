"""Straight and premultiplied alpha, and backgrounds that objects are composited on."""

from typing import Literal

import torch
from torch import Tensor

BackgroundKind = Literal["white", "black", "grey", "rgba"]
_BRIGHTNESS = {"white": 1.0, "black": 0.0, "grey": 0.5}


def premultiply(image: Tensor, *, dim: int = -1) -> Tensor:
    """Return premultiplied RGBA of straight alpha, with the 4 channels along `dim`."""
    color, alpha = image.split([3, 1], dim)
    return torch.cat([color * alpha, alpha], dim)


def straighten(image: Tensor) -> Tensor:
    """Return (..., 4) straight alpha of premultiplied colours; colour 0 where alpha is 0."""
    alpha = image[..., 3:].clamp(0, 1)
    color = torch.where(alpha > 1e-4, image[..., :3] / alpha.clamp(min=1e-4), 0.0)
    return torch.cat([color.clamp(0, 1), alpha], -1)


def network_input(
    images: Tensor, background: BackgroundKind, *, cut: float | None = None
) -> Tensor:
    """Composite the object on the background that a network was trained with.

    Parameters
    ----------
    images : (..., 4, H, W) straight alpha
    cut : for networks trained on hard edges: pixels of at least this alpha keep their own colour,
        the others are background; with 0 those of any alpha. None: soft edges are blended

    Returns
    -------
    (..., 3, H, W), or (..., 4, H, W) with colour 0 where alpha is 0 for "rgba"
    """
    color, alpha = images[..., :3, :, :], images[..., 3:, :, :]
    if cut is not None:
        alpha = (alpha >= cut).to(alpha) if cut > 0 else (alpha > 0).to(alpha)
    if background == "rgba":
        return torch.cat([torch.where(alpha > 0, color, 0.0), alpha], -3)
    over = color * alpha
    brightness = _BRIGHTNESS[background]
    return over + brightness * (1 - alpha) if brightness else over
