"""The extension's live side: the one `Jobs`, the result that is being filled, the timer for both.

In a window a timer spends a few milliseconds a tick, so that the artist keeps working; a script,
and Blender in the background, drive the very same job with `drive`. One job runs at a time.
"""

import atexit
import contextlib
import logging
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...backend.contract.errors import LevelformError, RequestError, WorkError
from ...backend.contract.protocol import (
    CheckViews,
    EstimateVolume,
    Evaluate,
    MeshUpdate,
    MethodInfo,
    Placement,
    Progress,
    Reconstruct,
    Remesh,
    Status,
)
from ..backend_setup import interpreter, user_preferences
from ..scene import shading, view_checks
from ..scene.windows import in_window
from .client import Client
from .queue import Job, Jobs, JobState, WorkerState
from .results import Deleted, Result, remove_drafts

TICK = 0.02  # seconds between two ticks while something is under way
BUDGET = 0.008  # seconds of a tick that reading the channel may take
RENDER_THREADS = 1  # that the worker computes on while Blender renders
LINGER = 1.0  # seconds that the timer goes on afterwards, to hear what the worker still says
WAIT = 0.002  # seconds that a script sleeps while the worker has nothing to say

logger = logging.getLogger(__name__)


@dataclass
class Running:
    """A job under way and where its meshes go.

    Attributes
    ----------
    result : the object that is being filled
    facts : what is known beforehand of what makes the mesh, to be stored on its object
    selected : what was selected when the job began
    job : as `Jobs` knows it
    error : why the job is being stopped, where Blender's side found the reason
    deleted : the user deleted the object
    outcome : the object, once the job has finished
    marks : where to write whether the views agree; None: nowhere
    """

    result: Result
    facts: Mapping[str, Any]
    selected: frozenset[int]
    job: Job
    error: LevelformError | None = None
    deleted: bool = False
    outcome: bpy.types.Object | None = None
    marks: view_checks.Marks | None = None

    @property
    def stopping(self) -> bool:
        """Whether nothing more of the job will be shown."""
        return self.deleted or self.error is not None


