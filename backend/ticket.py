"""The ticket of long work: it reports progress and tells when to stop.

Progress has three levels: the job (0 to 1 over everything), the stage (a name, and which of how
many) and the fraction within the stage.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .contract.errors import JobCancelled


@dataclass(frozen=True)
class Step:
    """The progress of a job.

    `overall` and `fraction` lie in [0, 1]; `index` counts stages from 0 and is below `count`.
    """

    stage: str
    index: int
    count: int
    fraction: float
    overall: float


class Ticket:
    """Reports progress and receives cancellation.

    Parameters
    ----------
    report
        Called with a `Step` on every advance; must be quick.
    cancelled
        Called at every `check`; true stops the work by raising `JobCancelled`.
    finishing
        Whether to stop and keep the result so far; for work that supports it.
    """

    def __init__(
        self,
        report: Callable[[Step], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        finishing: Callable[[], bool] | None = None,
    ) -> None:
        self._report = report
        self._cancelled = cancelled
        self._finishing = finishing
        self._stages: list[tuple[str, float]] = [("Working", 1.0)]
        self._index = 0

    def plan(self, stages: dict[str, float]) -> None:
        """Set the stages of the job, each with its expected fraction of the time."""
        if not stages or min(stages.values()) <= 0:
            raise ValueError(f"stages need positive weights, got {stages}")
        total = sum(stages.values())
        self._stages = [(name, weight / total) for name, weight in stages.items()]
        self._index = 0

    @contextmanager
    def stage(self, name: str) -> Iterator["Ticket"]:
        """Enter the planned stage `name` at fraction 0; leave it at 1."""
        names = [known for known, _ in self._stages]
        if name not in names:
            raise ValueError(f"no stage {name!r} in the plan {names}")
        self._index = names.index(name)
        self.advance(0.0)
        yield self
        self.advance(1.0)

    def advance(self, fraction: float) -> None:
        """Report the completed fraction of the current stage, then `check`."""
        fraction = min(max(fraction, 0.0), 1.0)
        if self._report is not None:
            before = sum(weight for _, weight in self._stages[: self._index])
            name, weight = self._stages[self._index]
            self._report(
                Step(name, self._index, len(self._stages), fraction, before + weight * fraction)
            )
        self.check()

    def rest(self, done: float) -> "Ticket":
        """Return a ticket for the rest of the current stage, whose 0 is the fraction `done`."""

        def report(step: Step) -> None:
            self.advance(done + (1.0 - done) * step.fraction)

        return Ticket(report, self._cancelled, self._finishing)

    def check(self) -> None:
        """Raise `JobCancelled` if the user asked to stop. Call it once per block of work."""
        if self.cancelled():
            raise JobCancelled

    def cancelled(self) -> bool:
        """Return whether the user asked to stop."""
        return self._cancelled is not None and self._cancelled()

    @property
    def finishing(self) -> bool:
        """Whether the user asked to stop and keep the result so far."""
        return self._finishing is not None and self._finishing()
