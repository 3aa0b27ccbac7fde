"""Deep Meta Functionals: time (Eq. 6), silhouettes (section 6), and how it is trained."""

from collections.abc import Callable

import torch
from torch import Tensor

from ...training.recipes import Phase, Recipe, Sampling, adam

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


# ---------------------------------------------------------------- how it is trained

PAPER_RECIPE = Recipe(
    (
        adam(
            5e-5,
            460_000,
            decay="staircase",
            stairs=((0.5, 0.1), (0.75, 0.05)),
            clip=10.0,
            clip_each=True,
        ),
    ),
    Sampling(
        points=(("deep-meta-functionals", 11_000),),
        mirror=0.5,
        augment=("channels",),
        augmented=1.0,
    ),
    ema=0.0,
    source="Deep Meta Functionals 5.1 and the authors' code: Adam 5e-5, a tenth of it after 10 "
    "epochs, half of that after 5 more, 20 in all, each of 24 views of 30,661 objects; 11,000 "
    "points, batch 32, channels permuted, half of the images mirrored, gradients clipped at 10 "
    "a tensor",
)


SILHOUETTE_RECIPE = Recipe(
    (Phase("silhouette_loss", steps=20_000),),
    Sampling(objects=16, points=(("uniform", 1),), voxels=True, mirror=0.0),
    source="Deep Meta Functionals 6: silhouettes along the axes alone; the schedule is our own",
)
