"""Run a fit: progress, looks of the guard, and intermediate states.

The same loop runs `FitOptimiser`, with a grid as its state, and `CodeFit`, with a network's code.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol

from ..ticket import Ticket
from .guard import Guard, S
from .settings import FitSettings

LOOKS = 24  # minimum number of the guard's looks over the budget
MOST_STEPS = 60  # maximum number of steps between two looks
SHOW_AFTER = 1.5  # seconds between two states to show
RARER = 4.0  # and at least this many times the duration of showing the last one
FIRST_AFTER = 0.5  # seconds until the first state
PREVIEW = 64  # minimum cells of the grid of intermediate states


class Runnable(Protocol[S]):
    """An optimisation that takes steps.

    iteration : steps taken
    budget : steps to take
    """

    iteration: int
    budget: int

    @property
    def fraction(self) -> float:
        """The used fraction of the budget, at most 1."""
        ...

    @property
    def settings(self) -> FitSettings:
        """Its settings."""
        ...

    def faithful(self) -> bool:
        """Return whether the initial state can be represented now."""
        ...

    def step(self) -> float:
        """Take a step."""
        ...

    def state(self) -> S:
        """Return the current state; later steps do not change it."""
        ...

    def judge(self) -> float:
        """Return the error on held-out data."""
        ...

    def refined(self, state: S, cells: int | None = None) -> S:
        """Return a state at its display resolution."""
        ...


@dataclass(frozen=True)
class Shown(Generic[S]):
    """An intermediate state, or the result.

    Attributes
    ----------
    state : the best so far by the guard's measure
    final : whether it is the result
    curve : (iteration, measure) of the guard's looks
    """

    state: S
    final: bool
    curve: tuple[tuple[int, float], ...]


def due_for_a_look(fit: Runnable[Any], every: int) -> bool:
    """Return whether the guard looks at a fit after this step.

    The first look is at the first field with optimised colours. The next one waits until the grid
    can represent that field.
    """
    if fit.iteration == fit.settings.first_colors:
        return True
    return fit.iteration % every == 0 and fit.faithful()


def run(
    fit: Runnable[S],
    ticket: Ticket,
    guard: Guard[S] | None = None,
    plan: Callable[[], None] | None = None,
) -> Iterator[Shown[S]]:
    """Take the steps of the budget; yield the best state every second or two, then the result.

    A ticket that asks to finish early ends the steps; a cancelled one raises. A continued fit
    brings its guard. A fit that ends by time brings its clock's `plan`, which sets the budget.
    """
    guard = Guard() if guard is None else guard
    every = max(min(fit.budget // LOOKS, MOST_STEPS), 1)
    due = time.monotonic() + FIRST_AFTER
    while fit.iteration < fit.budget and not ticket.finishing:
        if plan is not None:
            plan()
        ticket.advance(fit.fraction)
        fit.step()
        if due_for_a_look(fit, every):
            guard.look(fit.state(), fit.judge())
        if (begun := time.monotonic()) > due and fit.iteration < fit.budget:
            yield Shown(fit.refined(guard.best or fit.state(), PREVIEW), False, guard.curve)
            cost = time.monotonic() - begun  # including its mesh
            due = time.monotonic() + max(SHOW_AFTER, RARER * cost)
    guard.look(fit.state(), fit.judge())
    assert guard.best is not None  # it has looked
    yield Shown(fit.refined(guard.best), True, guard.curve)
