"""The worker: one channel, one job at a time, exceptions become `Failed` events.

The main thread runs the jobs in order of arrival. A second thread reads the channel, so that a
cancel request is read while a job computes, and the process exits at once when Blender is gone.
"""

import gc
import logging
import os
import platform
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

from . import launch
from .contract import memory
from .contract.channel import Channel, ChannelClosedError
from .contract.errors import JobCancelled, LevelformError
from .contract.protocol import (
    REQUESTS,
    Blend,
    CameraEstimates,
    Cancel,
    CheckViews,
    Connection,
    EstimateVolume,
    Evaluate,
    Failed,
    FindCameras,
    FindMasks,
    FinishEarly,
    Finished,
    Forget,
    Garbled,
    KeepAtMost,
    ListMethods,
    MeshUpdate,
    Methods,
    Morph,
    Paint,
    Ping,
    PlaceDrawings,
    PlacePhotographs,
    Pong,
    Progress,
    ProtocolError,
    Ready,
    Reconstruct,
    RefineCameras,
    Remesh,
    SaveCode,
    Share,
    Show,
    Shutdown,
    Status,
    Unload,
    ViewMasks,
    ViewsChecked,
    VolumeEstimate,
    open_channel,
)
from .contract.protocol import Cancelled as CancelledEvent
from .contract.request_checks import check_request
from .geometry.meshes import mesh_edges
from .ticket import Step, Ticket

_PROGRESS_INTERVAL = 0.05  # seconds between two progress reports of one stage
_SHUTDOWN_GRACE = 1.0  # seconds for a job to notice its cancellation by a shutdown

logger = logging.getLogger(__name__)


class SessionLike(Protocol):
    """The part of a session that the worker uses; implemented by `session.Session`."""

    def reconstruct(self, request: Reconstruct, ticket: Ticket) -> Iterator[Any]: ...
    def remesh(self, request: Remesh, ticket: Ticket) -> Iterator[Any]: ...
    def paint(self, request: Paint, ticket: Ticket) -> Iterator[Any]: ...
    def estimate_volume(self, request: EstimateVolume, ticket: Ticket) -> Iterator[Any]: ...
    def check_views(self, request: CheckViews, ticket: Ticket) -> Iterator[Any]: ...
    def refine_cameras(self, request: RefineCameras, ticket: Ticket) -> Iterator[Any]: ...
    def find_cameras(self, request: FindCameras, ticket: Ticket) -> Iterator[Any]: ...
    def find_masks(self, request: FindMasks, ticket: Ticket) -> Iterator[Any]: ...
    def place_drawings(self, request: PlaceDrawings, ticket: Ticket) -> Iterator[Any]: ...
    def place_photographs(self, request: PlacePhotographs, ticket: Ticket) -> Iterator[Any]: ...
    def evaluate(self, request: Evaluate, ticket: Ticket) -> Iterator[Any]: ...
    def blend(self, request: Blend, ticket: Ticket) -> Iterator[Any]: ...
    def show(self, request: Show, ticket: Ticket) -> Iterator[Any]: ...
    def morph(self, request: Morph, ticket: Ticket) -> Iterator[Any]: ...
    def save_code(self, request: SaveCode, ticket: Ticket) -> Iterator[Any]: ...
    def forget(self, keep: str) -> None: ...
    def keep_at_most(self, count: int) -> None: ...
    def unload(self) -> None: ...
    def status(self) -> Status: ...
    def methods(self) -> Methods: ...


# The session's method for each request, and its last event.
_JOBS = {
    Reconstruct: ("reconstruct", Finished),
    Remesh: ("remesh", Finished),
    Paint: ("paint", Finished),
    EstimateVolume: ("estimate_volume", VolumeEstimate),
    CheckViews: ("check_views", ViewsChecked),
    RefineCameras: ("refine_cameras", CameraEstimates),
    FindCameras: ("find_cameras", CameraEstimates),
    FindMasks: ("find_masks", ViewMasks),
    PlaceDrawings: ("place_drawings", Finished),
    PlacePhotographs: ("place_photographs", Finished),
    Evaluate: ("evaluate", Finished),
    Blend: ("blend", Finished),
    Show: ("show", Finished),
    Morph: ("morph", Finished),
    SaveCode: ("save_code", Finished),
}