class LiveSession:
    """What lives as long as Blender does.

    Attributes
    ----------
    running : the job under way; None when idle
    failure : why the last job failed, for the panel; None if it did not
    method_listeners : called with the worker's methods at each step that knows them
    """

    def __init__(self) -> None:
        self.running: Running | None = None
        self.failure: LevelformError | None = None
        self.method_listeners: list[Callable[[Sequence[MethodInfo]], None]] = []
        self._jobs: Jobs | None = None
        self._active = False  # the worker has something to do
        self._ended: set[str] = set()  # jobs whose drafts an undo might bring back
        self._drawn: object = None  # what the panels showed last
        self._idle_at = 0.0  # when the timer stops

    @property
    def jobs(self) -> Jobs:
        """The jobs; their worker starts with the first."""
        if self._jobs is None:
            self._jobs = Jobs(_make_client)
            self._jobs.kept_bytes = user_preferences.kept_bytes()
        return self._jobs

    @property
    def methods(self) -> tuple[MethodInfo, ...]:
        """The methods that the worker runs; empty until it has said so."""
        listed = self._jobs.methods if self._jobs else None
        return listed.methods if listed else ()

    @property
    def method_problems(self) -> tuple[str, ...]:
        """A sentence about each of the user's own methods that the worker could not load."""
        listed = self._jobs.methods if self._jobs else None
        return listed.problems if listed else ()

    @property
    def status(self) -> Status | None:
        """What the worker holds, as last heard; None while there is no worker."""
        return self._jobs.status if self._jobs else None

    @property
    def silent_for(self) -> float:
        """Seconds for which the worker has neither computed nor answered; 0: it does."""
        return self._jobs.silent_for if self._jobs else 0.0

    @property
    def worker_state(self) -> WorkerState:
        """What the worker is doing."""
        return self._jobs.worker_state if self._jobs else WorkerState.OFF

    # ------------------------------------------------------------ a job

    def begin(
        self,
        request: Reconstruct | Remesh | Evaluate | CheckViews,
        result: Result,
        facts: Mapping[str, Any],
        marks: view_checks.Marks | None = None,
    ) -> Running:
        """Hand a job to the worker; then `wake` the timer, or `drive` the job.

        Raises
        ------
        RequestError
            If another job runs, or there is no backend.
        """
        if self.running is not None:
            raise RequestError("Levelform is at work already.", "Wait for it, or cancel it (Esc).")
        self.failure = None
        job = self.jobs.submit(request, on_update=lambda _, update: result.offer(update))
        self.running = Running(result, dict(facts), _selection(), job, marks=marks)
        return self.running

    def cancel(self) -> None:
        """Ask the worker to stop the job under way; it hears of it at once."""
        if self.running is not None:
            self.jobs.cancel(self.running.job)
            self.jobs.poll(0.0)  # what was queued is sent now, not after the next redraw

    def drive(self, running: Running) -> Generator[Progress | MeshUpdate, None, bpy.types.Object]:
        """Drive a job to its end, yielding its progress and each mesh after it was shown.

        The generator returns the object that was made. Closing it before its end cancels the job
        and leaves the scene as it was.

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
        if running.outcome is None:
            raise self.failure or WorkError("The job was cancelled.")
        return running.outcome

    def step(self, *, patient: bool = True) -> None:
        """Show a mesh that has come, or else hear what the worker says.

        Parameters
        ----------
        patient
            Wait for the artist to leave Edit Mode, rather than fail.
        """
        self._tell_methods()
        running = self.running
        if running is None:
            self._active = self.jobs.poll(BUDGET)
            return
        if not self._show(running):
            edited = running.result.waiting
            self._active = self.jobs.poll(BUDGET)
            if edited and running.job.ended and not patient:
                error = WorkError("The object is being edited.", "Leave Edit Mode first.")
                self._stop(running, error)
        if running.job.ended and (running.stopping or not running.result.waiting):
            self._settle(running, patient=patient)

    def _show(self, running: Running) -> bool:
        """Show a mesh that has come; return whether there was one and nobody edits its object."""
        if running.stopping:
            return False
        try:
            running.result.check()
            return running.result.flush()
        except Deleted:
            running.deleted = True
            self.jobs.cancel(running.job)
        except LevelformError as error:
            self._stop(running, error)
        except Exception as error:
            logger.exception("a mesh of the job %s could not be shown", running.job.id)
            self._stop(running, _unforeseen(error))
        return False

    def _stop(self, running: Running, error: LevelformError) -> None:
        running.error = error
        self.jobs.cancel(running.job)

    def _settle(self, running: Running, *, patient: bool) -> None:
        """Keep or take back what an ended job has shown."""
        finished = running.job.state is JobState.FINISHED and not running.stopping
        if finished and patient and bpy.context.mode != "OBJECT":
            return  # an undo step that is pushed in another mode would not hold the object
        try:
            with in_window():
                if running.marks is not None and running.job.checked is not None:
                    view_checks.remember(running.marks, running.job.checked, running.job.stats)
                if finished:
                    self._keep(running)
                else:
                    running.result.discard()
        except Exception as error:  # whatever it is, the extension goes on
            logger.exception("the job %s could not be settled", running.job.id)
            running.outcome, running.error = None, _unforeseen(error)
            _discard(running)
        self.failure = running.error or _failure_of(running.job)
        self._ended.add(running.job.id)
        self.running = None

    def _keep(self, running: Running) -> None:
        try:
            outcome = running.result.finish({**running.facts, **_plain(running.job.stats)})
        except Deleted:
            return
        if running.result.selects and _selection() == running.selected:
            _select(outcome)
        running.outcome = outcome
        if not bpy.app.background and bpy.ops.ed.undo_push.poll():  # pyright: ignore[reportCallIssue]
            bpy.ops.ed.undo_push(message=running.result.label)

    def _give_up(self, running: Running) -> None:
        """End a job whose driver has gone."""
        self.jobs.cancel(running.job)
        running.deleted = True
        _discard(running)
        self._ended.add(running.job.id)
        self.running = None

    # ------------------------------------------------------------ the timer

    def wake(self) -> None:
        """Have the timer drive what is under way; in the background there is none."""
        if not bpy.app.background and not bpy.app.timers.is_registered(_on_timer):
            bpy.app.timers.register(_on_timer, first_interval=0.0, persistent=True)

    def tick(self) -> float | None:
        """Do a little of what is under way; return the seconds to the next tick, None when idle."""
        self.step()
        looking = interpreter.here.poll()
        self._redraw()
        if self.running is not None or self._active or looking:
            self._idle_at = time.monotonic() + LINGER
        return TICK if time.monotonic() < self._idle_at else None

    def _redraw(self) -> None:
        """Have the panels drawn again if what they show has changed."""
        progress = self.running.job.progress if self.running else None
        drawn = (
            progress and (progress.stage, round(progress.overall, 2)),
            self.running and (self.running.job.state, self.running.result.waiting),
            self.worker_state,
            round(self.silent_for),
            self.status and self.status.kept,
            interpreter.here.snapshot(),
        )
        if drawn != self._drawn:
            self._drawn = drawn
            redraw()

    # ------------------------------------------------------------ what happens around

    def after_undo(self) -> None:
        """Bring back what an undo took from the job under way, and remove drafts of ended jobs."""
        if self.running is not None:
            self.running.result.after_undo()
            self.wake()
        remove_drafts(self._ended)

    def after_load(self) -> None:
        """Give up the job under way: its scene is gone."""
        if self.running is not None:
            self._give_up(self.running)
            self.wake()
        self._ended.clear()
        self.failure = None
        shading.forget()

    def start_worker(self) -> None:
        """Start the worker before there is a job for it.

        Raises
        ------
        LevelformError
            If there is no backend, or it can't be started.
        """
        self.failure = None
        self.jobs.warm_up()
        self.wake()

    def ask_methods(self) -> tuple[MethodInfo, ...]:
        """Return the methods that the worker runs; block until it has said so.

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
        self._tell_methods()
        return self.methods

    def _tell_methods(self) -> None:
        for listener in self.method_listeners if self.methods else ():
            listener(self.methods)

    def ask_placement(self, request: EstimateVolume) -> Placement:
        """Return where the worker sees the object; block until it has said so.

        Raises
        ------
        LevelformError
            If another job runs, there is no backend, or the worker finds no place.
        """
        if self.running is not None:
            raise RequestError("Levelform is at work already.", "Wait for it, or cancel it (Esc).")
        job = self.jobs.run(self.jobs.submit(request))
        self.wake()
        if job.placement is None:
            raise _failure_of(job) or WorkError("The volume was not found.")
        return job.placement

    def log_tail(self) -> str:
        """Return what the worker wrote last."""
        return self._jobs.log_tail(200) if self._jobs else ""

    def share(self, threads: int) -> None:
        """Have the worker compute on at most so many threads; 0: on all."""
        if self._jobs is not None:
            self._jobs.share(threads)

    def forget(self, keep: str) -> None:
        """Have the worker drop one kept result."""
        if self._jobs is not None:
            self._jobs.forget(keep)
            self.wake()

    def keep_at_most(self, count: int) -> None:
        """Let the worker's kept results hold so many bytes together."""
        if self._jobs is not None:
            self._jobs.keep_at_most(count)
            self.wake()

    def unload(self) -> None:
        """Have the worker give its memory back."""
        if self._jobs is not None:
            self._jobs.unload()
            self.wake()

    def restart(self) -> None:
        """Start the worker again, unless there is none or it is at work."""
        if self._jobs is None or self.running is not None:
            return
        self.shutdown()
        with contextlib.suppress(LevelformError):  # the next job says it
            self.start_worker()

    def shutdown(self) -> None:
        """End the worker and whatever it does, in an orderly way."""
        if self.running is not None:
            self._give_up(self.running)
        if self._jobs is not None:
            self._jobs.shutdown()
            self._jobs = None


