"""What stops a fit from getting worse, without knowing the truth.

Blocks of pixels in all views are never drawn. How well they are predicted, through the colours and
the shape that the rest of the images taught, is the guard's measure. It remembers the best state,
the first one included, and that is what a fit returns.
"""

import math

from .state import FitState

LEAST_GAIN = 1e-4  # by which a later state must be better


class Guard:
    """The best state so far, how badly it predicts the held-out pixels, and every look's measure.

    Attributes
    ----------
    best : the state, None before the first look
    measure : of the best state
    curve : (iteration, measure) of every look
    """

    def __init__(
        self,
        best: FitState | None = None,
        measure: float = math.inf,
        curve: tuple[tuple[int, float], ...] = (),
    ) -> None:
        self.best, self.measure, self.curve = best, measure, curve

    def look(self, state: FitState, measure: float) -> bool:
        """Take in a state; return whether it is the best so far."""
        self.curve = (*self.curve, (state.iteration, measure))
        better = state.finite and measure < self.measure - LEAST_GAIN
        if self.best is not None and not better:
            return False
        self.best, self.measure = state, measure
        return True
