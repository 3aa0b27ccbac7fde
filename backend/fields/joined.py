"""Two occupancy fields of one object as one: the weighted mean of their logits."""

import torch
from torch import Tensor

from .field import Field

CERTAIN = 6.0  # absolute value of the leading field above which the other one is not evaluated


class JoinedField(Field):
    """The weighted mean of two occupancy fields' logits: two estimates whose errors differ.

    Where the leading field is certain that nothing is inside, as outside a hull, it decides alone.

    Parameters
    ----------
    leading, other
        On one device.
    weight
        Of the other field, from 0 to 1.
    """

    kind = "occupancy"

    def __init__(self, leading: Field, other: Field, weight: float) -> None:
        self.leading, self.other, self.weight = leading, other, weight
        self.device, self.block, self.carved = leading.device, leading.block, leading.carved

    def __call__(self, points: Tensor) -> Tensor:
        values = self.leading(points)
        open_ = torch.nonzero(values < CERTAIN)[:, 0]
        if not len(open_):
            return values
        other = self.other(points.index_select(0, open_))
        mean = torch.lerp(values.index_select(0, open_), other, self.weight)
        return values.index_copy(0, open_, mean)
