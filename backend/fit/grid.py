"""The dense grid that a fit's numbers stand on, and trilinear interpolation in it."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag, grid_sample

MARGIN = 2  # cells between the object's box and the grid's border


@dataclass(frozen=True)
class NodeGrid:
    """Nodes of a regular grid in the volume's frame.

    Attributes
    ----------
    lower : the first node's position
    spacing : distance between neighbouring nodes, the same along all axes
    shape : number of nodes along x, y, z
    """

    lower: tuple[float, float, float]
    spacing: float
    shape: tuple[int, int, int]

    @classmethod
    def over(cls, lower: Tensor, upper: Tensor, cells: int) -> "NodeGrid":
        """Return the grid with `cells` cells along the longest side of a box, and a margin."""
        size = (upper - lower).tolist()
        spacing = max(size) / cells
        nodes = [math.ceil(side / spacing) + 2 * MARGIN + 1 for side in size]
        corner = [
            middle - spacing * (count - 1) / 2
            for middle, count in zip(((lower + upper) / 2).tolist(), nodes, strict=True)
        ]
        return cls((corner[0], corner[1], corner[2]), spacing, (nodes[0], nodes[1], nodes[2]))

    @property
    def count(self) -> int:
        """How many nodes there are."""
        return math.prod(self.shape)

    @property
    def strides(self) -> tuple[int, int, int]:
        """Strides of the flat list along x, y and z."""
        return (self.shape[1] * self.shape[2], self.shape[2], 1)

    def box(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the first and the last node's position, (3,) each."""
        lower = torch.tensor(self.lower, device=device)
        return lower, lower + self.spacing * (torch.tensor(self.shape, device=device) - 1)

    def nodes(self, device: torch.device) -> Tensor:
        """Return the nodes' positions, (count, 3), z fastest."""
        axes = [
            start + self.spacing * torch.arange(count, device=device)
            for start, count in zip(self.lower, self.shape, strict=True)
        ]
        return torch.cartesian_prod(*axes)

    def corners(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return the eight nodes around each point and their trilinear weights.

        Parameters
        ----------
        points : (N, 3) volume frame; those outside are moved to the border

        Returns
        -------
        nodes : (N, 8) int32 places in the flat list of nodes
        weights : (N, 8); rows sum to 1
        """
        lower, _ = self.box(points.device)
        last = torch.tensor(self.shape, device=points.device) - 1.001
        place = torch.minimum(((points - lower) / self.spacing).clamp_min(0.0), last)
        cell = place.to(torch.int32)
        after = place - cell
        before = 1.0 - after
        x, y, _ = self.strides
        first = cell[:, 0] * x + cell[:, 1] * y + cell[:, 2]
        offsets = [0, 1, y, y + 1, x, x + 1, x + y, x + y + 1]
        nodes = first[:, None] + torch.tensor(offsets, dtype=torch.int32, device=points.device)
        yz = torch.stack(
            [
                before[:, 1] * before[:, 2],
                before[:, 1] * after[:, 2],
                after[:, 1] * before[:, 2],
                after[:, 1] * after[:, 2],
            ],
            dim=1,
        )
        return nodes, torch.cat([before[:, :1] * yz, after[:, :1] * yz], dim=1)

    def sample(self, values: Tensor, points: Tensor) -> Tensor:
        """Return values, (count,) or (count, C), at points, (N, 3): (N,) or (N, C)."""
        channels = values[:, None] if values.ndim == 1 else values
        volume = channels.T.reshape(1, -1, *self.shape)
        lower, upper = self.box(points.device)
        place = (2.0 * (points - lower) / (upper - lower) - 1.0).flip(-1)
        result = grid_sample(
            volume, place[None, None, None], align_corners=True, padding_mode="border"
        )[0, :, 0, 0].T
        return result[:, 0] if values.ndim == 1 else result

    def box_distance(self, points: Tensor) -> Tensor:
        """Return how far points, (N, 3), are outside the grid; 0 inside."""
        lower, upper = self.box(points.device)
        return torch.maximum(lower - points, points - upper).clamp_min(0.0).norm(dim=1)


class Interpolate(torch.autograd.Function):
    """Weighted sums of a table's rows; several times faster on a CPU than torch's own backward.

    `Interpolate.apply(table, nodes, weights)`: (M, C), (N, 8) and (N, 8) to (N, C). The weights
    get no gradient.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, nodes: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(nodes, weights)
        ctx.rows = table.shape
        return embedding_bag(nodes, table, per_sample_weights=weights, mode="sum")

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (grad,) = grads
        nodes, weights = ctx.saved_tensors
        result = grad.new_zeros(ctx.rows)
        spread = grad[:, None] * weights[..., None]
        places = nodes.reshape(-1).long()  # int32 is slower for both
        if ctx.rows[1] == 1:
            result[:, 0].scatter_add_(0, places, spread.reshape(-1))
        else:
            result.index_add_(0, places, spread.reshape(-1, ctx.rows[1]))
        return result, None, None
