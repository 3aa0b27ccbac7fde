"""Refine a coarse mask at an image's own edges.

Kaiming He, Jian Sun and Xiaoou Tang, "Guided Image Filtering", PAMI 2013: in every window alpha is
an affine function of the colour, q = a . I + b, fitted to the coarse mask. Kaiming He and Jian Sun,
"Fast Guided Filter", 2015: a and b vary slowly, so they are fitted at a small size and applied at
full size.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

RADIUS = 6  # pixels of the small size
EPSILON = 1e-4  # variance of colour below which a window counts as even


def guided(
    guide: Tensor, mask: Tensor, *, size: int, radius: int = RADIUS, epsilon: float = EPSILON
) -> Tensor:
    """Return the mask with the edges of the guide.

    Parameters
    ----------
    guide : (H, W, 3) the image
    mask : (H, W) in [0, 1]
    size
        Pixels along the longer side at which the affine functions are fitted.
    radius
        Of the windows, pixels of that size.
    epsilon
        Regularisation: greater follows the image less.

    Returns
    -------
    (H, W) in [0, 1]
    """
    full = guide.permute(2, 0, 1)[None]
    factor = min(size / max(mask.shape), 1.0)
    small = [max(round(side * factor), 1) for side in mask.shape]
    image = _resized(full, small)
    coarse = _resized(mask[None, None], small)
    slopes, offset = _affine(image, coarse, radius, epsilon)
    slopes, offset = (
        F.interpolate(part, mask.shape, mode="bilinear", align_corners=False)
        for part in (slopes, offset)
    )
    return ((slopes * full).sum(1) + offset[:, 0])[0].clamp(0, 1)


def _affine(image: Tensor, mask: Tensor, radius: int, epsilon: float) -> tuple[Tensor, Tensor]:
    """Return a, (1, 3, h, w), and b, (1, 1, h, w), of an image (1, 3, h, w) and a mask."""
    mean, mean_mask = _mean(image, radius), _mean(mask, radius)
    covariance = _mean(image * mask, radius) - mean * mean_mask  # (1, 3, h, w)
    products = image[:, :, None] * image[:, None]  # (1, 3, 3, h, w)
    variance = _mean(products.flatten(1, 2), radius).view_as(products)
    variance = (variance - mean[:, :, None] * mean[:, None]).permute(0, 3, 4, 1, 2)
    variance = variance + epsilon * torch.eye(3)
    right = covariance.permute(0, 2, 3, 1)[..., None]
    slopes = torch.linalg.solve(variance, right)[..., 0].permute(0, 3, 1, 2)
    offset = mean_mask - (slopes * mean).sum(1, keepdim=True)
    return _mean(slopes, radius), _mean(offset, radius)


def _mean(x: Tensor, radius: int) -> Tensor:
    """Return the mean over square windows, cut off at the border."""
    side = 2 * radius + 1
    rows = F.avg_pool2d(x, (side, 1), 1, (radius, 0), count_include_pad=False)
    return F.avg_pool2d(rows, (1, side), 1, (0, radius), count_include_pad=False)


def _resized(x: Tensor, size: list[int]) -> Tensor:
    if list(x.shape[2:]) == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=True)
