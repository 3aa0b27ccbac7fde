"""The running rendering of training images: one step per tick, so that the window stays usable.

Like reconstructions, it uses a timer rather than a modal operator: Blender does not autosave while
a modal operator runs, and a data set takes hours. Between two steps, the file contains nothing of
the run.
"""

import logging
from collections.abc import Sequence
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...backend.contract.errors import LevelformError, RequestError
from ...backend.contract.unexpected import internal_error
from ..jobs.requests import absolute
from ..scene.passes import PASSES
from ..scene.windows import in_window, redraw
from .dataset_render import (
    Outcome,
    RenderSettings,
    RenderStep,
    Target,
    render_dataset,
    targets_of_collection,
    targets_of_folder,
)

HOLD = 0.3  # seconds that a step blocks the window, or one view if that takes longer
PAUSE = 0.05  # seconds between two steps

logger = logging.getLogger(__name__)


class Run:
    """The only run in this Blender.

    Attributes
    ----------
    step : the last step; None before the first step and when idle
    outcome : outcome of the current run, or of the last one
    failure : why the last run failed
    """

    def __init__(self) -> None:
        self.step: RenderStep | None = None
        self.outcome: Outcome | None = None
        self.failure: LevelformError | None = None
        self._steps: Any = None

    @property
    def running(self) -> bool:
        """Whether it is running."""
        return self._steps is not None

    @property
    def progress(self) -> float:
        """Progress, 0 to 1."""
        if self.step is None or self.outcome is None:
            return 0.0
        return self.step.progress(self.outcome.views)

    def begin(
        self, targets: Sequence[Target], out: str, settings: RenderSettings, *, hold: float = HOLD
    ) -> None:
        """Begin; `advance` does the work.

        Raises
        ------
        RequestError
            If it is running already.
        """
        if self.running:
            raise RequestError("Images are being rendered already.", "Wait, or cancel (Esc).")
        self.step, self.failure = None, None
        self.outcome = Outcome(out, settings.views)
        self._steps = render_dataset(targets, out, settings, hold=hold)

    def advance(self) -> bool:
        """Do one step; return whether there is more to do.

        Raises
        ------
        LevelformError
            If the work can't continue; finished shapes are kept.
        """
        if self._steps is None or self.outcome is None:
            return False
        try:
            self.step = next(self._steps)
        except StopIteration:
            self._end("finished")
            return False
        except LevelformError as error:
            self.failure = error
            self._end("stopped")
            raise
        except Exception as error:
            self.failure = internal_error(error, "Try again; Blender's console has details.")
            self._end("stopped")
            raise self.failure from error
        self.outcome.take(self.step)
        return True

    def cancel(self) -> None:
        """Stop; finished shapes are kept, and the next run continues after them."""
        if self._steps is not None:
            self._steps.close()
            self._end("stopped")

    def wake(self) -> None:
        """Start the timer that does the steps; there is none in the background."""
        if not bpy.app.timers.is_registered(_on_timer):
            bpy.app.timers.register(_on_timer, first_interval=PAUSE, persistent=True)

    def dismiss(self) -> None:
        """Clear the outcome of the last run."""
        if not self.running:
            self.outcome = self.failure = None

    def _end(self, how: str) -> None:
        assert self.outcome is not None
        self.outcome.ended = how
        self._steps = self.step = None


run = Run()


# ---------------------------------------------------------------- the panel


def shapes_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return the mesh objects of the panel's collection, or of the scene if none is picked."""
    collection = scene.levelform_dataset.collection or scene.collection
    return [obj for obj in collection.all_objects if obj.type == "MESH"]


def dataset_problem(scene: bpy.types.Scene) -> str:
    """Return why the panel's choice can't be rendered, by quick checks; empty if it can."""
    chosen = scene.levelform_dataset
    if run.running:
        return "Images are being rendered already. Wait, or cancel (Esc)."
    if chosen.source == "FOLDER" and not chosen.folder:
        return "Choose a folder of mesh files."
    if chosen.source == "COLLECTION" and not shapes_of(scene):
        return "There is no mesh to render."
    return "" if chosen.out else "Choose a folder for the images."


def begin_panel(scene: bpy.types.Scene) -> None:
    """Begin with the panel's settings; `Run.advance` does the work.

    Raises
    ------
    RequestError
        If the settings are invalid.
    """
    chosen = scene.levelform_dataset
    if chosen.source == "FOLDER":
        targets = targets_of_folder(absolute(chosen.folder))
    else:
        targets = targets_of_collection(chosen.collection or scene.collection)
    settings = RenderSettings(
        engine=chosen.engine.lower(),
        views=chosen.views,
        size=chosen.size,
        cameras=chosen.cameras,
        seed=chosen.seed,
        samples=chosen.samples,
        passes=tuple(name for name in PASSES if getattr(chosen, name)),
    )
    run.begin(targets, absolute(chosen.out), settings)


# ---------------------------------------------------------------- the timer


def _on_timer() -> float | None:
    try:
        with in_window():
            more = run.advance()
    except LevelformError:
        logger.exception("the rendering of training images stopped")
        more = False
    redraw()
    return PAUSE if more else None


@persistent
def _on_load(*_: Any) -> None:
    run.cancel()  # the objects to render are gone with the previous file


def register() -> None:
    """Listen to file load."""
    bpy.app.handlers.load_pre.append(_on_load)


def unregister() -> None:
    """Stop the run, and stop listening."""
    run.cancel()
    if bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.unregister(_on_timer)
    bpy.app.handlers.load_pre.remove(_on_load)