def serve(connection: Connection, session_factory: Callable[[], SessionLike] | None = None) -> int:
    """Serve Blender's requests over an authenticated connection until `Shutdown`.

    Returns the exit status.

    Parameters
    ----------
    session_factory
        Makes the session, with its imports; None: `session.Session`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Blender handles Ctrl-C in its terminal
    channel = open_channel(connection, receives=REQUESTS)
    worker = Worker(channel)
    worker.start_reading()
    try:
        session = (session_factory or _make_session)()
        worker.answer(ready())
    except Exception as error:
        logger.exception("the backend could not be loaded")
        worker.answer(failure_at_start(error))
        return 1
    worker.work(session)
    return 0


class Worker:
    """The queue between the reading thread and the working thread."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._finishing: set[str] = set()
        self._ending = threading.Event()
        self._threads = 0  # limit set by Blender; 0: all
        self._threads_now = 0
        self._all_threads = 0
        self._answering = threading.Lock()  # the reading thread answers too

    def start_reading(self) -> None:
        """Start the thread that reads requests."""
        threading.Thread(target=self._read, name="reader", daemon=True).start()

    def answer(self, event: Any) -> None:
        """Send an event, waiting while Blender is busy."""
        try:
            with self._answering:
                self._channel.send(event)
                self._channel.flush(None)
        except ChannelClosedError:
            _leave_with_blender()

    def work(self, session: SessionLike) -> None:
        """Process requests in order until `Shutdown`."""
        while not isinstance(request := self._requests.get(), Shutdown):
            if type(request) in _JOBS:
                self._do_job(session, request)
                self.answer(session.status())
            else:
                self._do_errand(session, request)

    # ------------------------------------------------------------ the reading thread

    def _read(self) -> None:
        try:
            while not self._ending.is_set():
                self._channel.wait()
                for request in self._channel.poll(budget=1.0):
                    self._receive(request)
        except ChannelClosedError:
            _leave_with_blender()
        except ProtocolError as error:
            logger.error("%s", error)
            launch.leave(1)
        except Exception:  # exit rather than stop reading: Blender notices an exit
            logger.exception("the channel can't be read any more")
            launch.leave(1)

    def _receive(self, request: Any) -> None:
        if isinstance(request, Garbled):
            logger.error("a request can't be used: %s", request.error)
            self.answer(failure(request.job, request.error))
            return
        if isinstance(request, Ping):
            self.answer(Pong(request.number))
            return
        if isinstance(request, Share):
            self._threads = max(request.threads, 0)
            return
        if isinstance(request, Cancel):
            self._cancelled.add(request.job)
            return
        if isinstance(request, FinishEarly):
            self._finishing.add(request.job)
            return
        if isinstance(request, Shutdown):
            self._ending.set()
            threading.Timer(_SHUTDOWN_GRACE, launch.leave, (0,)).start()
        self._requests.put(request)

    # ------------------------------------------------------------ the working thread

    def _do_job(self, session: SessionLike, request: Any) -> None:
        """Run a job: send its events, then exactly one of its three final events."""
        job = request.job
        ticket = Ticket(
            _ProgressReporter(job, self.answer),
            lambda: self._is_cancelled(job),
            lambda: job in self._finishing,
        )
        logger.info("job %s: %s", job, type(request).__name__)
        try:
            check_request(request)
            method, last = _JOBS[type(request)]
            events = getattr(session, method)(request, ticket)
            self.answer(self._last_event(events, last, ticket))
        except JobCancelled:
            self.answer(CancelledEvent(job))
        except Exception as error:
            logger.exception("job %s failed", job)
            self.answer(failure(job, error))
        finally:
            self._cancelled.discard(job)
            self._finishing.discard(job)

    def _last_event(self, events: Iterator[Any], last: type, ticket: Ticket) -> Any:
        """Send a session's events as they come, up to the final one."""
        end = None
        ticket.check()
        for event in events:
            if isinstance(event, last):
                end = event  # sent after the session has cleaned up
            else:
                self.answer(_with_edges(event, ticket))
                ticket.check()
        if end is None:
            raise RuntimeError("the session ended a job without a result")
        return end

    def _share(self) -> None:
        """Use as many threads as Blender leaves free; each thread sets its own number."""
        if self._threads == self._threads_now or "torch" not in sys.modules:
            return
        import torch

        self._threads_now = self._threads
        self._all_threads = self._all_threads or torch.get_num_threads()
        wanted = self._threads_now or self._all_threads
        torch.set_num_threads(min(wanted, self._all_threads))

    def _is_cancelled(self, job: str) -> bool:
        self._share()
        return job in self._cancelled or self._ending.is_set()

    def _do_errand(self, session: SessionLike, request: Any) -> None:
        match request:
            case Forget():
                session.forget(request.keep)
                self.answer(session.status())
            case KeepAtMost():
                session.keep_at_most(request.bytes)
                self.answer(session.status())
            case Unload():
                session.unload()
                gc.collect()
                self.answer(session.status())
            case ListMethods():
                self.answer(session.methods())
            case _:
                logger.warning("%s is not a request", type(request).__name__)


