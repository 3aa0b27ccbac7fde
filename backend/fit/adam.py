"""Adam for tensors with rows that enter and leave the band.

Plain Adam moves every number by about the learning rate, even where the gradient is only noise, as
in unseen parts. Here the divisor has a floor, relative to all rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

BETAS = (0.9, 0.95)
TINY = 1e-12
FLOOR = 0.03  # fraction of the root mean square of all rows: rows without evidence move little


@dataclass
class Moments:
    """Running means of a gradient and of its square, and the number of their steps."""

    mean: Tensor
    square: Tensor
    steps: int = 0

    @classmethod
    def like(cls, values: Tensor) -> "Moments":
        """Return zeros for values."""
        return cls(torch.zeros_like(values), torch.zeros_like(values))

    def moved(self, change: Callable[[Tensor], Tensor]) -> "Moments":
        """Return moments with their tensors transformed by `change`."""
        return Moments(change(self.mean), change(self.square), self.steps)

    def update(self, gradient: Tensor) -> Tensor:
        """Add a gradient; return the step to subtract, of size about one."""
        self.steps += 1
        first, second = BETAS
        self.mean.lerp_(gradient, 1.0 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1.0 - second)
        size = (self.square / (1.0 - second**self.steps)).sqrt_()
        size += FLOOR * float(size.square().mean().sqrt()) + TINY
        return (self.mean / (1.0 - first**self.steps)).div_(size)
