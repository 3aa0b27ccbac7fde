"""A field that takes its object for symmetric."""

import torch
from torch import Tensor

from .field import Field


class MirroredField(Field):
    """The mean of a field and of its mirror image in the volume's plane x = 0.

    A network that was asked once about the left and once about the right of a symmetric object has
    two guesses at the same thing; their errors are less alike than they are.

    Parameters
    ----------
    field
        Any.
    """

    def __init__(self, field: Field) -> None:
        self.field = field
        self.kind, self.device, self.block = field.kind, field.device, field.block
        self.lipschitz = field.lipschitz
        self._other_side = torch.tensor([-1.0, 1.0, 1.0], device=field.device)

    def __call__(self, points: Tensor) -> Tensor:
        return (self.field(points) + self.field(points * self._other_side)) / 2

    def color(self, points: Tensor) -> Tensor | None:
        """Return the mean of both colours, (N, 4); None where there is none."""
        here = self.field.color(points)
        there = self.field.color(points * self._other_side)
        return None if here is None or there is None else (here + there) / 2
