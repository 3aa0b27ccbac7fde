"""The start of a fit: another method's field as distances, and the object's box."""

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
from .grid import NodeGrid

CELLS = 64  # of the guess's grid, along the hull's longest side
LOOKED = 64  # cells of the grid to find an object's box
APART = 3.0  # cells beyond the hull up to which a guess is evaluated
BLOCK = 1 << 14  # points per call
TINY = 1e-6
LONGEST = 128  # maximum side of an image, to find its uncovered rays
ALONG = 96  # points per ray
SHEET = 0.008  # minimum half thickness of what covers a ray
THICK = 0.03  # maximum half thickness

Values = Callable[[Tensor], Tensor]


@torch.no_grad()
def first_distances(
    guess: Field, views: Sequence[View], hull: Values, ticket: Ticket | None = None
) -> Values:
    """Return a guess's signed distances, (N, 3) points to (N,), consistent with the silhouettes.

    A field's values are not distances everywhere, an occupancy's nowhere. Near the
    surface the distance is the value over the length of its gradient, elsewhere it is measured
    between the nodes of a grid.

    Parameters
    ----------
    guess : another method's field, of distances or of an occupancy; evaluated only in the hull
    views : posed in the volume's frame
    hull : their visual hull: (N, 3) points to (N,) lower bounds of the distance
    """
    device = guess.device
    grid = NodeGrid.over(*object_box(hull, device, ticket), CELLS)
    nodes = grid.nodes(device)
    inside = evaluate(hull, nodes, ticket) < APART * grid.spacing
    known = evaluate(guess, nodes[inside], ticket) - guess.level()
    values = known.new_full((grid.count,), float(known.clamp_min(TINY).max()))
    values[inside] = known
    distances = redistance(grid, _near(grid, values), grid.spacing)

    def at(points: Tensor) -> Tensor:
        return grid.sample(distances, points) + grid.box_distance(points)

    return agreeing(at, views, hull, ticket, device)


@torch.no_grad()
def object_box(
    first: Values, device: torch.device, ticket: Ticket | None = None
) -> tuple[Tensor, Tensor]:
    """Return the corners, (3,) each, of the box around a field's inside, a cell wider.

    Parts thinner than a cell count. The volume's border does not: it is inside the hull where
    images end there.
    """
    side = torch.linspace(-1.0, 1.0, LOOKED + 1, device=device)
    points = torch.cartesian_prod(side, side, side)
    cell = 2.0 / LOOKED
    values = evaluate(first, points, ticket)
    outermost = points.abs().amax(1)
    reach = torch.where(outermost > 1.0 - 2.0 * cell, 0.0, cell)
    inside = points[(values < reach) & (outermost < 1.0 - 0.5 * cell)]
    if not len(inside):
        return side.new_full((3,), -1.0), side.new_full((3,), 1.0)
    return (inside.amin(0) - cell / 2).clamp_min(-1.0), (inside.amax(0) + cell / 2).clamp_max(1.0)


def evaluate(function: Values, points: Tensor, ticket: Ticket | None = None) -> Tensor:
    """Return a function's values at points, block by block, checking the ticket in between."""
    parts = []
    for part in points.split(BLOCK):
        if ticket is not None:
            ticket.check()
        parts.append(function(part))
    return torch.cat(parts).float() if parts else points.new_zeros(0)


def _near(grid: NodeGrid, values: Tensor) -> Tensor:
    """Return the values over the length of their gradient, (count,)."""
    volume = values.view(grid.shape)
    slopes = torch.gradient(volume, spacing=grid.spacing)
    length = torch.stack(slopes).square().sum(0).sqrt()
    return (volume / length.clamp_min(1e-6)).reshape(-1)


