"""The queue of jobs and the state machine of each. Does not use `bpy` or threads.

A job passes through QUEUED, STARTING (the worker starts) and RUNNING, and ends as FINISHED,
CANCELLED or FAILED. All transitions happen inside `Jobs.poll`, which a timer calls in a window, or
`Jobs.run`, which blocks.
"""

import logging
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...backend.contract import protocol
from ...backend.contract.errors import LevelformError, RequestError
from .cancelling import CancelWatch
from .client import Client, ClientState, Ending
from .job import Job, JobState, Request, Update, WorkerState

_PING_INTERVAL = 2.0  # seconds of silence after which a busy worker is pinged
SILENCE = 15.0  # seconds without an answer after which the panel says so

logger = logging.getLogger(__name__)


class Jobs:
    """The queue of jobs, and the worker that processes it.

    Parameters
    ----------
    make_client
        Returns a new client, not started; called when a worker is needed. If it raises a
        `LevelformError`, the job that needed the worker fails.
    """

    def __init__(self, make_client: Callable[[], Client]) -> None:
        self.methods: protocol.Methods | None = None
        self.status: protocol.Status | None = None
        self.ready: protocol.Ready | None = None
        self._make_client = make_client
        self._client: Client | None = None
        self._queue: deque[Job] = deque()
        self._current: Job | None = None
        self._ended: deque[Job] = deque()  # their `on_end` has not been called yet
        self._update: Update | None = None  # the newest one, not shown yet
        self._errands: list[Any] = []  # messages to send once the worker is ready
        self.kept_bytes: int | None = None  # limit of fields kept by the worker; None: its default
        self._cancel_watch: CancelWatch | None = None
        self._pinged_at = 0.0
        self._started_for: Job | None = None  # the job for which the worker was started
        self._wanted_threads = 0  # 0: all
        self._told_threads = 0

    # ------------------------------------------------------------ state

    @property
    def current(self) -> Job | None:
        """The job that is running, or for which the worker is starting."""
        return self._current

    @property
    def queued(self) -> tuple[Job, ...]:
        """The waiting jobs, in order."""
        return tuple(self._queue)

    @property
    def ending(self) -> Ending | None:
        """Why the last worker ended, if it did so unexpectedly and no other was started since."""
        return self._client.ending if self._client else None

    @property
    def worker_state(self) -> WorkerState:
        """The state of the worker."""
        if self._client is None or not self._client.alive:
            return WorkerState.OFF
        if self._client.state is ClientState.STARTING:
            return WorkerState.STARTING
        return WorkerState.BUSY if self._current else WorkerState.READY

    @property
    def silent_for(self) -> float:
        """Seconds since a busy worker last computed or answered; 0 if it is responsive."""
        job, client = self._current, self._client
        if job is None or job.state is not JobState.RUNNING or client is None:
            return 0.0
        still = time.monotonic() - max(client.heard_at, job.started_at or 0.0)
        return still if still > SILENCE else 0.0

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of the worker's log, even after it has ended."""
        return self._client.log_tail(lines) if self._client else ""

    # ------------------------------------------------------------ requests

    def submit(
        self,
        request: Request,
        on_update: Callable[[Job, Update], None] | None = None,
        on_end: Callable[[Job], None] | None = None,
    ) -> Job:
        """Queue a job. Its images must not change until it has ended.

        Parameters
        ----------
        request
            Its `job`, if empty, is set to a new name.
        on_update, on_end
            Called from within `poll` or `run`: with the newest mesh only, and once at the end.

        Raises
        ------
        RequestError
            If a job of that name has not ended yet.
        """
        name = request.job or uuid.uuid4().hex
        active = [*self._queue, *([self._current] if self._current else [])]
        if any(job.id == name for job in active):
            raise RequestError(f"A job named {name!r} has not ended yet.", "Choose another name.")
        job = Job(name, replace(request, job=name), on_update=on_update, on_end=on_end)
        self._queue.append(job)
        return job

    def cancel(self, job: Job) -> None:
        """Stop a job: immediately if it is waiting, else as soon as the worker reacts."""
        if job.ended or job.cancelled_at is not None:
            return
        job.cancelled_at = time.monotonic()
        if job.state is JobState.RUNNING and self._client is not None:
            self._client.send(protocol.Cancel(job.id))
            self._cancel_watch = CancelWatch(self._client)
            return
        if job in self._queue:
            self._queue.remove(job)
        self._end(job, JobState.CANCELLED)

    def finish_early(self, job: Job) -> None:
        """Have a running job's method stop improving its result, and keep it."""
        if job.state is JobState.RUNNING and self._client is not None:
            self._client.send(protocol.FinishEarly(job.id))

    def warm_up(self) -> None:
        """Start the worker in advance.

        Raises
        ------
        LevelformError
            If it can't be started.
        """
        if self._client is None or not self._client.alive:
            self._start_client()

    def limit_threads(self, threads: int) -> None:
        """Limit the worker to a number of threads; 0: all. Takes effect while it computes.

        May be called from any thread; `poll` sends the message.
        """
        self._wanted_threads = threads

    def unload(self) -> None:
        """Make the worker release its fields and networks, after its current job."""
        self._errand(protocol.Unload())

    def keep_at_most(self, count: int) -> None:
        """Set the memory limit in bytes for kept fields, of this worker and of later ones."""
        self.kept_bytes = count
        if self._client is not None and self._client.alive:
            self._errand(protocol.KeepAtMost(count))

    def forget(self, keep: str) -> None:
        """Make the worker release one kept field."""
        self._errand(protocol.Forget(keep))

    def shutdown(self) -> None:
        """End the worker and cancel all unfinished jobs; may be called repeatedly."""
        if self._client is not None:
            self._client.stop()
        for job in [*([self._current] if self._current else []), *self._queue]:
            self._end(job, JobState.CANCELLED)
        self._queue.clear()
        self._deliver()
        self.status = None

    # ------------------------------------------------------------ execution

    def poll(self, budget: float = 0.008) -> bool:
        """Do pending work for about `budget` seconds; return whether there is more to come."""
        if self._current is None and self._queue:
            self._begin(self._queue.popleft())
        if self._client is not None:
            self._hear(budget)
            self._ask_for_life()
            self._tell_threads()
            self._check_cancel()
        self._deliver()
        starting = self._client is not None and self._client.state is ClientState.STARTING
        asking = self._client is not None and self._client.alive and self.methods is None
        return bool(self._current or self._queue or self._errands or starting or asking)

    def run(self, job: Job) -> Job:
        """Run a job, and those before it, to the end; Ctrl-C cancels it and is re-raised."""
        try:
            self._drive(job)
        except KeyboardInterrupt:
            self.cancel(job)
            self._drive(job)
            raise
        return job

    def _drive(self, job: Job) -> None:
        while True:
            self.poll(budget=0.1)
            if job.ended:
                return
            if self._client is not None:
                self._client.wait(0.05)

    # ------------------------------------------------------------ steps

    def _hear(self, budget: float) -> None:
        """Process the worker's events, and detect its end."""
        if self._client is None:
            return
        for event in self._client.poll(budget):
            self._handle(event)
        self._check_client()

    def _ask_for_life(self) -> None:
        """Ping a busy worker after a period of silence."""
        client, now = self._client, time.monotonic()
        if client is None or client.state is not ClientState.READY or self._current is None:
            return
        if now - max(client.heard_at, self._pinged_at) > _PING_INTERVAL:
            self._pinged_at = now
            client.ping()

    def _tell_threads(self) -> None:
        client = self._client
        if client is None or client.state is not ClientState.READY:
            return
        if self._told_threads != self._wanted_threads:
            self._told_threads = self._wanted_threads
            client.send(protocol.Share(self._told_threads))

    def _start_client(self) -> None:
        self._told_threads = 0
        client = self._make_client()
        client.start()
        self._started_for = self._current
        self._client = client
        self._errands.insert(0, protocol.ListMethods())
        if self.kept_bytes is not None:
            self._errands.insert(0, protocol.KeepAtMost(self.kept_bytes))

    def _begin(self, job: Job) -> None:
        """Make a job the current one, and start a worker if there is none."""
        self._hear(0.0)  # a worker that died in the meantime must not get it
        self._current, job.state = job, JobState.STARTING
        try:
            self.warm_up()
            self._send_if_ready()
        except LevelformError as error:
            self._fail(protocol.Failed(job.id, error.message, error.hint))

    def _send_if_ready(self) -> None:
        """Send the pending messages and the current job, if the worker is ready."""
        if self._client is None or self._client.state is not ClientState.READY:
            return
        while self._errands:
            self._client.send(self._errands.pop(0))
        job = self._current
        if job is not None and job.state is JobState.STARTING:
            self._client.send(job.request)
            job.state, job.started_at = JobState.RUNNING, time.monotonic()

    def _errand(self, message: Any) -> None:
        if self._client is not None and self._client.alive:
            self._errands.append(message)
            self._send_if_ready()

    def _handle(self, event: Any) -> None:
        """Process one event; events about other jobs than the current one are outdated."""
        current, running = self._current, JobState.RUNNING
        match event:
            case protocol.Ready():
                self.ready = event
                self._ready()
            case protocol.Methods():
                self.methods = event
            case protocol.Status():
                self.status = event
            case protocol.Pong():
                pass
            case protocol.Failed() if not event.job and current and current.state is running:
                self._fail(event)  # it could not read the request
            case _ if self._current is not None and event.job == self._current.id:
                self._handle_of_job(self._current, event)
            case _:
                logger.debug("outdated: %s of %s", type(event).__name__, event.job)

    def _ready(self) -> None:
        try:
            self._send_if_ready()
        except LevelformError as error:
            assert self._current is not None
            self._fail(protocol.Failed(self._current.id, error.message, error.hint))

    def _handle_of_job(self, job: Job, event: Any) -> None:
        job.heard = True
        ends = job.ends_with(event)
        if ends and job.cancelled_at is not None:
            self._end(job, JobState.CANCELLED)  # it ended before the cancel arrived
            return
        job.take(event)
        match event:
            case protocol.MeshUpdate() | protocol.Evaluation() | protocol.Painted():
                self._update = event
            case protocol.Finished():
                self._show()
            case protocol.Cancelled():
                self._end(job, JobState.CANCELLED)
            case protocol.Failed():
                self._fail(event)
        if ends and not job.ended:
            self._end(job, JobState.FINISHED)

    def _check_client(self) -> None:
        """If the worker has ended, fail its job; the next job starts a new worker."""
        client = self._client
        if client is None or client.alive or client.ending is None:
            return
        self.status = None
        self._errands.clear()
        job = self._current
        if job is None:
            return
        ending = client.ending
        if job.cancelled_at is not None:
            self._end(job, JobState.CANCELLED)
            return
        inherited = job.state is JobState.STARTING and self._started_for is not job
        unheard = job.state is JobState.RUNNING and not job.heard
        if (inherited or unheard) and not job.again:
            logger.warning("the worker ended before the job began; the job gets a new one")
            job.again, job.state = True, JobState.QUEUED
            self._current = None
            self._queue.appendleft(job)
            return
        job.log = ending.log
        self._fail(protocol.Failed(job.id, ending.message, ending.hint, ending.log))

    def _check_cancel(self) -> None:
        """Kill a worker that does not react to a cancel."""
        if self._cancel_watch is None or self._client is None:
            return
        if self._current is None or self._current.cancelled_at is None:
            self._cancel_watch = None
        elif self._cancel_watch.expired():
            logger.warning("the worker does not react to a cancel and is killed")
            self._client.kill()
            self._check_client()

    def _fail(self, failure: protocol.Failed) -> None:
        assert self._current is not None
        self._current.failure = failure
        self._end(self._current, JobState.FAILED)

    def _end(self, job: Job, state: JobState) -> None:
        job.end(state)
        if job is self._current:
            self._current = self._update = None
        self._ended.append(job)

    def _deliver(self) -> None:
        """Report the newest mesh, then the jobs that have ended."""
        self._show()
        while self._ended:
            job = self._ended.popleft()
            if job.on_end is not None:
                try:
                    job.on_end(job)
                except Exception:
                    logger.exception("the end handler of the job %s failed", job.id)

    def _show(self) -> None:
        """Report the newest mesh; an exception there fails the job."""
        job, update, self._update = self._current, self._update, None
        if job is None or update is None or job.on_update is None or job.cancelled_at is not None:
            return
        try:
            job.on_update(job, update)
        except Exception as error:
            logger.exception("a mesh of the job %s could not be shown", job.id)
            known = error if isinstance(error, LevelformError) else LevelformError(str(error))
            if job.state is JobState.RUNNING and self._client is not None and self._client.alive:
                self._client.send(protocol.Cancel(job.id))
            self._fail(protocol.Failed(job.id, known.message or type(error).__name__, known.hint))
