"""A fit from its first step to its last: progress, looks of the guard, and states to show.

The same loop runs `Fit`, whose state is a grid, and `CodeFit`, whose state is a network's code.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol

from ..ticket import Ticket
from .guard import Guard, S
from .settings import FitSettings

LOOKS = 24  # of the guard over the budget, at least
MOST_STEPS = 60  # between two of its looks
SHOW_AFTER = 1.5  # seconds between two states to show
RARER = 4.0  # at least so many times as long as showing the last one took
FIRST_AFTER = 0.5  # and until the first one
PREVIEW = 64  # cells of the grid of states that are shown on the way, at least


class Runnable(Protocol[S]):
    """An optimisation that takes steps.

    iteration : steps taken
    budget : steps to take
    """

    iteration: int
    budget: int

    @property
    def fraction(self) -> float:
        """How much of the budget is used, at most 1."""
        ...

    @property
    def settings(self) -> FitSettings:
        """How it runs."""
        ...

    def faithful(self) -> bool:
        """Return whether what it started from can be represented by now."""
        ...

    def step(self) -> float:
        """Take a step."""
        ...

    def state(self) -> S:
        """Return what is known now; later steps do not change it."""
        ...

    def judge(self) -> float:
        """Return how badly what was held out is predicted."""
        ...

    def refined(self, state: S, cells: int | None = None) -> S:
        """Return a state as fine as it is shown."""
        ...


@dataclass(frozen=True)
class Shown(Generic[S]):
    """A state on the way, or the result.

    Attributes
    ----------
    state : the best so far by the guard's measure
    final : nothing follows
    curve : (iteration, measure) of the guard's looks
    """

    state: S
    final: bool
    curve: tuple[tuple[int, float], ...]


def due_for_a_look(fit: Runnable[Any], every: int) -> bool:
    """Return whether the guard looks at a fit after this step, as it does every so many steps.

    The first look is at the first field in its colours. While the grid cannot hold that field,
    there is no other.
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
    """Take the steps of the budget; yield the best state so far every second or two, then the last.

    The ticket's wish to finish early ends the steps; that to cancel raises. A fit that goes on
    brings its guard. One that ends by time brings its clock's `plan`, which sets the budget.
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
            cost = time.monotonic() - begun  # its mesh included
            due = time.monotonic() + max(SHOW_AFTER, RARER * cost)
    guard.look(fit.state(), fit.judge())
    assert guard.best is not None  # it has looked
    yield Shown(fit.refined(guard.best), True, guard.curve)
