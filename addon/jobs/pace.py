"""How much of a job's time has passed, and how much is left; does not use `bpy`.

The worker reports a stage and the fraction of its work, not of its time. The time of a stage is
that of the last job of the same kind; once it has run for a while, it is extrapolated from its own
progress. For the first job of a kind, only the stages' weights are known: its time left counts down
from each report, and is not told while no report comes for longer than it promised.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from ...backend.contract.protocol import Progress

EXTRAPOLATED = 0.25  # fraction of a stage done, from which only its own progress counts
TOLD = 0.05  # minimum fraction of the job done before the time left is shown
PATIENCE = 0.5  # fraction of a time left without a report, after which it is no longer told
_LARGEST = 0.99  # shown before the end

# Seconds of each stage of the last job of a kind.
_known: dict[Hashable, dict[str, float]] = {}


@dataclass
class Pace:
    """The course of one job.

    Parameters
    ----------
    kind : jobs of one kind take about the same time
    clock : returns seconds

    Attributes
    ----------
    fraction : of its time, 0 to 1; never decreases
    left : seconds; None while it is not known
    """

    kind: Hashable
    clock: Callable[[], float] = time.monotonic
    fraction: float = 0.0
    left: float | None = None
    _began: float | None = None
    _stage: str = ""
    _entered: float = 0.0
    _spent: dict[str, float] = field(default_factory=dict)
    _reported: tuple[float, float] = (-1.0, 0.0)  # the last fraction of the job, and when

    def update(self, progress: Progress) -> None:
        """Take note of the worker's progress."""
        now = self.clock()
        if self._began is None:
            self._began = self._entered = now
        if progress.stage != self._stage:
            self._leave(now)
            self._stage, self._entered = progress.stage, now
        passed, left = now - self._began, self._left(progress, now)
        if left is None or self.kind not in _known:  # only the stages' weights are known
            self.fraction = max(self.fraction, min(progress.overall, _LARGEST))
            self.left = left
            return
        fraction = passed / (passed + left) if passed + left > 0 else 0.0
        self.fraction = max(self.fraction, min(fraction, _LARGEST))
        self.left = left

    def finish(self) -> None:
        """Remember how long the stages took; for a job that was not cancelled."""
        if self._began is not None:
            self._leave(self.clock())
            _known[self.kind] = dict(self._spent)

    def _leave(self, now: float) -> None:
        if self._stage:
            self._spent[self._stage] = self._spent.get(self._stage, 0.0) + now - self._entered

    def _left(self, progress: Progress, now: float) -> float | None:
        """Return the seconds left; None if unknown."""
        here = now - self._entered
        known = _known.get(self.kind)
        if known is not None and progress.stage in known:
            total, expected = sum(known.values()), known[progress.stage]
            earlier = sum(known[name] for name in self._spent if name in known)
            later = max(total - earlier - expected, 0.0)
            return _rest(here, progress.fraction, expected) + later
        if progress.overall != self._reported[0]:
            self._reported = (progress.overall, now)
        if progress.overall < TOLD or self._began is None:
            return None
        since = now - self._reported[1]
        passed = self._reported[1] - self._began
        left = passed * (1.0 - progress.overall) / progress.overall
        return left - since if since <= PATIENCE * left else None


def _rest(here: float, fraction: float, expected: float) -> float:
    """Return the seconds left of a stage, by its own progress and its last duration."""
    known = max(expected - here, 0.0)
    if fraction <= 0.0:
        return known
    own = here * (1.0 - fraction) / fraction
    weight = min(fraction / EXTRAPOLATED, 1.0)
    return weight * own + (1.0 - weight) * known


def in_words(seconds: float) -> str:
    """Return a time left in words: "8 s left"."""
    if seconds < 1.5:
        return "1 s left"
    if seconds < 90:
        return f"{round(seconds)} s left"
    return f"{round(seconds / 60)} min left"
