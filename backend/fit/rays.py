"""The pixels of a fit, as rays with their colours and masks."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ..fields.hull import silhouette_map
from ..fields.silhouettes import PADDING
from ..geometry.views import View
from ..ticket import Ticket
from .grid import NodeGrid

SEARCH = 96  # samples of the first field along a ray, to find its ends
MARGIN = 0.07  # margin of a ray's range around the first surface, volume units
CHUNK = 1 << 14  # rays per pass
EDGE_REACH = 3.0  # pixels nearer than this to the edge weigh up to three times as much in the mask
OPAQUE = 0.98  # minimum alpha of a pixel that shows nothing but the object
BLOCK = 8  # side of held-out blocks, pixels
HELD_OUT = 25  # one block of this many is held out


@dataclass(frozen=True)
class Rays:
    """N pixels of all views.

    Attributes
    ----------
    origins, directions : (N, 3) volume frame, directions of length 1
    colors : (N, 3) as in the image, sRGB
    alpha : (N,) in [0, 1]
    weights : (N,) weights in the mask's loss
    pixel : (N,) width of the pixel at the volume's centre, volume units
    views : (N,) int64, index of the view
    held : (N,) bool, for the guard alone
    near, far : (N,) range of the object along the ray
    """

    origins: Tensor
    directions: Tensor
    colors: Tensor
    alpha: Tensor
    weights: Tensor
    pixel: Tensor
    views: Tensor
    held: Tensor
    near: Tensor
    far: Tensor

    def __len__(self) -> int:
        return len(self.alpha)

    def choose(self, index: Tensor) -> "Rays":
        """Return the rays at an index or a mask."""
        return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self)})


def rays_of(
    views: Sequence[View], reach: float, device: torch.device, ticket: Ticket | None = None
) -> Rays:
    """Return the rays of every pixel inside a silhouette or up to `reach` pixels outside it."""
    ticket, parts = ticket or Ticket(), []
    for index, view in enumerate(views):
        ticket.check()
        parts.append(_rays_of_view(index, view, reach))
    joined = {f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Rays)}
    return Rays(**{name: values.to(device) for name, values in joined.items()})


def _rays_of_view(index: int, view: View, reach: float) -> Rays:
    camera = view.camera
    assert camera is not None  # only posed views come here
    edge = silhouette_map(view.image[..., 3], camera)[PADDING:-PADDING, PADDING:-PADDING]
    edge = edge * camera.fx
    rows, columns = (edge < reach).nonzero().unbind(1)
    pixels = torch.stack([columns, rows], 1).double() + 0.5
    origins, directions = camera.rays(pixels)
    pixel, edge = view.image[rows, columns], edge[rows, columns]
    zeros = torch.zeros(len(rows))
    away = torch.ones(len(rows)) if camera.orthographic else origins.float().norm(dim=1)
    return Rays(
        origins.float(),
        torch.nn.functional.normalize(directions, dim=1).float(),
        pixel[:, :3],
        pixel[:, 3],
        1.0 + 2.0 * torch.exp(-edge.abs() / EDGE_REACH),
        away / camera.fx,
        torch.full((len(rows),), index),
        held_out(rows, columns, index),
        zeros,
        zeros,
    )


def held_out(rows: Tensor, columns: Tensor, view: int) -> Tensor:
    """Return which pixels of a view, (N,) each, are held out for the guard."""
    return (rows // BLOCK * 7 + columns // BLOCK * 3 + view * 11) % HELD_OUT == 0


@torch.no_grad()
def between(rays: Rays, grid: NodeGrid, distances: Tensor, ticket: Ticket | None = None) -> Rays:
    """Return the rays that come near a first surface, with the ends of that range."""
    ticket, parts = ticket or Ticket(), []
    for index in torch.arange(len(rays), device=distances.device).split(CHUNK):
        ticket.check()
        parts.append(_between(rays.choose(index), grid, distances))
    return Rays(**{f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Rays)})


def _between(rays: Rays, grid: NodeGrid, distances: Tensor) -> Rays:
    lower, upper = grid.box(distances.device)
    slope = torch.where(rays.directions.abs() < 1e-9, 1e-9, rays.directions)
    first, second = (lower - rays.origins) / slope, (upper - rays.origins) / slope
    enter = torch.minimum(first, second).amax(1).clamp_min(0.0)
    leave = torch.maximum(first, second).amin(1)
    along = torch.linspace(0.0, 1.0, SEARCH, device=distances.device)
    depth = enter[:, None] + (leave - enter).clamp_min(0.0)[:, None] * along
    points = rays.origins[:, None] + depth[..., None] * rays.directions[:, None]
    close = grid.sample(distances, points.reshape(-1, 3)).view_as(depth) < MARGIN
    step = (leave - enter) / SEARCH
    near = torch.where(close, depth, torch.inf).amin(1) - step
    far = torch.where(close, depth, -torch.inf).amax(1) + step
    kept = close.any(1) & (leave > enter)
    return replace(rays, near=near, far=far).choose(kept)