def _make_client() -> Client:
    """Make the client for a worker of the backend that runs on this machine."""
    return Client(interpreter.here.find().python, methods=user_preferences.methods_folder())


live = LiveSession()


def methods() -> tuple[MethodInfo, ...]:
    """Return the methods that the worker runs; empty until it has said so."""
    return live.methods


# ---------------------------------------------------------------- Blender's context


def redraw() -> None:
    """Draw the sidebars and the preferences again."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"VIEW_3D", "PREFERENCES"}:
                for region in area.regions:
                    if region.type in {"UI", "WINDOW"} and not _is_viewport(area, region):
                        region.tag_redraw()


def _is_viewport(area: bpy.types.Area, region: bpy.types.Region) -> bool:
    return area.type == "VIEW_3D" and region.type == "WINDOW"


def _selection() -> frozenset[int]:
    """Return what is selected and active, by `session_uid`."""
    layer = bpy.context.view_layer
    active = layer.objects.active
    selected = {found.session_uid for found in layer.objects if found.select_get(view_layer=layer)}
    return frozenset(selected | ({-active.session_uid} if active else set()))


def _select(outcome: bpy.types.Object) -> None:
    """Select the new object alone, as adding an object does."""
    layer = bpy.context.view_layer
    if bpy.context.mode != "OBJECT" or outcome.name not in layer.objects:
        return
    for found in layer.objects:
        found.select_set(found == outcome, view_layer=layer)
    layer.objects.active = outcome


def _discard(running: Running) -> None:
    """Take back what a job has shown, as far as that goes."""
    try:
        with in_window():
            running.result.discard()
    except Exception:
        logger.exception("what the job %s has shown could not be removed", running.job.id)


def _unforeseen(error: Exception) -> WorkError:
    """Return what to tell an artist of an exception that nobody foresaw."""
    kind = type(error).__name__
    words = f"The mesh could not be shown because of an internal error ({kind}: {error})."
    return WorkError(words, "Try once more; the log tells more.")


def _failure_of(job: Job) -> LevelformError | None:
    if job.failure is None:
        return None
    kind = RequestError if job.failure.status == RequestError.exit_status else WorkError
    return kind(job.failure.message, job.failure.hint)


def _plain(value: Any) -> Any:
    """Return what a custom property can hold: no None, no tuples, no numpy numbers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value.item() if hasattr(value, "item") else value


