"""The field: what every reconstructor predicts and extraction turns into a mesh."""

import math
from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor

from ..contract.errors import RequestError

FieldKind = Literal["distance", "occupancy"]


class Field(ABC):
    """A scalar function over the volume: negative inside, zero on the surface, positive outside.

    Attributes
    ----------
    kind
        "distance": values are signed distances (or close to them) in volume units.
        "occupancy": values are minus the logit of the probability to be inside.
    lipschitz
        A proven bound on the gradient's length, in values per volume unit; None when none is known.
    device
        Where the field computes; points are moved there by the caller.
    block
        Points a call that suit the field best, where it knows better than the device's rule; else
        None.
    """

    kind: FieldKind = "distance"
    lipschitz: float | None = None
    device: torch.device = torch.device("cpu")
    block: int | None = None

    @abstractmethod
    def __call__(self, points: Tensor) -> Tensor:
        """Evaluate the field.

        Parameters
        ----------
        points : (N, 3) float32, volume frame, on `device`

        Returns
        -------
        (N,) float32
        """

    def color(self, points: Tensor) -> Tensor | None:
        """Return (N, 4) float32 linear RGBA at (N, 3) points, volume frame; None: no colour."""
        return None

    def gradient(self, points: Tensor) -> Tensor | None:
        """Return (N, 3) the field's gradient by autograd; None where it can't be had that way."""
        with torch.enable_grad():
            leaf = points.detach().requires_grad_(True)
            values = self(leaf)
            if not values.requires_grad:
                return None
            (gradient,) = torch.autograd.grad(values.sum(), leaf)
        return gradient.detach()

    def bounds(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return sound bounds of the field over boxes, or None where no rule is known.

        Parameters
        ----------
        lower, upper : (N, 3) corners of axis-aligned boxes, volume frame

        Returns
        -------
        low, high : (N,), with `low <= field <= high` everywhere in the box
        """
        if self.lipschitz is None:
            return None
        middle = self((lower + upper) / 2)
        reach = self.lipschitz * torch.linalg.vector_norm(upper - lower, dim=1) / 2
        return middle - reach, middle + reach

    def level(self, threshold: float | None = None) -> float:
        """Turn a user's threshold into a level of the field.

        Parameters
        ----------
        threshold
            For a distance: the offset from the surface in volume units, positive is outside.
            For an occupancy: the probability above which a point is inside. None: the default, 0
            or 0.5.
        """
        if threshold is None:
            return 0.0
        if not math.isfinite(threshold):
            raise RequestError(f"The level must be a finite number, not {threshold}.")
        if self.kind == "distance":
            return float(threshold)
        if not 0.0 < threshold < 1.0:
            raise RequestError(
                f"The level of an occupancy field is a probability, not {threshold}.",
                "Choose a number between 0 and 1.",
            )
        return -math.log(threshold / (1.0 - threshold))
