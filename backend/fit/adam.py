"""Adam for tensors whose rows come and go with the band.

Plain Adam moves every number by about the learning rate, also where its gradient is but noise, as
it is in what no image shows. Here the divisor has a floor, relative to all rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

BETAS = (0.9, 0.95)
TINY = 1e-12
FLOOR = 0.03  # of the root mean square of all rows: rows without evidence move little


@dataclass
class Moments:
    """Running means of a gradient and of its square, and how many steps they know."""

    mean: Tensor
    square: Tensor
    steps: int = 0

    @classmethod
    def like(cls, values: Tensor) -> "Moments":
        """Return zeros for values."""
        return cls(torch.zeros_like(values), torch.zeros_like(values))

    def moved(self, change: Callable[[Tensor], Tensor]) -> "Moments":
        """Return moments whose tensors went through `change`."""
        return Moments(change(self.mean), change(self.square), self.steps)

    def update(self, gradient: Tensor) -> Tensor:
        """Take in a gradient; return the direction of the step to subtract, about one in size."""
        self.steps += 1
        first, second = BETAS
        self.mean.lerp_(gradient, 1.0 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1.0 - second)
        size = (self.square / (1.0 - second**self.steps)).sqrt_()
        size += FLOOR * float(size.square().mean().sqrt()) + TINY
        return (self.mean / (1.0 - first**self.steps)).div_(size)
