"""The field: what every reconstructor predicts and extraction turns into a mesh."""

import math
from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor

from ..contract.levels import LEVEL_UNITS, LevelUnit

FieldKind = Literal["distance", "occupancy"]


class Field(ABC):
    """A scalar function over the volume: negative inside, zero on the surface, positive outside.

    Attributes
    ----------
    kind
        "distance": values are signed distances (or close to them) in volume units.
        "occupancy": values are minus the logit of the probability to be inside.
    lipschitz
        A proven bound on the gradient's length, in values per volume unit; None: not known.
    device
        Where the field computes; points are moved there by the caller.
    block
        Best number of points per call, where it differs from the device's default; else None.
    shift
        For an occupancy whose surface was moved after training: what was subtracted from every
        value. Minus the network's own logit is the value plus `shift`, and a threshold is one of
        the network's own probabilities.
    carved
        Nothing outside the views' visual hull is inside the field.
    """

    kind: FieldKind = "distance"
    lipschitz: float | None = None
    device: torch.device = torch.device("cpu")
    block: int | None = None
    shift: float = 0.0
    carved: bool = False

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

    def albedo(self, points: Tensor) -> Tensor | None:
        """Return (N, 3) linear base colours, the light divided out; None: not known.

        A field that returns one also returns from `color` what it looks like in the images' light.
        """
        return None

    def gradient(self, points: Tensor) -> Tensor | None:
        """Return the field's gradient, (N, 3), by autograd; None if it is not differentiable."""
        with torch.enable_grad():
            leaf = points.detach().requires_grad_(True)
            values = self(leaf)
            if not values.requires_grad:
                return None
            (gradient,) = torch.autograd.grad(values.sum(), leaf)
        return gradient.detach()

    def bounds(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return sound bounds of the field over boxes, or None if the field has no rule for them.

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
            For an occupancy: the probability above which a point is inside. None: the default
            level, 0 for most fields.

        Raises
        ------
        RequestError
            If it is outside the range of `level_unit`.
        """
        if threshold is None:
            return 0.0
        self.level_unit.check(threshold)
        return float(threshold) if self.kind == "distance" else -log_odds(threshold) - self.shift

    def threshold_of(self, level: float) -> float:
        """Return the user's threshold of a level of the field: the inverse of `level`."""
        return threshold(self.level_unit.name, level, self.shift)

    @property
    def level_unit(self) -> LevelUnit:
        """Unit of a user's threshold."""
        return LEVEL_UNITS["distance" if self.kind == "distance" else "probability"]


def threshold(unit: str, level: float, shift: float = 0.0) -> float:
    """Return the user's threshold of a level: of a "probability" one of the network's own.

    Parameters
    ----------
    unit : "distance" or "probability"
    shift : as in `Field.shift`
    """
    return level if unit == "distance" else 1.0 / (1.0 + math.exp(level + shift))


def log_odds(probability: float) -> float:
    """Return the logit of a probability."""
    return math.log(probability / (1.0 - probability))
