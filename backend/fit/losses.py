"""The losses of a fit; losses on the grid's nodes return their derivatives, derived by hand."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize, softplus

from .appearance import encoded, shade
from .band import DUMMIES, Band
from .grid import Interpolate
from .rays import OPAQUE, Rays
from .rendering import opacities, weights_of

SEEN = 2e-3  # weight below which a sample's colour is not computed
BRIGHTEST = 0.996  # channel value at which the image may have clipped brighter light
FAINT = 0.1  # opacity of a ray below which its colour counts less
EDGE = 4.0  # steepness of a silhouette's edge, per pixel: a sigmoid that is nearly its coverage
DEEP = 0.5  # depth below the surface, in pixels, from which an opaque pixel is covered


@dataclass(frozen=True)
class Tables:
    """A band's numbers, ready to be interpolated, (M + 2, ...) each.

    values : (M + 2, 1) distances
    slopes : (M + 2, 3) their gradients
    albedo : (M + 2, 3) logits of the albedo
    shared : light and highlight
    gains : (V, 3) logarithms of the views' exposures, by channel
    """

    values: Tensor
    slopes: Tensor
    albedo: Tensor
    shared: Tensor
    gains: Tensor

    @property
    def leaves(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The numbers that a loss is differentiated by."""
        return self.values, self.slopes, self.albedo, self.shared, self.gains


@dataclass(frozen=True)
class RayLosses:
    """Mean losses of the colours and of the mask, and (R,) the colours' loss per ray, detached."""

    color: Tensor
    mask: Tensor
    by_ray: Tensor


def ray_losses(
    tables: Tables, band: Band, rays: Rays, depth: Tensor, sharpness: float
) -> RayLosses:
    """Render rays, (R,), at the samples `depth`, (R, K + 1), and compare with the images.

    A ray's colour is weighted by the alpha of its pixel. It is the mean over the samples that stop
    its light: if light that misses the object cost nothing, a thin part whose colours are a little
    wrong would be eaten from inside until it is transparent.

    The mask's loss does not depend on the surface's softness, see `mask_losses`: a thin wall is not
    opaque while the surface is soft (a transmittance of 0.29 at sharpness 60 and thickness 0.03),
    and making it opaque would fill the hollow behind it.
    """
    points = rays.origins[:, None] + depth[..., None] * rays.directions[:, None]
    nodes, mix = band.grid.corners(points.reshape(-1, 3))
    rows = band.places.index_select(0, nodes.view(-1)).view_as(nodes)
    values = Interpolate.apply(tables.values, rows, mix).view_as(depth)
    weights = weights_of(opacities(values, sharpness))
    rays_seen, samples = (weights.detach() > SEEN).nonzero().unbind(1)
    chosen = rays_seen * depth.shape[1] + samples
    table = torch.cat([tables.slopes, tables.albedo], dim=1)
    features = Interpolate.apply(table, rows.index_select(0, chosen), mix.index_select(0, chosen))
    normals = normalize(features[:, :3], dim=1, eps=1e-4)
    linear = shade(
        torch.sigmoid(features[:, 3:]), normals, rays.directions[rays_seen], tables.shared
    )
    exposure = tables.gains.exp().index_select(0, rays.views.index_select(0, rays_seen))
    wanted = rays.colors.index_select(0, rays_seen)
    missed = encoded(linear * exposure) - wanted
    missed = torch.where(wanted < BRIGHTEST, missed, missed.clamp_max(0.0))  # clipped highlights
    stopped = weights[rays_seen, samples]
    error = torch.zeros_like(rays.colors).index_add(0, rays_seen, stopped[:, None] * missed)
    opacity = torch.zeros_like(rays.alpha).index_add(0, rays_seen, stopped)
    by_ray = error.abs().mean(1) / opacity.clamp_min(FAINT) * rays.alpha
    least = values.amin(1) / rays.pixel
    mask = (rays.weights * mask_losses(least, rays.alpha)).mean()
    return RayLosses(by_ray.mean(), mask, by_ray.detach())


