"""A fit that ends by time: its schedule follows the seconds used instead of the steps taken."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from . import checking
from .optimiser import FitOptimiser
from .settings import COARSEST, SECONDS, STEPS, settings_for

LEAST = 0.25  # minimum fraction of the limit for steps, however long the preparation takes
SOONEST = 0.005  # fraction of the time before which the speed is unknown
LONGEST = 1e6  # seconds of a kept fit
END = 1.0  # seconds reserved for the last look and its mesh


class Clock:
    """The fraction of its time that a fit has used.

    Parameters
    ----------
    limit
        Seconds, of earlier runs too.
    spent
        Those of earlier runs.
    now
        Seconds since some moment; a run begins when the clock is made.
    """

    def __init__(
        self, limit: float, spent: float = 0.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._before, self._now = limit, spent, now
        self._made = self._began = now()
        self._begun = False

    def begin(self) -> None:
        """Mark the first step."""
        self._began, self._begun = self._now(), True

    @property
    def fraction(self) -> float:
        """The fraction of the time for steps that is used, at most 1."""
        mine = self._limit - self._before
        allowed = max(mine - (self._began - self._made) - END, LEAST * mine)
        spent = self._before + min((self._now() - self._began) / allowed, 1.0) * mine
        return min(spent / self._limit, 1.0)

    def plan(self, fit: FitOptimiser) -> None:
        """Set a fit's budget to the number of steps that this speed allows.

        Called before each step; the preparation counts as used time.
        """
        if not self._begun:
            self.begin()
        if self.fraction < SOONEST:
            return
        fit.budget = max(round(fit.iteration / self.fraction), fit.iteration)
        if len(fit.settings.stages) == 1:
            return
        guess = fit.settings.stages[0][0] > COARSEST
        planned = settings_for(fit.budget, guess=guess)
        fit.settings = replace(fit.settings, stages=planned.stages, rays=planned.rays)

    def facts(self) -> dict[str, float]:
        """Return what `going_on` needs, ready for JSON."""
        return {"limit": self._limit, "spent": self._limit * self.fraction}


def going_on(facts: Mapping[str, Any], preset: str) -> Clock:
    """Return the clock of a continued fit: for the rest of its time, else for one more preset.

    Parameters
    ----------
    facts : of `FitOptimiser.memory`, with "clock" if the fit ended by time
    """
    more, clock = SECONDS[preset], facts.get("clock")
    if clock is None:  # the fit ended by steps: assume the planned speed
        spent = checking.whole(facts, "iteration") * more / STEPS[preset]
        return Clock(spent + more, spent)
    if not isinstance(clock, Mapping):
        raise checking.damaged(f"clock is {clock!r}")
    limit, spent = (checking.number(clock, name, LONGEST) for name in ("limit", "spent"))
    return Clock(limit if spent < limit else spent + more, spent)
