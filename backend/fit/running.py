"""A fit from its first step to its last: progress, looks of the guard, and states to show."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from ..ticket import Ticket
from .guard import Guard
from .optimiser import Fit
from .state import FitState

LOOKS = 24  # of the guard, over the budget
SHOW_AFTER = 1.5  # seconds between two states to show
FIRST_AFTER = 0.5  # and until the first one


@dataclass(frozen=True)
class Shown:
    """A state on the way, or the result.

    Attributes
    ----------
    state : the best so far by the guard's measure; on the way the newest
    final : nothing follows
    curve : (iteration, measure) of the guard's looks
    """

    state: FitState
    final: bool
    curve: tuple[tuple[int, float], ...]


def run(fit: Fit, ticket: Ticket) -> Iterator[Shown]:
    """Take the steps of the budget; yield the newest state every second or two, then the best one.

    The ticket's wish to finish early ends the steps; that to cancel raises.
    """
    guard = Guard()
    every = max(fit.budget // LOOKS, 1)
    due = time.monotonic() + FIRST_AFTER
    while fit.iteration < fit.budget and not ticket.finishing:
        ticket.advance(fit.fraction)
        fit.step()
        if fit.iteration == fit.settings.first_colors or fit.iteration % every == 0:
            guard.look(fit.state(), fit.judge())
        if time.monotonic() > due and fit.iteration < fit.budget:
            yield Shown(fit.state(), False, guard.curve)
            due = time.monotonic() + SHOW_AFTER
    guard.look(fit.state(), fit.judge())
    assert guard.best is not None  # it has looked
    yield Shown(guard.best, True, guard.curve)
