"""Sound bounds of a sum of Gaussian bumps over boxes."""

import torch
from torch import Tensor

_PAIRS = 1 << 20
"""Pairs of a box and a bump handled at once, to keep memory small."""


def rbf_bounds(
    lower: Tensor, upper: Tensor, centers: Tensor, weights: Tensor, *, scale: float
) -> tuple[Tensor, Tensor]:
    """Return bounds of sum_i weights_i exp(-|p - centers_i|² / scale) over boxes of p.

    Each bump's own range is exact; the ranges are added. A bump is greatest at the box's nearest
    point to its centre and least at the farthest corner.

    Parameters
    ----------
    lower, upper : (B, D) corners of the boxes
    centers : (N, D)
    weights : (N,)
    scale : squared length, positive

    Returns
    -------
    low, high : (B,)
    """
    step = max(1, _PAIRS // max(len(weights), 1))
    parts = [
        _bounds(low, high, centers, weights, scale)
        for low, high in zip(lower.split(step), upper.split(step), strict=True)
    ]
    low, high = (torch.cat(ends) for ends in zip(*parts, strict=True))
    slack = 1e-6 * weights.abs().sum()  # float32's rounding
    return low - slack, high + slack


def _bounds(
    lower: Tensor, upper: Tensor, centers: Tensor, weights: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    below, above = lower[:, None] - centers, centers - upper[:, None]  # (B, N, D)
    near = torch.maximum(below, above).clamp_(min=0).square_().sum(dim=2)
    far = torch.maximum(below.abs(), above.abs()).square_().sum(dim=2)
    greatest, least = torch.exp(near / -scale), torch.exp(far / -scale)
    positive, negative = weights.clamp(min=0), weights.clamp(max=0)
    return least @ positive + greatest @ negative, greatest @ positive + least @ negative
