"""Another method's field as signed distances, for a fit to start from."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, max_pool2d

from ..fields.field import Field
from ..geometry.cameras import Camera
from ..geometry.images import shrink
from ..geometry.views import View
from ..ticket import Ticket
from .band import redistance
from .grid import Grid

CELLS = 64  # along a side of the grid of distances
BLOCK = 1 << 14  # points per call
LONGEST = 128  # pixels along the longer side of an image when uncovered rays are searched
ALONG = 96  # samples per ray
SHEET = 0.008  # minimum half thickness of the surface added to cover a ray


@torch.no_grad()
def distances_of(field: Field, ticket: Ticket | None = None) -> Callable[[Tensor], Tensor]:
    """Return signed distances, (N, 3) points to (N,), with the surface of `field`.

    A field's values are not distances everywhere, and an occupancy's nowhere. Near the surface, the
    distance is the value over the length of its gradient; elsewhere it is measured between the
    nodes of a grid.
    """
    side = torch.tensor([1.0, 1.0, 1.0])
    grid = Grid.over(-side, side, CELLS)
    nodes = grid.nodes(field.device)
    values = evaluate(field, nodes, ticket) - field.level()
    distances = redistance(grid, _near(grid, values), grid.spacing)

    def at(points: Tensor) -> Tensor:
        return grid.sample(distances, points) + grid.box_distance(points)

    return at


def evaluate(
    function: Callable[[Tensor], Tensor], points: Tensor, ticket: Ticket | None = None
) -> Tensor:
    """Return a function's values at points, block by block, asking the ticket in between."""
    parts = []
    for part in points.split(BLOCK):
        if ticket is not None:
            ticket.check()
        parts.append(function(part))
    return torch.cat(parts).float()


def _near(grid: Grid, values: Tensor) -> Tensor:
    """Return the values over the length of their gradient, (count,)."""
    volume = values.view(grid.shape)
    slopes = torch.gradient(volume, spacing=grid.spacing)
    length = torch.stack(slopes).square().sum(0).sqrt()
    return (volume / length.clamp_min(1e-6)).reshape(-1)


@torch.no_grad()
def agreeing(
    first: Callable[[Tensor], Tensor],
    views: Sequence[View],
    hull: Callable[[Tensor], Tensor],
    ticket: Ticket | None = None,
) -> Callable[[Tensor], Tensor]:
    """Return a field like `first` with the silhouette as its outline in every view.

    A ray through a silhouette that misses the surface has a nearest point to it. The field is
    lowered along the ray by its value there, so that the surface reaches that point and no other;
    parts outside the hull are cut off.

    Parameters
    ----------
    first : signed distances, (N, 3) points to (N,)
    views : posed in the volume's frame
    hull : their visual hull, in the same frame
    """
    lowered = first
    for view in views:
        small = shrink(view, LONGEST)
        assert small.camera is not None  # all are posed
        lowered = _lowered(lowered, small.camera, _misses(lowered, small, ticket))
    return lambda points: torch.maximum(lowered(points), hull(points))


def _misses(first: Callable[[Tensor], Tensor], view: View, ticket: Ticket | None) -> Tensor:
    """Return (H, W) the amounts to lower the field by, so that the rays of a silhouette meet it."""
    camera = view.camera
    assert camera is not None  # all are posed
    rows, columns = (view.image[..., 3] >= 0.5).nonzero().unbind(1)
    pixels = torch.stack([columns, rows], 1).double() + 0.5
    origins, directions = (tensor.float() for tensor in camera.rays(pixels))
    directions = torch.nn.functional.normalize(directions, dim=1)
    middle = -(origins * directions).sum(1, keepdim=True)  # the ray's nearest point to the centre
    along = torch.linspace(-1.8, 1.8, ALONG)
    depth = (middle + along).clamp_min(0.0)
    result = torch.zeros(view.image.shape[:2])
    for part in torch.arange(len(rows)).split(BLOCK // 8):
        points = origins[part, None] + depth[part, :, None] * directions[part, None]
        values = evaluate(first, points.reshape(-1, 3), ticket).view(len(part), ALONG)
        values = torch.where(points.abs().amax(2) <= 1.0, values, torch.inf)
        nearest = values.amin(1) + SHEET
        result[rows[part], columns[part]] = torch.where(nearest.isfinite(), nearest, 0.0)
    # A little beyond the outline too, where the hull cuts: its edge lies between pixels.
    return max_pool2d(result.clamp_min(0.0)[None], 3, 1, 1)[0]


def _lowered(
    first: Callable[[Tensor], Tensor], camera: Camera, misses: Tensor
) -> Callable[[Tensor], Tensor]:
    """Return a field lowered along the rays of a camera by (H, W) amounts."""
    size = torch.tensor([camera.width, camera.height])

    def at(points: Tensor) -> Tensor:
        pixels, depth = camera.project(points)
        place = (2.0 * pixels / size - 1.0).float()[None, None]
        by = grid_sample(misses[None, None], place, padding_mode="zeros", align_corners=False)
        return first(points) - torch.where(depth > 0, by[0, 0, 0], 0.0)

    return at
