"""Soft shadows on a plain background: darker, of the background's hue, and without edges.

A shadow multiplies the color of what it falls on (Horprasert, Harwood and Davis, "A Statistical
Approach for Real-time Robust Background Subtraction and Shadow Detection", 1999), in sRGB too,
whose curve is nearly a power. Hue alone does not tell a shadow from a grey object on a grey
background, so a shadow must also join the background without an edge, as penumbras do.
"""

from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

SIDE = 512  # pixels along the longer side at which shadows are found
DARKEST = 0.3  # brightness of a shadow, of the background's
HUE = 0.04  # largest difference from the darkened background's color, sRGB
SLOPE = 0.02  # largest change of color per pixel of `SIDE`; penumbras are softer, outlines are not
SMOOTH = 1.5  # pixels of `SIDE`: averages noise before slopes are taken
REACH = 3.0  # pixels of `SIDE` by which a shadow extends to the outline of the object before it


def shaded(color: Tensor, background: Tensor, alpha: Tensor) -> Tensor:
    """Return the background with its soft shadows, (H, W, 3).

    Parameters
    ----------
    color, background : (H, W, 3) sRGB in [0, 1]
    alpha : (H, W) the mask by the plain background, which may contain shadows
    """
    factor = min(SIDE / max(alpha.shape), 1.0)
    size = [max(round(side * factor), 1) for side in alpha.shape]
    seen, plain = (_resized(part.permute(2, 0, 1), size) for part in (color, background))
    darkness = (seen * plain).sum(0) / plain.square().sum(0).clamp(min=1e-6)
    darkness = darkness.clamp(DARKEST, 1.0)
    within = (seen - darkness * plain).abs().amax(0) <= HUE
    even = torch.from_numpy(_slope(seen.numpy()) <= SLOPE)
    outside = _resized(alpha[None], size)[0] < 0.5
    reached = _reached(outside.numpy(), (within & even).numpy())
    return background * _extended(darkness.numpy(), reached, alpha.shape)[..., None]


def _reached(outside: np.ndarray, passable: np.ndarray) -> np.ndarray:
    """Return (h, w) bool: passable pixels that are joined to the background outside."""
    from scipy.ndimage import binary_propagation

    return cast("np.ndarray", binary_propagation(outside, mask=outside | passable))


def _slope(color: np.ndarray) -> np.ndarray:
    """Return (h, w) the largest change of (3, h, w) per pixel, after smoothing."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(color, (0, SMOOTH, SMOOTH))
    down, right = np.gradient(smooth, axis=(1, 2))
    return np.hypot(down, right).max(0)


def _extended(darkness: np.ndarray, reached: np.ndarray, size: torch.Size) -> Tensor:
    """Return (H, W) the darkness where it was seen and a little beyond; 1 elsewhere."""
    from scipy.ndimage import gaussian_filter

    weight = gaussian_filter(reached.astype(np.float32), REACH)
    mean = gaussian_filter((darkness * reached).astype(np.float32), REACH)
    near = np.where(weight > 0.05, mean / np.maximum(weight, 0.05), 1.0)
    whole = torch.from_numpy(np.where(reached, darkness, near).astype(np.float32))[None, None]
    return F.interpolate(whole, list(size), mode="bilinear", align_corners=False)[0, 0]


def _resized(image: Tensor, size: list[int]) -> Tensor:
    """Return (C, h, w) of (C, H, W)."""
    return F.interpolate(image[None], size, mode="bilinear", antialias=True, align_corners=False)[0]
