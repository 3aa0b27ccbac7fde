"""The state machine of a job, and the queue of jobs. Knows no `bpy` and makes no threads.

A job goes QUEUED, STARTING (the worker starts), RUNNING, and ends in exactly one of FINISHED,
CANCELLED and FAILED. All of it happens inside `Jobs.poll`, which a timer calls in a window, or
`Jobs.run`, which blocks.
"""

import logging
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ...backend.contract import protocol
from ...backend.contract.errors import LevelformError, RequestError
from .client import Client, ClientState, Ending

_CANCEL_PATIENCE = 5.0  # seconds until a worker that does not heed a cancel is killed
_STILL_PATIENCE = 0.8  # the same for one that neither computes nor answers
_CANCEL_PING = 0.25  # seconds between two questions to a worker whose job is cancelled
_PING_INTERVAL = 2.0  # seconds of a worker's silence at work until it is asked for a word
SILENCE = 15.0  # seconds without an answer that are worth telling the artist

logger = logging.getLogger(__name__)


class JobState(StrEnum):
    """Where a job stands; the last three are its ends."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


class WorkerState(StrEnum):
    """What the panel shows of the worker."""

    OFF = "off"
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"


_ENDS = (JobState.FINISHED, JobState.CANCELLED, JobState.FAILED)
Request = (
    protocol.Reconstruct
    | protocol.Remesh
    | protocol.EstimateVolume
    | protocol.CheckViews
    | protocol.Evaluate
)
_WITH_VIEWS = protocol.Reconstruct | protocol.EstimateVolume | protocol.CheckViews
# What ends a job that has come to its end in order; `Finished` those that are not named.
_LAST = {
    protocol.EstimateVolume: protocol.VolumeEstimate,
    protocol.CheckViews: protocol.ViewsChecked,
}
Update = protocol.MeshUpdate | protocol.Evaluation  # what a job has to show


@dataclass(eq=False)
class Job:
    """One request on its way; read it, never write to it.

    Attributes
    ----------
    id : its name in every message
    request : what was asked for; its images are let go when the job ends
    progress : where it stands, as last heard
    failure : what went wrong, if it FAILED
    stats : what `Finished` said, if it FINISHED
    placement : where the object stands, once the worker has said so
    checked : whether the views agree, once the worker has said so
    log : the tail of the worker's log, if the worker ended with the job
    submitted_at, started_at, ended_at : seconds of `time.monotonic`; None: not yet
    """

    id: str
    request: Request
    state: JobState = JobState.QUEUED
    progress: protocol.Progress | None = None
    failure: protocol.Failed | None = None
    stats: dict[str, Any] = field(default_factory=dict)
    placement: protocol.Placement | None = None
    checked: protocol.ViewsChecked | None = None
    log: str = ""
    submitted_at: float = field(default_factory=time.monotonic)
    started_at: float | None = None
    ended_at: float | None = None
    cancelled_at: float | None = None
    heard: bool = False  # the worker has said something about it
    again: bool = False  # its first worker was gone before it said anything
    _cpu: float | None = field(default=None, repr=False)  # the worker's, once it is cancelled
    _computed_at: float = field(default=0.0, repr=False)  # when that was last seen to grow
    on_update: Callable[["Job", Update], None] | None = field(default=None, repr=False)
    on_end: Callable[["Job"], None] | None = field(default=None, repr=False)

    @property
    def ended(self) -> bool:
        """Whether it has come to one of its three ends."""
        return self.state in _ENDS


class Jobs:
    """The queue, and the one worker that does it.

    Parameters
    ----------
    make_client
        Makes a client that is not started; called when a worker is needed. A `LevelformError` that
        it raises fails the job that needed it.
    """

    def __init__(self, make_client: Callable[[], Client]) -> None:
        self.methods: protocol.Methods | None = None
        self.status: protocol.Status | None = None
        self.ready: protocol.Ready | None = None
        self._make_client = make_client
        self._client: Client | None = None
        self._queue: deque[Job] = deque()
        self._current: Job | None = None
        self._ended: deque[Job] = deque()  # their `on_end` is still to be called
        self._update: Update | None = None  # the newest, not yet shown
        self._errands: list[Any] = []  # for the worker, once it is ready
        self.kept_bytes: int | None = None  # that fields kept by the worker may hold; None: its own
        self._pinged_at = 0.0
        self._started_for: Job | None = None  # the job that needed the worker
        self._wanted_threads = 0  # as many as there are
        self._told_threads = 0

    # ------------------------------------------------------------ what there is

    @property
    def current(self) -> Job | None:
        """The job that the worker does or is being started for."""
        return self._current

    @property
    def queued(self) -> tuple[Job, ...]:
        """The jobs that wait, in order."""
        return tuple(self._queue)

    @property
    def ending(self) -> Ending | None:
        """Why the last worker ended, if it was not told to and no other was started since."""
        return self._client.ending if self._client else None

    @property
    def worker_state(self) -> WorkerState:
        """What the worker is doing."""
        if self._client is None or not self._client.alive:
            return WorkerState.OFF
        if self._client.state is ClientState.STARTING:
            return WorkerState.STARTING
        return WorkerState.BUSY if self._current else WorkerState.READY

    @property
    def silent_for(self) -> float:
        """Seconds for which a worker at work has neither computed nor answered; 0: it does."""
        job, client = self._current, self._client
        if job is None or job.state is not JobState.RUNNING or client is None:
            return 0.0
        still = time.monotonic() - max(client.heard_at, job.started_at or 0.0)
        return still if still > SILENCE else 0.0

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of the worker's log, also of one that has ended."""
        return self._client.log_tail(lines) if self._client else ""

    # ------------------------------------------------------------ what can be asked

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
            With an empty `job` it is given a name.
        on_update, on_end
            Called from within `poll` or `run`: with the newest mesh only, and once at the end.

        Raises
        ------
        RequestError
            If a job of that name is not over yet.
        """
        name = request.job or uuid.uuid4().hex
        active = [*self._queue, *([self._current] if self._current else [])]
        if any(job.id == name for job in active):
            raise RequestError(f"A job named {name!r} is not over yet.", "Choose another name.")
        job = Job(name, replace(request, job=name), on_update=on_update, on_end=on_end)
        self._queue.append(job)
        return job

    def cancel(self, job: Job) -> None:
        """Stop a job: at once while it waits, else as soon as the worker hears it."""
        if job.ended or job.cancelled_at is not None:
            return
        job.cancelled_at = time.monotonic()
        if job.state is JobState.RUNNING and self._client is not None:
            job._cpu = self._client.cpu_seconds()
            self._client.send(protocol.Cancel(job.id))
            self._client.ping()
            return
        if job in self._queue:
            self._queue.remove(job)
        self._end(job, JobState.CANCELLED)

    def warm_up(self) -> None:
        """Start the worker before there is a job for it.

        Raises
        ------
        LevelformError
            If it can't be started.
        """
        if self._client is None or not self._client.alive:
            self._start_client()

    def share(self, threads: int) -> None:
        """Have the worker compute on at most so many threads; 0: on all. Heard while it computes.

        May be called from any thread; `poll` sends it.
        """
        self._wanted_threads = threads

    def unload(self) -> None:
        """Have the worker drop its fields and networks, after the job it is at."""
        self._errand(protocol.Unload())

    def keep_at_most(self, count: int) -> None:
        """Let the worker's kept fields hold so many bytes, this worker's and those to come."""
        self.kept_bytes = count
        if self._client is not None and self._client.alive:
            self._errand(protocol.KeepAtMost(count))

    def forget(self, keep: str) -> None:
        """Have the worker drop one kept field."""
        self._errand(protocol.Forget(keep))

    def shutdown(self) -> None:
        """End the worker and cancel the jobs that are not over; may be repeated."""
        if self._client is not None:
            self._client.stop()
        for job in [*([self._current] if self._current else []), *self._queue]:
            self._end(job, JobState.CANCELLED)
        self._queue.clear()
        self._deliver()
        self.status = None

    # ------------------------------------------------------------ what drives it

    def poll(self, budget: float = 0.008) -> bool:
        """Do what can be done now, in about `budget` seconds; true while something is going on."""
        if self._current is None and self._queue:
            self._begin(self._queue.popleft())
        if self._client is not None:
            self._hear(budget)
            self._ask_for_life()
            self._tell_threads()
            self._check_cancel()
        self._deliver()
        starting = self._client is not None and self._client.state is ClientState.STARTING
        return bool(self._current or self._queue or self._errands or starting)

    def run(self, job: Job) -> Job:
        """Drive a job, and those before it, to its end; Ctrl-C cancels it and is raised again."""
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

    # ------------------------------------------------------------ steps of it

    def _hear(self, budget: float) -> None:
        """Take what the worker says, and notice that it has ended."""
        if self._client is None:
            return
        for event in self._client.poll(budget):
            self._handle(event)
        self._check_client()

    def _ask_for_life(self) -> None:
        """Ping a worker at work that has said nothing for a while."""
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
        """Make a job the current one, and see to it that a worker is there for it."""
        self._hear(0.0)  # one that died while nobody looked must not get it
        self._current, job.state = job, JobState.STARTING
        try:
            self.warm_up()
            self._send_if_ready()
        except LevelformError as error:
            self._fail(protocol.Failed(job.id, error.message, error.hint))

    def _send_if_ready(self) -> None:
        """Send the errands and the job that a worker which is ready has not got yet."""
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
        """Take in one event; one about a job that is not the current one comes too late."""
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
            case protocol.Failed() if not event.job and self._is_running():
                self._fail(event)  # the request that it could not read
            case _ if self._current is not None and event.job == self._current.id:
                self._handle_of_job(self._current, event)
            case _:
                logger.debug("late: %s of %s", type(event).__name__, event.job)

    def _ready(self) -> None:
        try:
            self._send_if_ready()
        except LevelformError as error:
            assert self._current is not None
            self._fail(protocol.Failed(self._current.id, error.message, error.hint))

    def _handle_of_job(self, job: Job, event: Any) -> None:
        job.heard = True
        ends = isinstance(event, protocol.Failed | _LAST.get(type(job.request), protocol.Finished))
        if ends and job.cancelled_at is not None:
            self._end(job, JobState.CANCELLED)  # it ended before it heard
            return
        match event:
            case protocol.Progress():
                job.progress = event
            case protocol.MeshUpdate() | protocol.Evaluation():
                self._update = event
            case protocol.Placed() | protocol.VolumeEstimate():
                job.placement = event.placement
            case protocol.ViewsChecked():
                job.checked = event
            case protocol.Finished():
                job.stats = event.stats
                self._show()
            case protocol.Cancelled():
                self._end(job, JobState.CANCELLED)
            case protocol.Failed():
                self._fail(event)
        if ends and not job.ended:
            self._end(job, JobState.FINISHED)

    def _check_client(self) -> None:
        """When the worker has ended, fail the job it was at; the next one starts a new worker."""
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
            logger.warning("the worker was gone before it began; the job gets a fresh one")
            job.again, job.state = True, JobState.QUEUED
            self._current = None
            self._queue.appendleft(job)
            return
        job.log = ending.log
        self._fail(protocol.Failed(job.id, ending.message, ending.hint, ending.log))

    def _check_cancel(self) -> None:
        job = self._current
        if job is None or job.cancelled_at is None or self._client is None:
            return
        client, now = self._client, time.monotonic()
        waited, cpu = now - job.cancelled_at, client.cpu_seconds()
        if cpu != job._cpu:
            job._cpu, job._computed_at = cpu, now
        if now - self._pinged_at > _CANCEL_PING:  # what it said before it stopped may come late
            self._pinged_at = now
            client.ping()
        alive_at = max(job.cancelled_at, job._computed_at, client.heard_at)
        still = cpu is not None and now - alive_at > _STILL_PATIENCE
        if waited > _CANCEL_PATIENCE or still:
            logger.warning("the worker does not heed a cancel and is ended")
            self._client.kill()
            self._check_client()

    def _is_running(self) -> bool:
        return self._current is not None and self._current.state is JobState.RUNNING

    def _fail(self, failure: protocol.Failed) -> None:
        assert self._current is not None
        self._current.failure = failure
        self._end(self._current, JobState.FAILED)

    def _end(self, job: Job, state: JobState) -> None:
        job.state, job.ended_at = state, time.monotonic()
        if isinstance(job.request, _WITH_VIEWS):
            job.request = replace(job.request, views=())
        if job is self._current:
            self._current = self._update = None
        self._ended.append(job)

    def _deliver(self) -> None:
        """Show the newest mesh, then say which jobs have ended."""
        self._show()
        while self._ended:
            job = self._ended.popleft()
            if job.on_end is not None:
                try:
                    job.on_end(job)
                except Exception:
                    logger.exception("what follows the job %s failed", job.id)

    def _show(self) -> None:
        """Hand the newest mesh over; a failure there is the job's failure."""
        job, update, self._update = self._current, self._update, None
        if job is None or update is None or job.on_update is None or job.cancelled_at is not None:
            return
        try:
            job.on_update(job, update)
        except Exception as error:
            logger.exception("a mesh of the job %s could not be shown", job.id)
            words = error.message if isinstance(error, LevelformError) else str(error)
            hint = error.hint if isinstance(error, LevelformError) else ""
            if job.state is JobState.RUNNING and self._client is not None and self._client.alive:
                self._client.send(protocol.Cancel(job.id))
            self._fail(protocol.Failed(job.id, words or type(error).__name__, hint))
