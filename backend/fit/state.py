"""The state of a fit: enough to mesh it, and to save it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..contract.errors import RequestError
from .appearance import GLOBALS
from .checking import check_grid, check_tensors
from .grid import NodeGrid


@dataclass(frozen=True)
class FitState:
    """A fit's numbers on its grid.

    Attributes
    ----------
    grid : positions of the nodes
    distances : (count,) signed, negative inside, volume units
    albedo : (count, 3) logits of the linear albedo
    shared : light and highlight, see `appearance`
    iteration : number of steps taken
    """

    grid: NodeGrid
    distances: Tensor
    albedo: Tensor
    shared: Tensor
    iteration: int

    def tensors(self) -> dict[str, Tensor]:
        """Return the numbers by name."""
        return {"distances": self.distances, "albedo": self.albedo, "shared": self.shared}

    def facts(self) -> dict[str, Any]:
        """Return everything needed besides the numbers, ready for JSON."""
        return {
            "lower": list(self.grid.lower),
            "spacing": self.grid.spacing,
            "shape": list(self.grid.shape),
            "iteration": self.iteration,
        }

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> "FitState":
        """Return the state that `tensors` and `facts` describe.

        Raises
        ------
        RequestError
            If they do not belong together.
        """
        try:
            (x, y, z), (nx, ny, nz) = map(float, facts["lower"]), map(int, facts["shape"])
            grid = NodeGrid((x, y, z), float(facts["spacing"]), (nx, ny, nz))
            numbers = (tensors["distances"], tensors["albedo"], tensors["shared"])
            state = cls(grid, *numbers, int(facts["iteration"]))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise RequestError("The kept fit is incomplete.", "Fit the object again.") from error
        check_grid(grid)
        check_tensors(
            state.tensors(),
            {"distances": (grid.count,), "albedo": (grid.count, 3), "shared": (GLOBALS,)},
        )
        return state

    @property
    def finite(self) -> bool:
        """Whether every number is."""
        return all(bool(torch.isfinite(t).all()) for t in self.tensors().values())
