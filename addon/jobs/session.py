"""The live session: the queue, the running job, and the timer that drives both.

In a window, a timer spends a few milliseconds per tick, so that the artist can keep working;
scripts, and Blender in the background, run the same job with `drive`. One job runs at a time.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

import bpy

from ...backend.contract.default_method import method_for
from ...backend.contract.errors import LevelformError, RequestError, WorkError
from ...backend.contract.protocol import (
    MeshUpdate,
    Progress,
    Reconstruct,
    Remesh,
)
from ..backend_setup import interpreter
from ..scene import inputs, shading, view_checks
from ..scene.selection import selection
from ..scene.windows import redraw, redraw_status_bar
from .job import Request
from .results import Result, remove_drafts
from .running import Running
from .waiting import Waiting, WaitingJobs
from .worker_access import BUDGET, WAIT, WorkerAccess

TICK = 0.02  # seconds between two ticks while work is in progress
LINGER = 1.0  # seconds that the timer continues afterwards, for late events of the worker

logger = logging.getLogger(__name__)


class LiveSession(WorkerAccess):
    """The session of a running Blender.

    Attributes
    ----------
    running : the running job; None when idle
    waiting : the jobs to begin after the running one, in order
    """

    def __init__(self) -> None:
        super().__init__()
        self.running: Running | None = None
        self._failure: LevelformError | None = None
        self._failed_inputs: object = None  # the panel's inputs when it failed
        self.waiting = WaitingJobs()
        self._active = False  # the worker is busy
        self._ended: set[str] = set()  # jobs whose drafts an undo might bring back
        self._drawn: object = None  # the state last shown by the panels
        self._idle_at = 0.0  # when the timer stops

    @property
    def failure(self) -> LevelformError | None:
        """Why the last job failed; None if it did not."""
        return self._failure

    @failure.setter
    def failure(self, error: LevelformError | None) -> None:
        self._failure = error
        self._failed_inputs = None if error is None else _inputs()

    def told_failure(self) -> LevelformError | None:
        """Return the failure as long as the inputs are unchanged since."""
        if self._failure is None or self._failed_inputs != _inputs():
            return None
        return self._failure

    # ------------------------------------------------------------ a job

    def begin(
        self,
        request: Request,
        result: Result,
        facts: Mapping[str, Any],
        marks: view_checks.Marks | None = None,
        *,
        then: Callable[[bpy.types.Object], Running] | None = None,
    ) -> Running:
        """Submit a job; afterwards `wake` the timer, or `drive` the job.

        Raises
        ------
        RequestError
            If another job runs, or there is no backend.
        """
        if self.running is not None:
            raise RequestError("Levelform is busy.", "Wait for the job, or cancel it (Esc).")
        self.failure = None
        job = self.jobs.submit(request, on_update=lambda _, update: result.offer(update))
        result.exhibits = job.exhibits
        self.running = Running(result, dict(facts), selection(), job, marks=marks, then=then)
        return self.running

    def enqueue(self, name: str, begin: Callable[[], Running]) -> None:
        """Begin a job now, or after the running one and those that wait already.

        Parameters
        ----------
        name : for the panel
        begin : begins it

        Raises
        ------
        LevelformError
            If it is to begin now, and can't.
        """
        if self.running is None and not self.waiting:
            begin()
        else:
            self.waiting.append(Waiting(name, begin))

    def cancel(self) -> None:
        """Ask the worker to stop the running job; the message is sent immediately."""
        if self.running is not None:
            self.jobs.cancel(self.running.job)
            self.jobs.poll(0.0)  # sends queued messages now, not after the next redraw

    def finish_early(self) -> None:
        """Ask the worker to stop improving the running job's result, and to keep it."""
        if self.running is not None:
            self.jobs.finish_early(self.running.job)
            self.jobs.poll(0.0)

    @property
    def improving(self) -> bool:
        """Whether the running job's method improves its result until it is told to stop."""
        if self.running is None:
            return False
        request = self.running.job.request
        if isinstance(request, Remesh):
            return request.improve
        return isinstance(request, Reconstruct) and any(
            info.improves
            for info in self.methods
            if info.name == method_for(request.method, request.views)
        )

    def drive(self, running: Running) -> Generator[Progress | MeshUpdate, None, bpy.types.Object]:
        """Run a job to its end, yielding its progress and each mesh after it was shown.

        The generator returns the new object. Closing it early cancels the job and leaves the scene
        unchanged.

        Raises
        ------
        LevelformError
            If the job failed or was cancelled.
        """
        progress, shown = None, 0
        try:
            while self.running is running:
                self.step(patient=False)
                if running.job.progress not in (None, progress):
                    progress = running.job.progress
                    yield progress
                if running.result.shown > shown and running.result.last is not None:
                    shown = running.result.shown
                    yield running.result.last
                if not running.result.waiting:
                    time.sleep(WAIT)
        finally:
            if self.running is running:
                self._give_up(running)
        if running.outcome is None or (running.then is not None and running.next is None):
            raise self.failure or WorkError("The job was cancelled.")
        if running.next is not None:
            return (yield from self.drive(running.next))
        return running.outcome

    def step(self, *, patient: bool = True) -> None:
        """Show a new mesh, or else process the worker's events.

        Parameters
        ----------
        patient
            Wait until the artist leaves Edit Mode, rather than fail.
        """
        self.tell_methods()
        running = self.running
        if running is None:
            self._active = self.jobs.poll(BUDGET)
            return
        if not self._show(running):
            edited = running.result.waiting
            self._active = self.jobs.poll(BUDGET)
            if edited and running.job.ended and not patient:
                running.error = WorkError("The object is being edited.", "Leave Edit Mode first.")
                self.jobs.cancel(running.job)
        if running.job.ended and (running.stopping or not running.result.waiting):
            self._settle(running, patient=patient)

    def _show(self, running: Running) -> bool:
        """Show a new mesh; return whether there was one and its object is not being edited."""
        if running.stopping:
            return False
        shown = running.show()
        if running.stopping:
            self.jobs.cancel(running.job)
        return shown

    def _settle(self, running: Running, *, patient: bool) -> None:
        """Keep or remove the result of an ended job."""
        if running.finished and patient and bpy.context.mode != "OBJECT":
            return  # an undo step pushed in another mode would not contain the object
        running.settle()
        self.failure = running.failure
        self._ended.add(running.job.id)
        self.running = None
        self.failure = running.begin_next() or self.failure
        self.waiting.begin_next(self)

    def _give_up(self, running: Running) -> None:
        """End a job that is no longer driven."""
        self.jobs.cancel(running.job)
        running.deleted = True
        running.discard()
        self._ended.add(running.job.id)
        self.running = None

    # ------------------------------------------------------------ the timer

    def wake(self) -> None:
        """Start the timer, which drives the job; there is none in the background."""
        if not bpy.app.background and not bpy.app.timers.is_registered(_on_timer):
            bpy.app.timers.register(_on_timer, first_interval=0.0, persistent=True)

    def sleep(self) -> None:
        """Stop the timer."""
        if bpy.app.timers.is_registered(_on_timer):
            bpy.app.timers.unregister(_on_timer)

    def tick(self) -> float | None:
        """Do a little work; return the seconds to the next tick, None when idle."""
        self.step()
        looking = interpreter.here.poll()
        self._redraw()
        if self.running is not None or self._active or looking:
            self._idle_at = time.monotonic() + LINGER
        return TICK if time.monotonic() < self._idle_at else None

    def _redraw(self) -> None:
        """Redraw the panels if the state they show has changed."""
        running = self.running
        drawn = (
            running and running.told(),
            running and (running.job.state, running.result.waiting),
            len(self.waiting),
            self.worker_state,
            round(self.silent_for),
            self.status and self.status.kept,
            interpreter.here.snapshot(),
        )
        if drawn != self._drawn:
            self._drawn = drawn
            redraw()
            redraw_status_bar()

    # ------------------------------------------------------------ events and the worker

    def after_undo(self) -> None:
        """Restore the running job's object after an undo, and remove drafts of ended jobs."""
        if self.running is not None:
            self.running.result.after_undo()
            self.wake()
        remove_drafts(self._ended)

    def after_load(self) -> None:
        """Give up the running job, whose scene is gone."""
        if self.running is not None:
            self._give_up(self.running)
            self.wake()
        self.waiting.clear()
        self._ended.clear()
        self.failure = None
        shading.forget()

    def start_worker(self) -> None:
        """Start the worker in advance.

        Raises
        ------
        LevelformError
            If there is no backend, or it can't be started.
        """
        self.failure = None
        self.jobs.warm_up()
        self.wake()

    def restart(self) -> None:
        """Restart the worker, unless there is none or it is busy."""
        if self._jobs is None or self.running is not None:
            return
        self.shutdown()
        with contextlib.suppress(LevelformError):  # the next job reports it
            self.start_worker()

    def shutdown(self) -> None:
        """End the worker and its job in an orderly way."""
        self.waiting.clear()
        if self.running is not None:
            self._give_up(self.running)
        if self._jobs is not None:
            self._jobs.shutdown()
            self._jobs = None


def exhaust(events: Generator[Any, None, bpy.types.Object]) -> bpy.types.Object:
    """Run a generator to its end and return its return value."""
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value


def _inputs() -> object:
    """Return possible causes of a failure: the panel's inputs, and whether there is a backend."""
    return inputs.fingerprint(bpy.context.scene), interpreter.here.backend is None


live = LiveSession()


def busy() -> str:
    """Return why a button must wait for the running job; empty if none runs."""
    return "" if live.running is None else "Wait for the running job, or cancel it (Esc)."


def _on_timer() -> float | None:
    return live.tick()
