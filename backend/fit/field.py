"""A fit as a field: trilinear distances, and colours in the fit's light."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..fields.field import Field
from .appearance import HARMONICS, harmonics
from .state import FitState


class FittedField(Field):
    """The distances of a fit's state.

    Parameters
    ----------
    state : not changed afterwards
    """

    kind = "distance"

    def __init__(self, state: FitState) -> None:
        self._state = state
        self.device = state.distances.device
        self._slopes = _slopes(state)

    @torch.no_grad()
    def __call__(self, points: Tensor) -> Tensor:
        grid = self._state.grid
        return grid.sample(self._state.distances, points) + grid.box_distance(points)

    @torch.no_grad()
    def gradient(self, points: Tensor) -> Tensor:
        """Return (N, 3) central differences between nodes, interpolated."""
        return self._state.grid.sample(self._slopes, points)

    @torch.no_grad()
    def albedo(self, points: Tensor) -> Tensor:
        """Return (N, 3) linear base colours, the light divided out."""
        return torch.sigmoid(self._state.grid.sample(self._state.albedo, points))

    @torch.no_grad()
    def color(self, points: Tensor) -> Tensor:
        """Return (N, 4) linear RGBA in the light of the images, without highlights."""
        light = self._state.shared[:-2].view(HARMONICS, 3)
        normals = normalize(self.gradient(points), dim=1)
        shown = self.albedo(points) * (harmonics(normals) @ light).clamp_min(0.0)
        return torch.cat([shown.clamp(0.0, 1.0), torch.ones_like(shown[:, :1])], dim=1)


def _slopes(state: FitState) -> Tensor:
    """Return (count, 3) central differences at the nodes; zero at the grid's border."""
    values = state.distances.view(state.grid.shape)
    slopes = torch.zeros(*state.grid.shape, 3, device=values.device)
    inner = slopes[1:-1, 1:-1, 1:-1]
    inner[..., 0] = values[2:, 1:-1, 1:-1] - values[:-2, 1:-1, 1:-1]
    inner[..., 1] = values[1:-1, 2:, 1:-1] - values[1:-1, :-2, 1:-1]
    inner[..., 2] = values[1:-1, 1:-1, 2:] - values[1:-1, 1:-1, :-2]
    return slopes.view(-1, 3) / (2.0 * state.grid.spacing)
