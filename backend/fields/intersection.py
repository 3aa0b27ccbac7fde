"""A field intersected with a visual hull."""

import torch
from torch import Tensor

from ..contract.errors import RequestError
from .field import Field
from .hull import HullField

# Distance to logits: at a probability of 0.2 or 0.8 the hull's border moves by 0.007.
LOGITS_PER_UNIT = 200.0
# Volume units outside the hull from which on the field is not evaluated: its value could only move
# away from a level there, and half of the cube and more is as far outside.
UNASKED = 0.1


class Intersection(Field):
    """What is inside a field and inside a hull: the larger of the two values.

    For an occupancy field the hull's distances become logits, `LOGITS_PER_UNIT` each, so the result
    is an occupancy too and the field's thresholds keep their meaning. The field is not evaluated
    `UNASKED` outside the hull, where the hull alone counts.

    Parameters
    ----------
    field
        Of any kind.
    hull
        On the same device.
    """

    def __init__(self, field: Field, hull: HullField) -> None:
        if field.device != hull.device:
            raise RequestError(f"The field is on {field.device}, the hull on {hull.device}.")
        self.field = field
        self.hull = hull
        self.kind = field.kind
        self.device = field.device
        self.factor = 1.0 if field.kind == "distance" else LOGITS_PER_UNIT
        if field.lipschitz is not None and hull.lipschitz is not None:
            self.lipschitz = max(field.lipschitz, hull.lipschitz * self.factor)

    def __call__(self, points: Tensor) -> Tensor:
        hull = self.hull(points)
        values = hull * self.factor
        asked = torch.nonzero(hull < UNASKED)[:, 0]
        if len(asked):
            own = self.field(points.index_select(0, asked))
            values[asked] = torch.maximum(own, values.index_select(0, asked))
        return values

    def color(self, points: Tensor) -> Tensor | None:
        """Return the field's own colours; the hull has none."""
        return self.field.color(points)

    def albedo(self, points: Tensor) -> Tensor | None:
        """Return the field's own base colours; the hull has none."""
        return self.field.albedo(points)

    def bounds(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the larger of both fields' bounds; None where the field's are not known."""
        own, hull = self.field.bounds(lower, upper), self.hull.bounds(lower, upper)
        if own is None or hull is None:
            return None
        return (
            torch.maximum(own[0], hull[0] * self.factor),
            torch.maximum(own[1], hull[1] * self.factor),
        )

    def level(self, threshold: float | None = None) -> float:
        """Turn a user's threshold into a level, as the field itself does."""
        return self.field.level(threshold)

    def threshold_of(self, level: float) -> float:
        """Turn a level into a user's threshold, as the field itself does."""
        return self.field.threshold_of(level)
