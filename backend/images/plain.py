"""Masks of objects before plain backgrounds, by color, without soft shadows.

A color as far from the background's as the tolerance is the object's. No tolerance suits all
images: parts of nearly the background's color need a small one, noise and shadows a large one. So
masks at several tolerances are compared, and two that agree are trusted.
"""

from typing import cast

import numpy as np
import torch
from torch import Tensor

from .salient import FIRM, firmness, mask_iou
from .shadows import SIDE, brightness, shaded

SPECK = 1 / 2000  # enclosed patches of background below this fraction of the image are highlights
SCALES = (1.0, 0.5, 0.3)  # of the tolerance
SMOOTH = 1.0  # pixels: averages noise where faint parts are looked for
STRIP = 4  # pixels: strips narrower than this may be lost at an outline
AGREE = 0.93  # minimum IoU of masks at two successive tolerances


def distance_alpha(color: Tensor, background: Tensor, tolerance: float) -> Tensor:
    """Return the alpha (H, W) of an image (H, W, 3) before a background.

    Alpha rises with a pixel's distance to the background's color, largest over the channels, and
    passes one half at the tolerance; enclosed specks of background color, such as highlights,
    belong to the object.
    """
    distance = (color - background).abs().amax(dim=2)
    alpha = (distance / (2 * tolerance)).clamp(0.0, 1.0)
    return torch.where(_specks(alpha), 1.0, alpha)


def unshadowed_alpha(
    color: Tensor, background: Tensor, tolerance: float, *, steep: bool = False
) -> Tensor:
    """Return `distance_alpha` before a background with its shadows, see `shaded`."""
    alpha = distance_alpha(color, background, tolerance)
    shadowed = shaded(color, background, alpha, tolerance, steep=steep)
    return distance_alpha(color, shadowed, tolerance)


def tinted_alpha(color: Tensor, background: Tensor, tolerance: float) -> Tensor:
    """Return the alpha (H, W) of colors that are not the background's at any brightness below it.

    It finds faint parts, other than those that look like a shadow.
    """
    from scipy.ndimage import gaussian_filter

    smooth = torch.from_numpy(gaussian_filter(color.numpy(), (SMOOTH, SMOOTH, 0)))
    return distance_alpha(smooth, background * brightness(smooth, background)[..., None], tolerance)


def masks_at_scales(
    color: Tensor, background: Tensor, tolerance: float, error: float
) -> tuple[list[Tensor], bool]:
    """Return masks at smaller and smaller tolerances, until one confirms that before it.

    A mask confirms nothing if much of it is neither object nor background, if it lacks much of what
    has another hue than the background, or if much of it may be a shadow. In the last case a mask
    without all that may be one follows.

    Parameters
    ----------
    error
        Of the background, sRGB: smaller tolerances are not tried.

    Returns
    -------
    The masks, each `unshadowed_alpha`, and whether the last was confirmed.
    """
    made: list[Tensor] = []
    last = tolerance
    least = max(SCALES[-1] * tolerance, 1 / 255)
    faint = tinted_alpha(color, background, least) if error <= least else None
    for scale in SCALES:
        smaller = max(scale * tolerance, 1 / 255)
        if made and smaller < error:
            break
        alpha = unshadowed_alpha(color, background, smaller)
        if made and mask_iou(made[-1], alpha) >= AGREE and _complete(alpha, faint):
            without = unshadowed_alpha(color, background, last, steep=True)
            if much_lost(made[-1], without):
                return [*made, alpha, without], False
            return made, firmness(made[-1]) >= FIRM
        made.append(alpha)
        last = smaller
    return made, False


def much_lost(alpha: Tensor, less: Tensor) -> bool:
    """Return whether a mask (H, W) lacks much of another one, not counting strips at its outline.

    Compared are masks of `SIDE` pixels.
    """
    from scipy.ndimage import binary_opening

    step = max(round(max(alpha.shape) / SIDE), 1)
    whole, rest = (part[::step, ::step].numpy() > 0.5 for part in (alpha, less))
    lost = binary_opening(whole & ~rest, np.ones((STRIP, STRIP)))
    return bool(lost.sum() > (1 - AGREE) * whole.sum())


def _complete(alpha: Tensor, faint: Tensor | None) -> bool:
    """Return whether a mask contains nearly all of another one, if that is known."""
    return faint is None or not much_lost(torch.maximum(alpha, faint), alpha)


def _specks(alpha: Tensor) -> Tensor:
    """Return (H, W) bool: small patches of background that do not touch the image's border."""
    from scipy.ndimage import label

    labels, count = cast("tuple[np.ndarray, int]", label(alpha.numpy() < 0.5))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    small = sizes < SPECK * alpha.numel()
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    small[border] = False
    small[0] = False
    return torch.from_numpy(small[labels])
