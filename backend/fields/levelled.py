"""A field whose surface is another of its levels."""

import numpy as np
from torch import Tensor

from .field import Field


class LevelledField(Field):
    """Another field less a level: zero where that field has the level.

    Thresholds that a person gives keep their meaning: of an occupancy, `shift` grows by the level;
    of a distance, they count from the new surface.

    Parameters
    ----------
    field
        Of any kind.
    level
        In the field's values.
    """

    def __init__(self, field: Field, level: float) -> None:
        self.field, self.amount = field, level
        self.kind, self.lipschitz, self.block = field.kind, field.lipschitz, field.block
        self.device = field.device
        self.shift = field.shift + level if field.kind == "occupancy" else field.shift

    def __call__(self, points: Tensor) -> Tensor:
        return self.field(points) - self.amount

    def color(self, points: Tensor) -> Tensor | None:
        """Return the field's own colours."""
        return self.field.color(points)

    def gradient(self, points: Tensor) -> Tensor | None:
        """Return the field's own gradient: a constant does not change it."""
        return self.field.gradient(points)

    def bounds(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the field's own bounds, less the level."""
        own = self.field.bounds(lower, upper)
        return None if own is None else (own[0] - self.amount, own[1] - self.amount)


def interpolated(known: dict[int, float], views: int) -> float:
    """Return the level for a number of views, linear in its logarithm between known ones.

    Parameters
    ----------
    known
        Levels by number of views; empty: 0. Beyond the ends, the nearest one's.
    """
    if not known:
        return 0.0
    numbers = sorted(known)
    at, logs = np.log2(max(views, 1)), np.log2(numbers)
    return float(np.interp(at, logs, [known[number] for number in numbers]))
