"""Deep Meta Functionals beyond labels of still shapes: time (Eq. 6), silhouettes (section 6)."""

from collections.abc import Callable

import torch
from torch import Tensor

Classifier = Callable[[Tensor], Tensor]
"""g of B objects: logits (B, P) at points (B, P, coordinates), method frame."""


def axis_rays(
    side: int, samples: int, *, generator: torch.Generator | None = None, half: float = 1.0
) -> Tensor:
    """Return points along the rays of three orthographic views, (3 * side^2, samples, 3).

    The views look along x, y and z of the volume, over the cube [-half, half]^3. A ray runs through
    the centre of each of the side x side pixels; a pixel's row and column are the other two axes in
    order of the alphabet, both rising. The points are stratified, jittered within their stratum.
    """
    centers = (torch.arange(side) + 0.5) * (2 / side) - 1
    row, column = torch.meshgrid(centers, centers, indexing="ij")
    shape = (3, side, side, samples)
    depth = (torch.arange(samples) + torch.rand(shape, generator=generator)) * (2 / samples) - 1
    row, column = row[..., None].expand(shape[1:]), column[..., None].expand(shape[1:])
    views = [
        torch.stack([depth[0], row, column], -1),
        torch.stack([row, depth[1], column], -1),
        torch.stack([row, column, depth[2]], -1),
    ]
    return half * torch.stack(views).flatten(0, 2)


def render_silhouettes(functional: Classifier, points: Tensor) -> Tensor:
    """Return (B, R): the greatest probability along each ray, points (B, R, S, 3) method frame."""
    logits = functional(points.flatten(1, 2)).unflatten(1, points.shape[1:3])
    return logits.amax(2).sigmoid()


def smoothness(functional: Classifier, points: Tensor, weights: Tensor) -> Tensor:
    """Return S of equation 6: the mean of |dP/dt| at points (B, P, 4), weighted by (B, P)."""
    with torch.enable_grad():
        points = points.detach().requires_grad_(True)
        probability = functional(points).sigmoid().sum()
        (gradient,) = torch.autograd.grad(probability, points, create_graph=True)
    weights = weights.to(gradient.dtype)
    return (gradient[..., 3].abs() * weights).sum() / weights.sum().clamp(min=1)