def _with_edges(event: Any, ticket: Ticket) -> Any:
    """Return a mesh with its edges, so that Blender need not compute them."""
    if not isinstance(event, MeshUpdate) or not len(event.faces):
        return event
    edges, corner_edges = mesh_edges(event.faces, ticket.check)
    return replace(event, edges=edges, corner_edges=corner_edges)


class _ProgressReporter:
    """Progress events, at most about twenty a second; a new stage is always reported."""

    def __init__(self, job: str, answer: Callable[[Any], None]) -> None:
        self._job = job
        self._answer = answer
        self._stage = -1
        self._next = 0.0

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        if step.index == self._stage and now < self._next:
            return
        self._stage, self._next = step.index, now + _PROGRESS_INTERVAL
        self._answer(Progress(self._job, **vars(step)))


def _leave_with_blender() -> None:
    """Exit the process, shortly after `launch.watch` would, which cleans up if Blender died."""
    logger.info("Blender is gone")
    time.sleep(3 * launch.GRACE)
    launch.leave(0)


# ---------------------------------------------------------------- words for what went wrong


def failure(job: str, error: Exception) -> Failed:
    """Return the message for an exception that ended a job, for an artist."""
    detail = "".join(traceback.format_exception(error))
    if isinstance(error, LevelformError):
        return Failed(job, error.message, error.hint, detail, error.exit_status)
    if memory.is_out_of_memory(error):
        hint = f"{memory.REMEDY} Unloading the backend first frees memory too."
        return Failed(job, memory.NOT_ENOUGH, hint, detail)
    words = f"Levelform stopped because of an internal error ({type(error).__name__}: {error})."
    return Failed(job, words, "Try once more; see the backend's log for details.", detail)


def failure_at_start(error: Exception) -> Failed:
    """Return the message for libraries that can't be loaded, for an artist."""
    detail = "".join(traceback.format_exception(error))
    if isinstance(error, ImportError):
        name = error.name or str(error)
        words = f"The backend's Python ({sys.executable}) can't import {name}: {error}."
        return Failed("", words, "Press Install backend, or choose another Python.", detail)
    return failure("", error)


# ---------------------------------------------------------------- starting


def _make_session() -> SessionLike:
    if "OMP_NUM_THREADS" not in os.environ and (cores := physical_cores()):
        os.environ["OMP_NUM_THREADS"] = str(cores)  # read once, when torch is imported
    from .session import Session

    return Session()


def ready() -> Ready:
    """Describe this process to Blender; imports torch."""
    import numpy as np
    import torch

    return Ready(
        pid=os.getpid(),
        python=platform.python_version(),
        torch=torch.__version__,
        numpy=np.__version__,
        devices=devices(),
        threads=torch.get_num_threads(),
    )


def devices() -> tuple[str, ...]:
    """Return the names of torch's devices here, fastest first."""
    import torch

    names = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return (*names, "cpu")


def physical_cores() -> int | None:
    """Return the number of physical cores that this process may use; None: unknown."""
    try:
        usable = os.sched_getaffinity(0)
        cores = set()
        for cpu in usable:
            folder = f"/sys/devices/system/cpu/cpu{cpu}/topology"
            with open(f"{folder}/thread_siblings_list") as file:
                cores.add(file.read())
        return len(cores)
    except (AttributeError, OSError):
        return None