@torch.no_grad()
def agreeing(
    first: Values,
    views: Sequence[View],
    hull: Values,
    ticket: Ticket | None = None,
    device: torch.device | str = "cpu",
) -> Values:
    """Return a field like `first` whose outline is the silhouette in every view.

    Where a ray through a silhouette misses the surface, the field is lowered around the ray's point
    nearest to the surface, until the surface reaches it. Lowering along the whole ray would thicken
    surfaces that the ray grazes (thirteen test shapes, one image each: IoU 0.487 as guessed, 0.455
    with whole rays, 0.491 with points). The field outside the hull is cut off.

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
        misses = _misses(lowered, hull, small, device, ticket)
        lowered = _lowered(lowered, small.camera, misses)
    return lambda points: torch.maximum(lowered(points), hull(points))


def _misses(
    first: Values, hull: Values, view: View, device: torch.device | str, ticket: Ticket | None
) -> Tensor:
    """Return how much the field must fall for a silhouette's rays to meet it, and where.

    Only a ray's points in the hull count, if it has any.

    Returns
    -------
    (2, H, W): the amount, 0 for rays that need nothing, and the distance along the camera's axis
    """
    camera = view.camera
    assert camera is not None  # all are posed
    rows, columns = (view.image[..., 3] >= 0.5).nonzero().unbind(1)
    pixels = torch.stack([columns, rows], 1).double() + 0.5
    origins, directions = (tensor.float() for tensor in camera.rays(pixels))
    directions = torch.nn.functional.normalize(directions, dim=1)
    middle = -(origins * directions).sum(1, keepdim=True)  # the ray's nearest point to the centre
    along = torch.linspace(-1.8, 1.8, ALONG)
    away = (middle + along).clamp_min(0.0)
    result = torch.zeros(2, *view.image.shape[:2])
    for part in torch.arange(len(rows)).split(BLOCK // 8):
        looked = origins[part, None] + away[part, ::2, None] * directions[part, None]
        met, deepest = _meets(first, hull, looked.to(device), ticket)
        result[1, rows[part], columns[part]] = camera.project(deepest.cpu())[1].float()
        part = part[~met.cpu()]
        points = origins[part, None] + away[part, :, None] * directions[part, None]
        flat = points.reshape(-1, 3).to(device)
        values = evaluate(first, flat, ticket).view(len(part), ALONG).cpu()
        values = torch.where(points.abs().amax(2) <= 1.0, values, torch.inf)
        outside = evaluate(hull, flat, ticket).view(len(part), ALONG).cpu() > 0
        outside &= ~outside.all(1, keepdim=True)
        least, place = values.masked_fill(outside, torch.inf).min(1)
        amount = torch.where(least.isfinite(), least + SHEET, 0.0).clamp_min(0.0)
        result[0, rows[part], columns[part]] = amount
        at = points[torch.arange(len(part)), place]
        result[1, rows[part], columns[part]] = camera.project(at)[1].float()
    # Beyond the outline too: the hull's edge there lies between pixels.
    amount, chosen = max_pool2d(result[:1], 3, 1, 1, return_indices=True)
    return torch.cat([amount, result[1].reshape(-1)[chosen]])


def _meets(
    first: Values, hull: Values, points: Tensor, ticket: Ticket | None
) -> tuple[Tensor, Tensor]:
    """Return (R,) which rays with `points`, (R, K, 3), need nothing, and their deepest points.

    Most need nothing; the points in between are not evaluated for them, nor the hull elsewhere.
    """
    values = evaluate(first, points.reshape(-1, 3), ticket).view(points.shape[:2])
    least, place = torch.where(points.abs().amax(2) <= 1.0, values, torch.inf).min(1)
    deepest = points[torch.arange(len(points), device=points.device), place]
    return (least <= -SHEET) & (evaluate(hull, deepest, ticket) <= 0), deepest


def _lowered(first: Values, camera: Camera, misses: Tensor) -> Values:
    """Return a field lowered near a point of each ray of a camera; misses: (2, H, W)."""
    size = torch.tensor([camera.width, camera.height])

    def at(points: Tensor) -> Tensor:
        pixels, depth = camera.project(points)
        place = (2.0 * pixels / size.to(pixels) - 1.0).float()[None, None]
        amount = _look(misses[:1].to(place), place, "bilinear")
        off = (depth.float() - _look(misses[1:].to(place), place, "nearest")).abs()
        by = amount * (2.0 - 2.0 * off / THICK).clamp(0.0, 1.0)
        return first(points) - torch.where(depth > 0, by, 0.0)

    return at


def _look(image: Tensor, place: Tensor, mode: str) -> Tensor:
    """Return (N,) a (1, H, W) image's values at (1, 1, N, 2) places."""
    return grid_sample(image[None], place, mode=mode, padding_mode="zeros", align_corners=False)[
        0, 0, 0
    ]
