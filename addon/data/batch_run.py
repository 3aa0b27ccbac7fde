"""The running batch of the window: a folder's objects, one after the other, in a grid.

`backend.contract.batch` defines what makes an object, for the terminal too. Each object is a
job of the live session, so the window stays usable, and Esc cancels it as any other.
"""

import logging
from dataclasses import replace
from pathlib import Path

import bpy

from ...backend.contract.batch import (
    BatchPlan,
    Item,
    ItemKind,
    check_cameras,
    find_items,
    name_items,
)
from ...backend.contract.camera_files import find_camera_file
from ...backend.contract.errors import LevelformError, RequestError, WorkError
from ...backend.contract.image_files import list_images
from ...backend.contract.unexpected import internal_error
from ..jobs.job import JobState
from ..jobs.requests import absolute, begin, scene_settings, settings_problem
from ..jobs.running import Running
from ..jobs.session import busy, live
from ..scene.ticker import Ticker
from ..scene.views import ViewSource, folder_source, given_source
from ..scene.wording import told
from .batch_grid import UNIT_CELL, ResultGrid

TICK = 0.1  # seconds between two looks at the running job

logger = logging.getLogger(__name__)


class BatchRun:
    """The only batch in this Blender.

    Attributes
    ----------
    items : its objects, in order
    left_out : why files of the folder make no object, by path
    made : names of the finished objects
    failures : why others failed, by name
    stopping : whether it ends after the current object
    ended : "finished" or "stopped"; empty while it runs, and before the first
    """

    def __init__(self) -> None:
        self.items: tuple[Item, ...] = ()
        self.left_out: dict[str, str] = {}
        self.made: list[str] = []
        self.failures: dict[str, LevelformError] = {}
        self.stopping = False
        self.ended = ""
        self._next = 0  # index of the item to begin
        self._grid = ResultGrid((0.0, 0.0, 0.0), 1)
        self._current: Running | None = None
        self._active = False

    @property
    def running(self) -> bool:
        """Whether it is running."""
        return self._active

    @property
    def title(self) -> str:
        """Which object is being made: "Model 2 of 5"."""
        return told("Model {} of {}", max(self._next, 1), len(self.items))

    @property
    def name(self) -> str:
        """Name of the object that is being made."""
        return self.items[max(self._next, 1) - 1].name if self.items else ""

    @property
    def progress(self) -> float:
        """Progress over all objects, 0 to 1."""
        done = max(self._next - 1, 0) if self._current is not None else self._next
        told = self._current.job.progress if self._current is not None else None
        return (done + (told.overall if told else 0.0)) / max(len(self.items), 1)

    def begin(self, scene: bpy.types.Scene, folder: str) -> None:
        """Find the folder's objects; `advance` makes them with the panel's settings.

        Raises
        ------
        RequestError
            If a batch is running, the folder has no objects, or the method can't make any.
        """
        if self.running:
            raise RequestError("A batch is running already.", "Wait, or stop it.")
        plan = _plan(folder, scene.levelform.method)
        self.__init__()
        self.items, self.left_out = plan.items, plan.left_out
        self._grid = ResultGrid.for_count(len(plan.items), tuple(scene.cursor.location))
        self._active = True

    def advance(self) -> bool:
        """Begin the next object if none is being made; return whether there is more to do."""
        if not self._active or self._is_busy():
            return self._active
        if self._current is not None:
            self._record(self._current)
            self._current = None
        if self.stopping or self._next >= len(self.items):
            self._end()
            return False
        self._next += 1
        self._begin_item(self.items[self._next - 1])
        return True

    def wait(self) -> None:
        """Make all objects, for scripts and Blender in the background."""
        while self.advance():
            if self._current is None:
                continue
            try:
                for _ in live.drive(self._current):
                    pass
            except LevelformError:
                logger.debug("%s failed", self.name, exc_info=True)  # `advance` records it

    def stop(self) -> None:
        """End after the current object."""
        self.stopping = True

    def dismiss(self) -> None:
        """Forget the last batch."""
        if not self.running:
            self.__init__()

    def abandon(self) -> None:
        """End at once, since the scene is gone."""
        self._current = None
        if self._active:
            self._end()

    # ---------------------------------------------------------------- parts

    def _is_busy(self) -> bool:
        """Whether a job runs: an object of the batch, its texture or quads, or another one."""
        return live.running is not None

    def _begin_item(self, item: Item) -> None:
        try:
            self._current = begin_item(item, bpy.context.scene, self._grid)
        except LevelformError as error:
            self.failures[item.name] = error
        except Exception as error:
            logger.exception("%s could not be begun", item.source)
            self.failures[item.name] = internal_error(error, "Report it, with the image or file.")

    def _record(self, running: Running) -> None:
        """Note how an object's job ended; Esc ends the whole batch."""
        name = self.items[self._next - 1].name
        last = running.next or running
        failure = running.failure or last.failure
        if failure is not None:
            self.failures[name] = failure
            live.failure = None  # the batch says it
        if running.outcome is not None:
            self.made.append(name)
        elif failure is None:
            self.failures[name] = WorkError("It was cancelled.")
            self.stopping = self.stopping or running.job.state is JobState.CANCELLED

    def _end(self) -> None:
        whole = self._next >= len(self.items) and self._current is None
        self._active = False
        self.ended = "finished" if whole else "stopped"


batch_run = BatchRun()


def batch_problem(scene: bpy.types.Scene) -> str:
    """Return why the panel's batch can't begin, by quick checks; empty if it can."""
    if batch_run.running:
        return "A batch is running already."
    if busy():
        return busy()
    if not scene.levelform_batch.folder:
        return "Choose a folder."
    return settings_problem(scene)


def begin_item(item: Item, scene: bpy.types.Scene, grid: ResultGrid) -> Running:
    """Begin the job of one object, which ends in the grid's next cell."""
    settings = replace(scene_settings(scene), cures=(), fuse=item.kind is ItemKind.IMAGES)
    source = _source_of(item, scene)
    if item.kind is ItemKind.CAMERAS:  # its size is only known at its end
        return begin(source, settings, name=item.name, arrange=grid.put)
    place = grid.unit_volume()
    return begin(
        source,
        settings,
        volume=place,
        name=item.name,
        arrange=lambda _: grid.take(UNIT_CELL),
    )


def _plan(folder: str, method: str) -> BatchPlan:
    plan = find_items([absolute(folder)], scenes=False, find_cameras=find_camera_file)
    known = {info.name: info for info in live.methods}
    if method in known:
        check_cameras(plan, method, needs_camera=known[method].needs_camera)
    left = {Path(path).name: words for path, words in plan.left_out.items()}
    return name_items(BatchPlan(plan.items, left), lambda *_: None)


def _source_of(item: Item, scene: bpy.types.Scene) -> ViewSource:
    if item.kind is ItemKind.CAMERAS:
        return folder_source(item.source)
    images = [item.source] if item.kind is ItemKind.IMAGE else list_images(item.source)
    return given_source(images, None, scene)


# ---------------------------------------------------------------- the timer


def _advance() -> bool:
    more = batch_run.advance()
    if live.running is not None:
        live.wake()
    return more


ticker = Ticker(_advance, every=TICK, on_load=batch_run.abandon)
register = ticker.register


def unregister() -> None:
    """Stop the batch, and stop listening."""
    batch_run.abandon()
    ticker.unregister()
