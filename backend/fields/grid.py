"""A grid of values over a cube as a field, interpolated between its vertices."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from .field import Field, FieldKind


def sample_grid(grids: Tensor, points: Tensor) -> Tensor:
    """Return (B, P, C): trilinear values of grids at points; outside the cube, of the nearest face.

    Parameters
    ----------
    grids : (B, C, X, Y, Z), the outermost vertices on the faces of [-1, 1]^3
    points : (B, P, 3)
    """
    where = points.flip(-1)[:, :, None, None]  # (B, P, 1, 1, 3): `grid_sample` reads z first
    taken = F.grid_sample(grids, where, padding_mode="border", align_corners=True)
    return taken[..., 0, 0].mT


class GridField(Field):
    """One object's values on the vertices of a grid.

    Parameters
    ----------
    values
        (X, Y, Z), negative inside.
    grid_from_volume
        (4, 4), to the frame in which the grid is [-1, 1]^3.
    kind
        What the values are.
    """

    def __init__(self, values: Tensor, *, grid_from_volume: np.ndarray, kind: FieldKind) -> None:
        self.kind, self.device, self._values = kind, values.device, values[None, None]
        matrix = torch.tensor(grid_from_volume, dtype=torch.float32, device=values.device)
        self._rotation, self._translation = matrix[:3, :3].T, matrix[:3, 3]

    def __call__(self, points: Tensor) -> Tensor:
        where = points @ self._rotation + self._translation
        return sample_grid(self._values, where[None])[0, :, 0]
