"""Several jobs that make one object, one after the other.

The steps are a generator: it yields each job that it has begun, is sent the job's object, and
returns the last object. Closing it removes what it has made so far. A script runs it to its end
with `finished`; in a window `ticker` advances `series`, so Blender stays usable and Esc cancels.
"""

import logging
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

import bpy

from ...backend.contract.errors import LevelformError, RequestError
from ...backend.contract.unexpected import internal_error
from ..jobs.running import Running
from ..jobs.session import exhaust, live
from ..scene.selection import select
from ..scene.ticker import Ticker
from ..scene.wording import told

TICK = 0.05  # seconds between two looks at the running job
Steps = Generator[Any, bpy.types.Object, bpy.types.Object]

logger = logging.getLogger(__name__)


def drive(running: Running) -> bpy.types.Object:
    """Run a job to its end, and return its object."""
    return exhaust(live.drive(running))


def finished(steps: Steps, wait: Callable[[Any], bpy.types.Object] = drive) -> bpy.types.Object:
    """Take all steps, for a script; return the object that they make.

    Parameters
    ----------
    wait
        Returns the object of a yielded job.
    """
    with closing(steps):
        try:
            pending = next(steps)
            while True:
                pending = steps.send(wait(pending))
        except StopIteration as end:
            return end.value


class Series:
    """The only series of jobs in this Blender's window."""

    def __init__(self) -> None:
        self._steps: Steps | None = None
        self._current: Running | None = None
        self._pattern, self._count, self._begun = "", 1, 0

    @property
    def running(self) -> bool:
        """Whether a series is running."""
        return self._steps is not None

    @property
    def title(self) -> str:
        """Which step is being taken, such as "Image 2 of 24"."""
        return told(self._pattern, max(self._begun, 1), self._count)

    @property
    def progress(self) -> float:
        """Progress over all steps, 0 to 1."""
        here = self._current.fraction if self._current is not None else 0.0
        return min((max(self._begun - 1, 0) + here) / self._count, 1.0)

    def begin(self, steps: Steps, count: int, pattern: str) -> None:
        """Begin a series; `advance` goes on.

        Parameters
        ----------
        count : number of steps
        pattern : the words for a step, see `title`

        Raises
        ------
        RequestError
            If one is running, or the first step can't begin.
        """
        if self.running:
            raise RequestError("Levelform is busy.", "Wait for the job, or cancel it (Esc).")
        self.__init__()
        self._steps, self._count, self._pattern = steps, max(count, 1), pattern
        try:
            self._take(next(steps))
        except BaseException:
            self.abandon()
            raise

    def advance(self) -> bool:
        """Take the next step if the previous one has ended; return whether there is more to do."""
        if self._steps is None or live.running is not None:
            return self.running
        assert self._current is not None  # it was begun with the first step
        outcome = self._current.outcome
        if outcome is None:  # cancelled or failed; the session says why
            self.abandon()
            return False
        try:
            self._take(self._steps.send(outcome))
        except StopIteration as end:
            self._end(end.value)
        except LevelformError as error:
            self._fail(error)
        except Exception as error:
            logger.exception("a step of a series could not begin")
            self._fail(internal_error(error, "Try again; the log has details."))
        return self.running

    def abandon(self) -> None:
        """End it; what was made so far is removed."""
        steps, self._steps, self._current = self._steps, None, None
        if steps is not None:
            steps.close()

    def _take(self, running: Running) -> None:
        running.result.selects = running.result.undoes = False  # one step of undo for all
        self._current, self._begun = running, self._begun + 1

    def _fail(self, error: LevelformError) -> None:
        self.abandon()
        live.failure = error

    def _end(self, made: bpy.types.Object) -> None:
        self._steps = self._current = None
        select(made)
        if not bpy.app.background and bpy.ops.ed.undo_push.poll():  # pyright: ignore[reportCallIssue]
            bpy.ops.ed.undo_push(message="Animate")


series = Series()


def _advance() -> bool:
    more = series.advance()
    if live.running is not None:
        live.wake()
    return more


ticker = Ticker(_advance, every=TICK, on_load=series.abandon)
register = ticker.register


def unregister() -> None:
    """End the series, and stop listening."""
    series.abandon()
    ticker.unregister()
