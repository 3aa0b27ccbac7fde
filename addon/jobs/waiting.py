"""The jobs waiting for the running one, in order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ...backend.contract.errors import LevelformError
from ..scene.windows import in_window
from .running import Running


class JobRunner(Protocol):
    """A session that runs one job at a time."""

    running: Running | None
    failure: LevelformError | None


@dataclass(frozen=True)
class Waiting:
    """A waiting job: its name for the panel, and the function that begins it."""

    name: str
    begin: Callable[[], Running]


class WaitingJobs(list[Waiting]):
    """Jobs in the order in which they will begin."""

    def begin_next(self, session: JobRunner) -> None:
        """Begin the first one, unless a job runs; the session stores its failure to begin."""
        while session.running is None and self:
            before = session.failure
            try:
                with in_window():
                    self.pop(0).begin()
                session.failure = before
            except LevelformError as error:
                session.failure = error
