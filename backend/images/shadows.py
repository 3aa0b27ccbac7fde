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
HUE = 0.4  # largest difference from the darkened background, in tolerances
SLOPE = 0.2  # largest change of color per pixel of `SIDE`, in tolerances: penumbras are softer
SMOOTH = 1.5  # pixels of `SIDE`: averages noise before slopes are taken
REACH = 3.0  # pixels of `SIDE` by which a shadow extends to the outline of the object before it


def shaded(
    color: Tensor, background: Tensor, alpha: Tensor, tolerance: float, *, steep: bool = False
) -> Tensor:
    """Return the background with its soft shadows, (H, W, 3).

    Parameters
    ----------
    color, background : (H, W, 3) sRGB in [0, 1]
    alpha : (H, W) the mask by the plain background, which may contain shadows
    steep : shadows may have edges, so that anything of the background's hue may be one
    """
    factor = min(SIDE / max(alpha.shape), 1.0)
    size = [max(round(side * factor), 1) for side in alpha.shape]
    seen, plain = (_resized(part.permute(2, 0, 1), size) for part in (color, background))
    seen = _smooth(seen)
    darkness = brightness(seen.movedim(0, -1), plain.movedim(0, -1))
    within = (seen - darkness * plain).abs().amax(0) <= HUE * tolerance
    passable = within.numpy()
    if not steep:
        passable &= _slope(seen.numpy()) <= SLOPE * tolerance
    outside = (_resized(alpha[None], size)[0] < 0.5).numpy()
    # Beside an outline, smoothed colors are partly the object's, so they tell no darkness.
    known = _reached(outside, passable) & passable
    return background * _extended(darkness.numpy(), known, alpha.shape)[..., None]


def brightness(color: Tensor, background: Tensor) -> Tensor:
    """Return the brightness of colors (H, W, 3) as a fraction of the background's, at most 1."""
    product = (color * background).sum(-1)
    return (product / background.square().sum(-1).clamp(min=1e-6)).clamp(DARKEST, 1.0)


def _reached(outside: np.ndarray, passable: np.ndarray) -> np.ndarray:
    """Return (h, w) bool: passable pixels that are joined to the background outside."""
    from scipy.ndimage import binary_propagation

    return cast("np.ndarray", binary_propagation(outside, mask=outside | passable))


def _smooth(color: Tensor) -> Tensor:
    from scipy.ndimage import gaussian_filter

    return torch.from_numpy(gaussian_filter(color.numpy(), (0, SMOOTH, SMOOTH)))


def _slope(color: np.ndarray) -> np.ndarray:
    """Return (h, w) the largest change of (3, h, w) per pixel."""
    down, right = np.gradient(color, axis=(1, 2))
    return np.hypot(down, right).max(0)


def _extended(darkness: np.ndarray, known: np.ndarray, size: torch.Size) -> Tensor:
    """Return (H, W) the darkness where it is known and a little beyond; 1 elsewhere."""
    from scipy.ndimage import gaussian_filter

    weight = gaussian_filter(known.astype(np.float32), REACH)
    mean = gaussian_filter((darkness * known).astype(np.float32), REACH)
    near = np.where(weight > 0.05, mean / np.maximum(weight, 0.05), 1.0)
    whole = torch.from_numpy(np.where(known, darkness, near).astype(np.float32))[None, None]
    return F.interpolate(whole, list(size), mode="bilinear", align_corners=False)[0, 0]


def _resized(image: Tensor, size: list[int]) -> Tensor:
    """Return (C, h, w) of (C, H, W)."""
    return F.interpolate(image[None], size, mode="bilinear", antialias=True, align_corners=False)[0]
