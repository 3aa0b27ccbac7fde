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

STRIDE = 0.01  # added to each advance along a ray, volume units: rays may graze the margin
ADVANCES = 512  # at most: a far camera's depths are too coarse in 32 bits to grow by a stride
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
    enter, leave = _box_ends(rays, grid)
    near, ahead = _advanced(rays, grid, distances, enter, leave)
    kept = (ahead & (leave > enter)).nonzero()[:, 0]
    rays, near, enter, leave = rays.choose(kept), near[kept], enter[kept], leave[kept]
    back = replace(rays, directions=-rays.directions)
    far, _ = _advanced(back, grid, distances, -leave, -enter)
    far = torch.maximum(-far, near + 2.0 * STRIDE)  # a grazing ray may miss on its way back
    return replace(rays, near=near, far=far).choose(far > near)


def _box_ends(rays: Rays, grid: NodeGrid) -> tuple[Tensor, Tensor]:
    """Return (R,) where rays enter and leave the grid's box."""
    lower, upper = grid.box(rays.origins.device)
    slope = torch.where(rays.directions.abs() < 1e-9, 1e-9, rays.directions)
    first, second = (lower - rays.origins) / slope, (upper - rays.origins) / slope
    return torch.minimum(first, second).amax(1).clamp_min(0.0), torch.maximum(first, second).amin(1)


def _advanced(
    rays: Rays, grid: NodeGrid, distances: Tensor, start: Tensor, end: Tensor
) -> tuple[Tensor, Tensor]:
    """Return (R,) where rays come within `MARGIN` of a surface, from `start` on; whether they do.

    Sphere tracing (Hart, 1996): a ray advances by the distance known at its place.
    """
    at, done = start.clone(), torch.zeros_like(start, dtype=torch.bool)
    moving = (start < end).nonzero()[:, 0]
    for _ in range(ADVANCES):
        if not len(moving):
            break
        here = rays.origins[moving] + at[moving, None] * rays.directions[moving]
        left = grid.sample(distances, here) - MARGIN
        close = left < 0
        done[moving[close]] = True
        moving, left = moving[~close], left[~close]
        at[moving] += left + STRIDE
        moving = moving[at[moving] < end[moving]]
    return at - STRIDE, done
