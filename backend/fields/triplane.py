"""Three feature planes and a small network as a field, baked for one object.

A point's features are read bilinearly from the planes (x, y), (x, z) and (y, z) and concatenated;
outside a plane they are 0. The network's first layer is linear, and so is the sampling, so that
layer is applied to the planes once: a point's first layer is then a weighted sum of twelve rows of
a table.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..geometry.srgb import linear_from_srgb
from .field import Field
from .mlp import Layer

AXES = ((0, 1), (0, 2), (1, 2))
"""Of each plane, the coordinates along its columns and along its rows."""
_COLUMN, _ROW = ([axes[k] for axes in AXES] for k in (0, 1))


def sample_planes(planes: Tensor, points: Tensor) -> Tensor:
    """Return (N, 3 C): the planes' features at points, in order of the planes.

    Parameters
    ----------
    planes : (3, C, R, R)
    points : (N, 3) in the planes' frame, [-1, 1]^3 from edge to edge
    """
    grid = torch.stack([points[:, axes] for axes in AXES])[:, :, None]  # (3, N, 1, 2)
    taken = F.grid_sample(planes, grid, padding_mode="zeros", align_corners=False)  # (3, C, N, 1)
    return taken[..., 0].permute(2, 0, 1).flatten(1)


class TriplaneField(Field):
    """Log odds of density: `surface` minus the network's first output, negative inside.

    Parameters
    ----------
    planes
        (3, C, R, R) features.
    layers
        (weight (out, in), bias (out,)) of the network, SiLU between them; the first reads 3 C
        features, the last gives raw log density and three raw sRGB colours, before the sigmoid.
    plane_from_volume
        (4, 4) to the planes' frame, [-1, 1]^3 from edge to edge.
    surface
        Raw log density at the surface.
    """

    kind = "occupancy"

    def __init__(
        self,
        planes: Tensor,
        layers: Sequence[Layer],
        *,
        plane_from_volume: np.ndarray,
        surface: float,
    ) -> None:
        self.device = planes.device
        self.block = 2048 if self.device.type == "cpu" else None
        matrix = torch.tensor(plane_from_volume, dtype=torch.float32, device=self.device)
        self._rotation, self._translation = matrix[:3, :3].T.contiguous(), matrix[:3, 3]
        self._side = planes.shape[-1]
        first, bias = layers[0]
        table = torch.einsum("pcrs,wpc->prsw", planes, first.unflatten(1, (3, -1)))
        padded = F.pad(table, (0, 0, 1, 1, 1, 1))  # zeros around each plane
        self._rows = padded.flatten(0, 2).contiguous()  # (3 (R + 2)^2, width)
        stride = self._side + 2
        plane = stride**2 * torch.arange(3, device=self.device)
        taps = torch.tensor([0, 1, stride, stride + 1], device=self.device)
        self._offsets = (plane[:, None] + taps + stride + 1).to(torch.int64)  # (3, 4)
        self._first_bias = bias
        self._hidden = [(weight.T.contiguous(), bias) for weight, bias in layers[1:-1]]
        weight, bias = layers[-1]
        self._density = -weight[0], surface - bias[0]
        self._color = weight[1:].T.contiguous(), bias[1:]

    def __call__(self, points: Tensor) -> Tensor:
        weight, bias = self._density
        return self._features(points) @ weight + bias

    def color(self, points: Tensor) -> Tensor:
        """Return (N, 4) linear RGBA, alpha 1, at `points`, (N, 3) volume frame."""
        weight, bias = self._color
        linear = linear_from_srgb(torch.addmm(bias, self._features(points), weight).sigmoid())
        return torch.cat([linear, torch.ones_like(linear[:, :1])], 1)

    def _features(self, points: Tensor) -> Tensor:
        """Return (N, width), the last layer's input."""
        rows, weights = self._taps(points @ self._rotation + self._translation)
        x = F.embedding_bag(rows, self._rows, mode="sum", per_sample_weights=weights)
        x = F.silu(x + self._first_bias)
        for weight, bias in self._hidden:
            x = F.silu(torch.addmm(bias, x, weight))
        return x

    def _taps(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows of the table at points (N, 3) and their bilinear weights, (N, 12) each.

        Beyond the outermost pixels' centres the features fade to 0 within a pixel.
        """
        position = ((points + 1) * (self._side / 2) - 0.5).clamp(-1, self._side)
        corner = position.floor().clamp(max=self._side - 1)
        after = position - corner
        before = 1 - after
        index = corner.to(torch.int64)
        column, row = index[:, _COLUMN], index[:, _ROW]  # (N, 3)
        rows = (row * (self._side + 2) + column)[..., None] + self._offsets
        left, right, up, down = (
            before[:, _COLUMN],
            after[:, _COLUMN],
            before[:, _ROW],
            after[:, _ROW],
        )
        weights = torch.stack([left * up, right * up, left * down, right * down], -1)
        return rows.flatten(1), weights.flatten(1)
