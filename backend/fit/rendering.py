"""Rendering a signed-distance grid along rays: sample positions and weights.

Opacity between two samples is NeuS's (Wang et al., 2021, Eq. 13): with P = sigmoid(s f),
(P_i - P_{i+1}) / P_i, at least 0.
"""

import torch
from torch import Tensor

from .grid import NodeGrid
from .rays import Rays

SOFTER = 0.5  # sharpness of the surface search, as a fraction of the rendering's
WIDEST = 1.5  # and at most this over the step between two coarse samples
EVERYWHERE = 1e-4  # minimum weight of every interval, so that each is sampled at times
NEAREST = 0.02  # weight of the interval where a ray comes nearest to the surface


def opacities(values: Tensor, sharpness: Tensor | float) -> Tensor:
    """Return (R, K) the opacity between K + 1 samples of rays, (R, K + 1)."""
    outside = torch.sigmoid(values * sharpness)
    before, after = outside[:, :-1], outside[:, 1:]
    return ((before - after) / (before + 1e-5)).clamp(0.0, 1.0)


def weights_of(alpha: Tensor) -> Tensor:
    """Return (R, K) the fraction of a ray that ends in each interval."""
    free = torch.cumprod(1.0 - alpha[:, :-1] + 1e-7, dim=1)
    return torch.cat([alpha[:, :1], free * alpha[:, 1:]], dim=1)


@torch.no_grad()
def sample_depths(
    rays: Rays,
    grid: NodeGrid,
    distances: Tensor,
    *,
    sharpness: float,
    coarse: int,
    fine: int,
    jitter: Tensor,
) -> Tensor:
    """Return (R, fine + 1) increasing distances along the rays, dense near the surface.

    Parameters
    ----------
    distances : (count,) the grid's values
    jitter : (R, fine + 1) in [0, 1), position of each sample in its stratum
    """
    length = (rays.far - rays.near)[:, None]
    along = torch.arange(coarse + 1, device=distances.device) / coarse
    depth = rays.near[:, None] + length * along
    points = rays.origins[:, None] + depth[..., None] * rays.directions[:, None]
    values = grid.sample(distances, points.reshape(-1, 3)).view_as(depth)
    step = length / coarse
    softer = torch.minimum(torch.full_like(step, sharpness * SOFTER), WIDEST / step)
    lowest = torch.minimum(values[:, :-1], values[:, 1:])
    nearest = torch.exp((lowest.amin(1, keepdim=True) - lowest) / step)
    weight = weights_of(opacities(values, softer)) + EVERYWHERE + NEAREST * nearest
    return rays.near[:, None] + length * _inverse(weight, jitter)


def _inverse(weight: Tensor, jitter: Tensor) -> Tensor:
    """Return (R, S) stratified samples, in [0, 1], of the stepwise density `weight`, (R, K)."""
    steps = weight.shape[1]
    total = torch.cumsum(weight, dim=1)
    ends = torch.nn.functional.pad(total / total[:, -1:], (1, 0))
    ends[:, -1] = 1.0
    count = jitter.shape[1]
    wanted = (torch.arange(count, device=weight.device) + jitter) / count
    upper = torch.searchsorted(ends, wanted, right=True).clamp(1, steps)
    low, high = ends.gather(1, upper - 1), ends.gather(1, upper)
    return (upper - 1 + (wanted - low) / (high - low).clamp_min(1e-9)) / steps
