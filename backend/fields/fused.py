"""Several fields of one object, fused into one."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from .field import Field

Rule = Literal["mean", "intersection", "probability"]


class FusedFields(Field):
    """Several fields as one, by a rule.

    "mean" is the mean of the values; "intersection" the largest, negative where all are;
    "probability", of occupancies, has the mean of the probabilities to be inside.

    Parameters
    ----------
    fields
        At least one; of one kind, on one device.
    rule
        How they are fused.
    """

    def __init__(self, fields: Sequence[Field], rule: Rule) -> None:
        self.fields, self.rule = tuple(fields), rule
        self.kind, self.device, self.block = fields[0].kind, fields[0].device, fields[0].block
        # The slope of a mean of probabilities is a weighted mean of the slopes, as of the others.
        bounds = [field.lipschitz for field in fields]
        known = [bound for bound in bounds if bound is not None]
        self.lipschitz = max(known) if len(known) == len(bounds) else None

    def __call__(self, points: Tensor) -> Tensor:
        values = torch.stack([field(points) for field in self.fields])
        if self.rule == "probability":  # values are minus logits
            return F.logsigmoid(values).logsumexp(0) - F.logsigmoid(-values).logsumexp(0)
        return values.mean(0) if self.rule == "mean" else values.amax(0)

    def color(self, points: Tensor) -> Tensor | None:
        """Return the mean of the fields' colours, (N, 4); None where one has none."""
        colors = [field.color(points) for field in self.fields]
        known = [color for color in colors if color is not None]
        return torch.stack(known).mean(0) if len(known) == len(colors) else None
