"""Decide a mask's undecided pixels by colour: the object's, or its surroundings'?

Carsten Rother, Vladimir Kolmogorov and Andrew Blake, "GrabCut", SIGGRAPH 2004, with histograms
instead of mixtures, and with a guided filter (`edges`) instead of a graph cut.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from .edges import guided

SIDE = 192  # pixels along the longer side at which colours are compared
BINS = 16  # of a histogram, along each of red, green and blue
ROUNDS = 3  # of histograms and masks, each from the other
WEIGHT = 0.5  # of the colours' log odds against the mask's
LARGEST_ODDS = 2.5  # of a colour, a logarithm
LEAST = 0.05  # probability that a mask gives to the object, or to the background, anywhere
RARE = 1e-4  # density of a colour that was not seen
RADIUS, EPSILON = 6, 1e-3  # of the guided filter


def decided_by_color(color: Tensor, mask: Tensor, window: tuple[slice, slice]) -> Tensor:
    """Return a mask, (H, W) in [0, 1], with undecided pixels decided by their colours.

    Parameters
    ----------
    color : (H, W, 3) sRGB in [0, 1]
    mask : (H, W) in [0, 1]
    window
        Rows and columns around the object: pixels beyond are background, but their colours do not
        represent the background behind the object.
    """
    factor = min(SIDE / max(mask.shape), 1.0)
    size = [max(round(side * factor), 1) for side in mask.shape]
    around = torch.zeros_like(mask)
    around[window] = 1
    small = _resized(color.permute(2, 0, 1), size).permute(1, 2, 0)
    before, near = _resized(mask[None], size)[0], (_resized(around[None], size)[0] > 0.5).float()
    cells = _cells(small)
    prior = torch.logit(before.clamp(LEAST, 1 - LEAST))
    decided = before
    for _ in range(ROUNDS):
        own = _histogram(cells, decided * near)
        other = _histogram(cells, (1 - decided) * near)
        odds = ((own[cells] + RARE) / (other[cells] + RARE)).log()
        odds = odds.clamp(-LARGEST_ODDS, LARGEST_ODDS).view_as(before)
        likely = (prior + WEIGHT * odds).sigmoid()
        decided = near * guided(small, likely, size=SIDE, radius=RADIUS, epsilon=EPSILON)
    return F.interpolate(
        decided[None, None], tuple(mask.shape), mode="bilinear", align_corners=False
    )[0, 0]


def _cells(color: Tensor) -> Tensor:
    """Return (N,) the histogram's cell of each pixel of (h, w, 3)."""
    red, green, blue = (color * BINS).long().clamp(0, BINS - 1).flatten(0, 1).unbind(1)
    return (red * BINS + green) * BINS + blue


def _histogram(cells: Tensor, weights: Tensor) -> Tensor:
    """Return (BINS^3,) the smoothed density of cells, weighted by (h, w)."""
    counts = torch.zeros(BINS**3).index_add_(0, cells, weights.flatten())
    cube = counts.view(1, 1, BINS, BINS, BINS)
    for axis in range(3):
        shape, padding = [1, 1, 1, 1, 1], [0, 0, 0]
        shape[2 + axis], padding[axis] = 3, 1
        cube = F.conv3d(cube, torch.tensor([0.25, 0.5, 0.25]).view(shape), padding=padding)
    return cube.flatten() / cube.sum().clamp(min=1e-12)


def _resized(image: Tensor, size: list[int]) -> Tensor:
    """Return (C, h, w) of (C, H, W)."""
    return F.interpolate(image[None], size, mode="bilinear", antialias=True, align_corners=False)[0]
