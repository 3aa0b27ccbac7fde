"""Least squares of the contour residual over the parameters of cameras (Levenberg-Marquardt).

`Residual.linearized` gives the exact derivatives with respect to each camera's own six numbers and
focal length for little more than one evaluation; a `RigModel` says how these depend on its
parameters. A step therefore costs the same for 4 parameters as for 145.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from ..ticket import Ticket
from .residual import Residual, Rig

SOFT = 0.5  # pixels of 224 above which the soft loss grows linearly
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-2, 1e-7, 1e6
ENOUGH = 1e-4  # a step that improves the cost by less than this fraction is the last


MOST, FEWEST = 60_000, 4  # contour points times the square of the views; points of a view


def affordable(residual: Residual, points: int) -> Residual:
    """Return the residual with at most so many points a view, fewer where there are many views."""
    views = len(residual.points)
    return residual.thinned(min(points, max(MOST // views**2, FEWEST)))


class RigModel(Protocol):
    """Cameras as a function of parameters."""

    def rig(self, numbers: np.ndarray) -> Rig:
        """Return the cameras for (K,) parameters."""
        ...

    def twists(self, numbers: np.ndarray) -> np.ndarray:
        """Return (V, 7, K): how poses and log focal lengths change, see `Residual.linearized`."""
        ...


@dataclass(frozen=True)
class Prior:
    """A pull of each parameter towards a value.

    Attributes
    ----------
    mean : (K,)
    weight : (K,) reciprocal of the deviation that costs as much as one pixel of one point
    """

    mean: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Solution:
    """Parameters that were found.

    Attributes
    ----------
    numbers : (K,)
    loss : mean residual in pixels of 224
    """

    numbers: np.ndarray
    loss: float


def solve(
    residual: Residual,
    model: RigModel,
    start: np.ndarray,
    *,
    steps: int,
    prior: Prior | None = None,
    soft: bool = False,
    ticket: Ticket | None = None,
) -> Solution:
    """Return the parameters near `start` with the least sum of squared residuals.

    Parameters
    ----------
    start : (K,)
    steps : at most so many
    soft : use the loss 2 SOFT (sqrt(r^2 + SOFT^2) - SOFT), for which outliers weigh little
    """
    state = _QuadraticCost.at(residual, model, np.asarray(start, np.float64), prior, soft)
    damping = FIRST_DAMPING
    for _ in range(steps):
        if ticket is not None:
            ticket.check()
        better = None
        while better is None and damping < MOST_DAMPING:
            tried = state.numbers + state.step(damping)
            candidate = _QuadraticCost.at(residual, model, tried, prior, soft)
            if candidate.cost < state.cost:
                better = candidate
                damping = max(damping / 5, LEAST_DAMPING)
            else:
                damping *= 5
        if better is None:
            break
        little = state.cost - better.cost < ENOUGH * state.cost
        state = better
        if little:
            break
    return Solution(state.numbers, state.loss)


@dataclass(frozen=True)
class Stage:
    """One of several calls of `solve` in a row.

    Attributes
    ----------
    points : about how many contour points of each view are used
    pull : the prior's weight, pixels at one expected deviation
    steps : at most so many
    soft : whether the loss is soft
    subset : which of the subsets of points, see `Residual.thinned`
    """

    points: int
    pull: float
    steps: int
    soft: bool
    subset: int = 0


def solve_stages(
    residual: Residual,
    model: RigModel,
    start: np.ndarray,
    stages: Sequence[Stage],
    prior: Callable[[float], Prior],
    *,
    ticket: Ticket | None = None,
    advance: Callable[[float], None] | None = None,
) -> Solution:
    """Solve in stages, each from the result of the one before.

    The residual is not smooth, and a solution gets stuck where it has kinks; another subset of the
    points has them elsewhere.

    Parameters
    ----------
    prior : returns the prior for a stage's pull
    """
    solution = Solution(np.asarray(start, np.float64), np.inf)
    for number, stage in enumerate(stages):
        if advance is not None:
            advance(number / len(stages))
        solution = solve(
            residual.thinned(stage.points, stage.subset),
            model,
            solution.numbers,
            steps=stage.steps,
            prior=prior(stage.pull),
            soft=stage.soft,
            ticket=ticket,
        )
    with torch.no_grad():
        loss = float(residual(model.rig(solution.numbers)).mean())
    return Solution(solution.numbers, loss)


@dataclass(frozen=True)
class _QuadraticCost:
    """The cost at some parameters, and its quadratic model."""

    numbers: np.ndarray
    cost: float
    loss: float
    hessian: np.ndarray
    gradient: np.ndarray

    @classmethod
    def at(
        cls,
        residual: Residual,
        model: RigModel,
        numbers: np.ndarray,
        prior: Prior | None,
        soft: bool,
    ) -> "_QuadraticCost":
        """Evaluate the residual and its derivatives."""
        values, rows = residual.linearized(model.rig(numbers))
        r = values.double().numpy().ravel()
        slopes = rows.double().numpy().reshape(len(r), -1)
        slopes = slopes @ model.twists(numbers).reshape(slopes.shape[1], -1)
        root = np.sqrt(r**2 + SOFT**2)
        weight = SOFT / root if soft else np.ones_like(r)
        cost = float((2 * SOFT * (root - SOFT)).sum() if soft else (r**2).sum())
        hessian = slopes.T @ (weight[:, None] * slopes)
        gradient = slopes.T @ (weight * r)
        if prior is not None:
            offset = numbers - prior.mean
            cost += float(((prior.weight * offset) ** 2).sum())
            hessian += np.diag(prior.weight**2)
            gradient += prior.weight**2 * offset
        return cls(numbers, cost, float(r.mean()), hessian, gradient)

    def step(self, damping: float) -> np.ndarray:
        """Return (K,) the damped Gauss-Newton step."""
        scale = np.diag(self.hessian) + 1e-9 * max(float(np.diag(self.hessian).max()), 1e-9)
        return -np.linalg.solve(self.hessian + damping * np.diag(scale), self.gradient)
