"""Another method's field as signed distances that a fit can start from."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..fields.field import Field
from ..ticket import Ticket
from .band import redistance
from .grid import Grid

CELLS = 64  # of the grid over the volume on which the distances are measured
BLOCK = 1 << 14  # points a call


@torch.no_grad()
def distances_of(field: Field, ticket: Ticket | None = None) -> Callable[[Tensor], Tensor]:
    """Return signed distances, (N, 3) points to (N,), with the surface of `field`.

    Values of a field are not distances everywhere, and those of an occupancy nowhere. Near the
    surface the distance is the value over the length of its slope, elsewhere it is measured between
    the nodes of a grid.
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
    """Return the values over the length of their slope, (count,)."""
    volume = values.view(grid.shape)
    slopes = torch.gradient(volume, spacing=grid.spacing)
    length = torch.stack(slopes).square().sum(0).sqrt()
    return (volume / length.clamp_min(1e-6)).reshape(-1)
