"""Several fields of one object, fused into one."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from .field import Field


class FusedFields(Field):
    """The mean of several fields, or their intersection: the largest, negative where all are.

    Parameters
    ----------
    fields
        At least one; of one kind, on one device.
    rule
        How they are fused.
    """

    def __init__(self, fields: Sequence[Field], rule: Literal["mean", "intersection"]) -> None:
        self.fields, self.rule = tuple(fields), rule
        self.kind, self.device, self.block = fields[0].kind, fields[0].device, fields[0].block
        bounds = [field.lipschitz for field in fields]
        known = [bound for bound in bounds if bound is not None]
        self.lipschitz = max(known) if len(known) == len(bounds) else None

    def __call__(self, points: Tensor) -> Tensor:
        values = torch.stack([field(points) for field in self.fields])
        return values.mean(0) if self.rule == "mean" else values.amax(0)

    def color(self, points: Tensor) -> Tensor | None:
        """Return the mean of the fields' colours, (N, 4); None where one has none."""
        colors = [field.color(points) for field in self.fields]
        known = [color for color in colors if color is not None]
        return torch.stack(known).mean(0) if len(known) == len(colors) else None