def mask_losses(least: Tensor, alpha: Tensor) -> Tensor:
    """Return (R,) cross-entropies of masks by the rays' least distances in pixels, (R,).

    A ray's coverage is sigmoid(-EDGE * least), as in IDR (Yariv et al., 2020, Eq. 7). An opaque
    pixel whose ray goes below the surface by `DEEP` is covered and costs nothing.
    """
    logits = -EDGE * least
    entropy = alpha * softplus(-logits) + (1.0 - alpha) * softplus(logits)
    return torch.where((alpha > OPAQUE) & (least < -DEEP), 0.0, entropy)


@dataclass(frozen=True)
class Reference:
    """A field that smoothness is relative to, at a band's M nodes.

    bends : (M,) its Laplacian, in steps of the grid, times a weight
    lengths : (M,) the lengths of its gradients
    """

    bends: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, values: Tensor, band: Band) -> "Reference":
        """Return the reference of a field with the values, (M + 2,), at the band's rows."""
        near = band.near(values)
        lengths = band.gradient(near).square().sum(0).sqrt()
        return cls(near.sum(0) - 6.0 * values[:-DUMMIES], lengths)

    def weighted(self, weight: Tensor) -> "Reference":
        """Return the reference with its Laplacian times `weight`, (M,)."""
        return Reference(weight * self.bends, self.lengths)


@torch.no_grad()
def distance_losses(
    near: Tensor,
    values: Tensor,
    band: Band,
    *,
    eikonal: float,
    laplacian: float,
    crease: float,
    reference: Reference | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the eikonal and the smoothness loss, weighted, and their derivatives.

    A smoothness loss of the field itself moves whatever has no other evidence: it shrinks hollows
    and thin parts, as a flow by curvature does. One of the difference from a `reference` does not.

    Parameters
    ----------
    near : (6, M) distances at the neighbours
    values : (M,) at the nodes
    crease : the loss is linear (Huber) above this Laplacian, in steps of the grid
    reference : field whose Laplacian and gradient lengths are aimed at; None: 0 and 1

    Returns
    -------
    loss, its derivative by the gradients (3, M), and by the Laplacians in steps of the grid (M,)
    """
    total = band.complete.sum().clamp_min(1.0)
    slopes = band.gradient(near)
    x, y, z = slopes
    length = (x * x + y * y + z * z).sqrt_().clamp_min_(1e-9)
    off = (length - (1.0 if reference is None else reference.lengths)) * band.complete
    bend = near.sum(0) - 6.0 * values
    bend = bend if reference is None else bend - reference.bends
    bend = bend * band.complete / band.grid.spacing
    # Huber: shallow dents have a quadratic loss, creases and the rims of hollows a linear one.
    limited = bend.clamp(-crease, crease)
    smoothness = (limited * (2.0 * bend - limited)).sum()
    loss = (eikonal * off.square().sum() + laplacian * smoothness) / total
    by_slope = slopes * (2.0 * eikonal / total * off / length)
    by_bend = limited * (2.0 * laplacian / (total * band.grid.spacing))
    return loss, by_slope, by_bend


@torch.no_grad()
def variation(values: Tensor, band: Band, axis: int) -> tuple[Tensor, Tensor]:
    """Return the mean absolute difference of (M + 2, C) values along an axis; its derivative."""
    after, before = band.neighbours[2 * axis], band.neighbours[2 * axis + 1]
    difference = (values.index_select(0, after) - values[:-DUMMIES]) * band.complete[:, None]
    scale = 1.0 / (band.complete.sum().clamp_min(1.0) * values.shape[1])
    by_difference = band.padded(difference.sign() * scale)
    result = band.padded(by_difference.index_select(0, before)) - by_difference
    return difference.abs().sum() * scale, result
