"""What stops a fit from getting worse, without knowing the truth.

Blocks of pixels in all views are never drawn. How well they are predicted, through the colours and
the shape that the rest of the images taught, is the guard's measure. A fit returns the last state
that it did not find clearly worse than the best, the first one included. The tolerance is there
because the measure counts texture as well: late smoothing raises it by some percent while the shape
still gets better.
"""

import math
from typing import Generic, Protocol, TypeVar

TOLERANCE = 0.04  # a later state may be worse than the best one by this fraction of its measure


class State(Protocol):
    """What an optimisation knows at one moment."""

    @property
    def iteration(self) -> int: ...
    @property
    def finite(self) -> bool: ...


S = TypeVar("S", bound=State)


class Guard(Generic[S]):
    """The state to return, the best measure, and every look's measure.

    Attributes
    ----------
    best : the last state not clearly worse than the best measure; None before the first look
    measure : the lowest so far
    curve : (iteration, measure) of every look
    """

    def __init__(
        self,
        best: S | None = None,
        measure: float = math.inf,
        curve: tuple[tuple[int, float], ...] = (),
    ) -> None:
        self.best, self.measure, self.curve = best, measure, curve

    def look(self, state: S, measure: float) -> bool:
        """Take in a state; return whether it is now the one to return."""
        self.curve = (*self.curve, (state.iteration, measure))
        good = state.finite and measure <= self.measure * (1.0 + TOLERANCE)
        if self.best is not None and not good:
            return False
        self.best, self.measure = state, min(measure, self.measure)
        return True