# ---------------------------------------------------------------- registration


def _on_timer() -> float | None:
    return live.tick()


@persistent
def _on_undo(*_: Any) -> None:
    live.after_undo()


@persistent
def _on_load(*_: Any) -> None:
    live.after_load()


@persistent
def _on_render(*_: Any) -> None:
    live.share(RENDER_THREADS)


@persistent
def _on_render_end(*_: Any) -> None:
    live.share(0)


def _handlers() -> list[tuple[list, Any]]:
    handlers = bpy.app.handlers
    return [
        (handlers.undo_post, _on_undo),
        (handlers.redo_post, _on_undo),
        (handlers.load_post, _on_load),
        (handlers.render_init, _on_render),
        (handlers.render_complete, _on_render_end),
        (handlers.render_cancel, _on_render_end),
    ]


def register() -> None:
    """Listen to undo and file load; end the worker when Blender quits."""
    for listeners, listener in _handlers():
        listeners.append(listener)
    atexit.register(live.shutdown)
    interpreter.here.look()
    live.wake()


def unregister() -> None:
    """End the worker and listen no more."""
    if bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.unregister(_on_timer)
    interpreter.here.stop()
    live.shutdown()
    atexit.unregister(live.shutdown)
    for listeners, listener in _handlers():
        listeners.remove(listener)
