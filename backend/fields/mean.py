"""The mean of two fields of one object."""

import torch
from torch import Tensor

from .field import Field


class MeanField(Field):
    """The mean of two occupancy fields' logits: two estimates whose errors differ.

    Parameters
    ----------
    first, second
        On one device; colours and the best block are the first one's.
    """

    kind = "occupancy"

    def __init__(self, first: Field, second: Field) -> None:
        self.first, self.second = first, second
        self.device, self.block = first.device, first.block

    def __call__(self, points: Tensor) -> Tensor:
        return (self.first(points) + self.second(points)) / 2

    def color(self, points: Tensor) -> Tensor | None:
        """Return the first field's colours."""
        return self.first.color(points)

    def gradient(self, points: Tensor) -> Tensor | None:
        """Return the mean of both gradients; None if one has none."""
        gradients = [field.gradient(points) for field in (self.first, self.second)]
        known = [gradient for gradient in gradients if gradient is not None]
        return torch.stack(known).mean(0) if len(known) == len(gradients) else None
