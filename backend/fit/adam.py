"""Adam for tensors whose rows come and go with the band."""

from dataclasses import dataclass

import torch
from torch import Tensor

BETAS = (0.9, 0.95)
TINY = 1e-12  # gradients of means over a band are small


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

    def update(self, gradient: Tensor) -> Tensor:
        """Take in a gradient; return the direction of the step to subtract, about one in size."""
        self.steps += 1
        first, second = BETAS
        self.mean.lerp_(gradient, 1.0 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1.0 - second)
        size = (self.square / (1.0 - second**self.steps)).sqrt_().add_(TINY)
        return (self.mean / (1.0 - first**self.steps)).div_(size)
