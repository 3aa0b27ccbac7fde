"""The worker for the rest of the add-on: its methods, its state, what it should forget."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from ...backend.contract.errors import WorkError
from ...backend.contract.protocol import MethodInfo, Status
from ..backend_setup import interpreter, user_preferences
from .client import Client
from .job import WorkerState
from .queue import Jobs

BUDGET = 0.008  # seconds per tick for reading the channel
WAIT = 0.002  # seconds that a script sleeps while there are no events


class WorkerAccess(ABC):
    """Questions and orders to the worker outside of a job.

    Attributes
    ----------
    method_listeners : called at each step with the worker's methods, once they are known
    """

    def __init__(self) -> None:
        self.method_listeners: list[Callable[[Sequence[MethodInfo]], None]] = []
        self._methods: tuple[MethodInfo, ...] = ()  # of the last worker
        self._jobs: Jobs | None = None

    @abstractmethod
    def wake(self) -> None:
        """Start the timer, which sends pending messages."""

    @property
    def jobs(self) -> Jobs:
        """The queue; its worker starts with the first job."""
        if self._jobs is None:
            self._jobs = Jobs(_make_client)
            self._jobs.kept_bytes = user_preferences.kept_bytes()
        return self._jobs

    @property
    def methods(self) -> tuple[MethodInfo, ...]:
        """The methods of the worker, or of the last one; empty until they are known."""
        listed = self._jobs.methods if self._jobs else None
        if listed is not None:
            self._methods = listed.methods
        return self._methods

    @property
    def method_problems(self) -> tuple[str, ...]:
        """A sentence about each of the user's own methods that the worker could not load."""
        listed = self._jobs.methods if self._jobs else None
        return listed.problems if listed else ()

    @property
    def status(self) -> Status | None:
        """The worker's last reported status; None while there is no worker."""
        return self._jobs.status if self._jobs else None

    @property
    def silent_for(self) -> float:
        """Seconds since the worker last computed or answered; 0 if it is responsive."""
        return self._jobs.silent_for if self._jobs else 0.0

    @property
    def worker_state(self) -> WorkerState:
        """The state of the worker."""
        return self._jobs.worker_state if self._jobs else WorkerState.OFF

    # ------------------------------------------------------------ methods

    def ask_methods(self) -> tuple[MethodInfo, ...]:
        """Return the worker's methods; block until they are known.

        Raises
        ------
        LevelformError
            If there is no backend, or it can't be started.
        """
        self.jobs.warm_up()
        while self.jobs.methods is None and self.worker_state is not WorkerState.OFF:
            self.jobs.poll(BUDGET)
            time.sleep(WAIT)
        if self.jobs.methods is None:
            raise WorkError("The backend could not be started.", self.jobs.log_tail(1))
        self.tell_methods()
        return self.methods

    def tell_methods(self) -> None:
        """Call the listeners with the worker's methods, once they are known."""
        for listener in self.method_listeners if self.methods else ():
            listener(self.methods)

    # ------------------------------------------------------------ memory, threads, log

    def log_tail(self) -> str:
        """Return the last lines of the worker's log."""
        return self._jobs.log_tail(200) if self._jobs else ""

    def limit_threads(self, threads: int) -> None:
        """Limit the worker to a number of threads; 0: all."""
        if self._jobs is not None:
            self._jobs.limit_threads(threads)

    def forget(self, keep: str) -> None:
        """Make the worker release one kept result."""
        if self._jobs is not None:
            self._jobs.forget(keep)
            self.wake()

    def keep_at_most(self, count: int) -> None:
        """Set the memory limit of the worker's kept results, in bytes."""
        if self._jobs is not None:
            self._jobs.keep_at_most(count)
            self.wake()

    def unload(self) -> None:
        """Make the worker release its memory."""
        if self._jobs is not None:
            self._jobs.unload()
            self.wake()


def _make_client() -> Client:
    """Return a new client for a worker."""
    return Client(interpreter.here.find().python, methods=user_preferences.methods_folder())
