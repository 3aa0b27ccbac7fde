"""A fit from its first step to its last: progress, looks of the guard, and states to show."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from ..ticket import Ticket
from .guard import Guard
from .optimiser import Fit
from .state import FitState

LOOKS = 24  # of the guard over the budget, at least
MOST_STEPS = 60  # between two of its looks
SHOW_AFTER = 1.5  # seconds between two states to show
FIRST_AFTER = 0.5  # and until the first one
PREVIEW = 64  # cells of the grid of states that are shown on the way, at least


@dataclass(frozen=True)
class Shown:
    """A state on the way, or the result.

    Attributes
    ----------
    state : the best so far by the guard's measure
    final : nothing follows
    curve : (iteration, measure) of the guard's looks
    """

    state: FitState
    final: bool
    curve: tuple[tuple[int, float], ...]


def due_for_a_look(fit: Fit, every: int) -> bool:
    """Return whether the guard looks at a fit after this step, as it does every so many steps.

    The first look is at the first field in its colours. While the grid cannot hold that field,
    there is no other.
    """
    if fit.iteration == fit.settings.first_colors:
        return True
    return fit.iteration % every == 0 and fit.faithful()


def run(fit: Fit, ticket: Ticket, guard: Guard | None = None) -> Iterator[Shown]:
    """Take the steps of the budget; yield the best state so far every second or two, then the last.

    The ticket's wish to finish early ends the steps; that to cancel raises. A fit that goes on
    brings its guard.
    """
    guard = Guard() if guard is None else guard
    every = max(min(fit.budget // LOOKS, MOST_STEPS), 1)
    due = time.monotonic() + FIRST_AFTER
    while fit.iteration < fit.budget and not ticket.finishing:
        ticket.advance(fit.fraction)
        fit.step()
        if due_for_a_look(fit, every):
            guard.look(fit.state(), fit.judge())
        if time.monotonic() > due and fit.iteration < fit.budget:
            yield Shown(fit.refined(guard.best or fit.state(), PREVIEW), False, guard.curve)
            due = time.monotonic() + SHOW_AFTER
    guard.look(fit.state(), fit.judge())
    assert guard.best is not None  # it has looked
    yield Shown(fit.refined(guard.best), True, guard.curve)
