"""The optimisation of a network's code so that its object agrees with posed views.

It runs like a fit (`running`), with the same blocks of pixels held out for the guard, and minimises
the training losses of the network's method.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..fields.silhouette_rays import SilhouetteRays
from .settings import FitSettings

FEWEST_JUDGED = 64  # minimum number of held-out rays; with fewer, all rays are sampled and judged
JUDGED = 4096  # rays per look of the guard

Loss = Callable[[Tensor, SilhouetteRays, torch.Generator], Tensor]


@dataclass(frozen=True)
class CodeState:
    """A code, and its number of steps."""

    code: Tensor
    iteration: int

    @property
    def finite(self) -> bool:
        """Whether every number is."""
        return bool(torch.isfinite(self.code).all())


class CodeFit:
    """One object's code, optimised.

    Parameters
    ----------
    code
        To start from.
    rays
        Of all views, `joined`.
    held
        (R,) bool, rays for the guard alone.
    loss
        Function of a code that requires a gradient, of rays, and of the generator of random points.
    budget
        Steps.
    drawn
        Rays of a step.
    rate
        Adam's.
    """

    def __init__(
        self,
        code: Tensor,
        rays: SilhouetteRays,
        held: Tensor,
        loss: Loss,
        *,
        budget: int,
        drawn: int,
        rate: float = 1e-2,
        seed: int = 0,
    ) -> None:
        self.iteration, self.budget = 0, budget
        self.settings = FitSettings(first_colors=0)  # no steps for the colours alone
        self._loss, self._drawn, self._seed = loss, drawn, seed
        self._code = code.detach().clone().requires_grad_(True)
        self._adam = torch.optim.Adam([self._code], lr=rate)
        self._generator = torch.Generator().manual_seed(seed)
        enough = int(held.sum()) >= FEWEST_JUDGED
        free = torch.nonzero(~held if enough else torch.ones_like(held))[:, 0]
        self._free = rays.chosen(free)
        judged = torch.nonzero(held)[:, 0] if enough else free
        order = torch.randperm(len(judged), generator=self._generator)[:JUDGED]
        self._held = rays.chosen(judged[order.to(judged.device)])

    @property
    def fraction(self) -> float:
        """The used fraction of the budget, at most 1."""
        return min(self.iteration / max(self.budget, 1), 1.0)

    def faithful(self) -> bool:
        """Return whether the initial code can be represented: it always can."""
        return True

    def step(self) -> float:
        """Take a step; return its loss."""
        count = self._free.inside.shape[1]
        rays = self._free
        if count > self._drawn:
            index = torch.randperm(count, generator=self._generator)[: self._drawn]
            rays = rays.chosen(index.to(rays.inside.device))
        with torch.enable_grad():
            loss = self._loss(self._code, rays, self._generator)
            self._code.grad = torch.autograd.grad(loss, self._code)[0]
        self._adam.step()
        self.iteration += 1
        return float(loss.detach())

    def state(self) -> CodeState:
        """Return the current state; later steps do not change it."""
        return CodeState(self._code.detach().clone(), self.iteration)

    def judge(self) -> float:
        """Return the loss of the held-out rays, at the same random points each time."""
        generator = torch.Generator().manual_seed(self._seed)
        with torch.enable_grad():  # the eikonal term differentiates the field
            return float(self._loss(self._code, self._held, generator).detach())

    def refined(self, state: CodeState, cells: int | None = None) -> CodeState:
        """Return the state: a code has no grid."""
        return state
