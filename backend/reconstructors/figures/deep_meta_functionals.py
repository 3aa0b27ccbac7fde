"""Deep Meta Functionals: thresholds (figure 6), Jacobian norm (figure 10), silhouettes (section 6).

The paper does not define the silhouettes' cameras; see `axis_rays` for ours.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ...fields import Field
from ..deep_meta_functionals import DeepMetaFunctionals, Functional

THRESHOLDS = (0.1, 0.3, 0.5, 0.6, 0.7, 0.9)  # the family of level sets of figure 6


def silhouette_loss(
    model: DeepMetaFunctionals,
    images: Tensor,
    silhouettes: Tensor,
    *,
    samples: int = 64,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the mean squared error of rendered silhouettes (section 6).

    Parameters
    ----------
    images : (B, 4, S, S) RGBA, what f sees
    silhouettes : (B, 3, R, R) in [0, 1], along x, y and z as `axis_rays` says
    samples : points along each ray, jittered
    """
    rays = axis_rays(silhouettes.shape[-1], samples, generator=generator).to(images.device)
    points = model.to_method(rays).expand(len(images), -1, -1, -1)  # (B, 3 R^2, samples, 3)
    return F.mse_loss(render_silhouettes(model(images), points), silhouettes.flatten(1))


def jacobian_norm(field: Field, points: Tensor) -> Tensor:
    """Return |dg/dp| at points (N, 3), volume frame (equation 5): low where the surface is flat."""
    gradient = field.gradient(points)
    assert gradient is not None  # every functional is differentiable
    return gradient.norm(dim=1)


def jacobian_colors(norm: Tensor) -> Tensor:
    """Return linear RGBA (N, 4), from yellow at the least norm to blue at the greatest."""
    low, high = torch.aminmax(norm)
    fraction = ((norm - low) / (high - low).clamp(min=1e-12))[:, None]
    yellow, blue = norm.new_tensor([1.0, 1.0, 0.0, 1.0]), norm.new_tensor([0.0, 0.0, 1.0, 1.0])
    return torch.lerp(yellow, blue, fraction)


def axis_rays(side: int, samples: int, *, generator: torch.Generator | None = None) -> Tensor:
    """Return points along the rays of three orthographic views, (3 * side^2, samples, 3).

    The views look along x, y and z of the volume. A ray runs through the centre of each of the
    side x side pixels; a pixel's row and column are the other two axes in order of the alphabet,
    both rising. The points are stratified, jittered within their stratum.
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
    return torch.stack(views).flatten(0, 2)


def render_silhouettes(functional: Functional, points: Tensor) -> Tensor:
    """Return (B, R): the greatest probability along each ray, points (B, R, S, 3) method frame."""
    logits = functional(points.flatten(1, 2)).unflatten(1, points.shape[1:3])
    return logits.amax(2).sigmoid()
