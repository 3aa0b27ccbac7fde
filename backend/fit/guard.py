"""Keep a fit from getting worse, without the ground truth.

Blocks of pixels in all views are held out. The guard's measure is the error of their prediction by
the colours and the shape learned from the other pixels. A fit returns the last state that is not
clearly worse than the best one, the first included. The tolerance is needed because the measure
includes texture: late smoothing raises it by some percent while the shape still improves.
"""

import math
from typing import Generic, Protocol, TypeVar

TOLERANCE = 0.04  # a later state may be worse than the best one by this fraction of its measure


class OptimiserState(Protocol):
    """The state of an optimisation."""

    @property
    def iteration(self) -> int: ...
    @property
    def finite(self) -> bool: ...


S = TypeVar("S", bound=OptimiserState)


class Guard(Generic[S]):
    """The state to return, the best measure, and the measure of every look.

    Attributes
    ----------
    best : the last state not clearly worse than the best measure; None before the first look
    measure : the lowest one
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
        """Judge a state; return whether it is now the one to return."""
        self.curve = (*self.curve, (state.iteration, measure))
        good = state.finite and measure <= self.measure * (1.0 + TOLERANCE)
        if self.best is not None and not good:
            return False
        self.best, self.measure = state, min(measure, self.measure)
        return True
