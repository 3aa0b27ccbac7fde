"""Deep Meta Functionals: thresholds (figure 6), Jacobian norm (figure 10), silhouettes (section 6).

The paper does not define the silhouettes' cameras; see `axis_rays` for ours.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ...fields import Field
from ..deep_meta_functionals import DeepMetaFunctionals
from ..networks.deep_meta_functionals import axis_rays, render_silhouettes

OUTLIERS = 0.02  # fraction of the vertices at either end that share the extreme colour
MOST_RANKED = 1 << 23  # vertices among which they are found
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
    """Return linear RGBA (N, 4), from yellow at the least norm to blue at the greatest.

    Both ends are at `OUTLIERS` of the vertices, or a few sharp corners would take all contrast.
    """
    ends = torch.quantile(norm[:MOST_RANKED], norm.new_tensor([OUTLIERS, 1 - OUTLIERS]))
    low, high = ends.unbind()
    fraction = ((norm - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)[:, None]
    yellow, blue = norm.new_tensor([1.0, 1.0, 0.0, 1.0]), norm.new_tensor([0.0, 0.0, 1.0, 1.0])
    return torch.lerp(yellow, blue, fraction)
