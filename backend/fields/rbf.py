"""Sums of Gaussian bumps, and the interval rule for them."""

import torch
from torch import Tensor

from .field import Field, FieldKind

_PAIRS = 1 << 20
"""Pairs of a box and a bump handled at once, to keep memory small."""


def rbf_sum(points: Tensor, centers: Tensor, weights: Tensor, *, scale: float) -> Tensor:
    """Return sum_i weights_i exp(-|p - centers_i|² / scale).

    Parameters
    ----------
    points : (P, D)
    centers : (N, D)
    weights : (N,)
    scale : squared length, positive

    Returns
    -------
    (P,)
    """
    squares = points.square().sum(1, keepdim=True) + centers.square().sum(1)
    distance = torch.addmm(squares, points, centers.T, alpha=-2).clamp_(min=0)
    return distance.mul_(-1 / scale).exp_() @ weights


def rbf_bounds(
    lower: Tensor, upper: Tensor, centers: Tensor, weights: Tensor, *, scale: float
) -> tuple[Tensor, Tensor]:
    """Return bounds of `rbf_sum` over boxes: each bump's own range is exact, the ranges are added.

    A bump is greatest at the box's nearest point to its centre and least at the farthest corner.

    Parameters
    ----------
    lower, upper : (B, D) corners of the boxes
    centers, weights, scale : as for `rbf_sum`

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
    slack = 1e-6 * weights.abs().sum()  # float32's own error
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


class RbfField(Field):
    """offset + sum_i weights_i exp(-|p - centers_i|² / scale), negative inside.

    Parameters
    ----------
    centers : (N, 3) volume frame
    weights : (N,)
    scale : squared length, volume units²
    offset : added to the sum
    """

    def __init__(
        self,
        centers: Tensor,
        weights: Tensor,
        *,
        scale: float,
        offset: float = 0.0,
        kind: FieldKind = "occupancy",
    ) -> None:
        self.centers, self.weights, self.scale, self.offset = centers, weights, scale, offset
        self.kind, self.device = kind, centers.device

    def __call__(self, points: Tensor) -> Tensor:
        """Evaluate the sum: (P, 3) to (P,)."""
        return rbf_sum(points, self.centers, self.weights, scale=self.scale) + self.offset

    def bounds(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
        """Return sound bounds over (B, 3) boxes."""
        low, high = rbf_bounds(lower, upper, self.centers, self.weights, scale=self.scale)
        return low + self.offset, high + self.offset
