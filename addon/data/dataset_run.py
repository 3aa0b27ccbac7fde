"""The making of training data: images, one step per tick, then the data set that Training reads.

Like reconstructions, it uses a timer rather than a modal operator: Blender does not autosave while
a modal operator runs, and a data set takes hours. Between two steps, the file contains nothing of
the run. The data set is made of the images by a process beside Blender.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ...backend.contract.errors import LevelformError, RequestError, WorkError
from ...backend.contract.unexpected import internal_error
from ..jobs.requests import absolute
from ..scene.passes import PASSES
from ..scene.ticker import Ticker
from .dataset_convert import Conversion
from .dataset_render import (
    RenderOutcome,
    RenderSettings,
    RenderStep,
    Target,
    render_dataset,
    targets_of_collection,
    targets_of_folder,
)

HOLD = 0.3  # seconds that a step blocks the window, or one view if that takes longer
PAUSE = 0.05  # seconds between two steps
RENDERING = 0.8  # of the progress bar; the rest is the conversion

logger = logging.getLogger(__name__)


class Run:
    """The only run in this Blender.

    Attributes
    ----------
    step : the last step; None before the first step and when idle
    conversion : the making of the data set, after the last image; else None
    outcome : outcome of the current run, or of the last one
    failure : why the last run failed
    """

    def __init__(self) -> None:
        self.step: RenderStep | None = None
        self.outcome: RenderOutcome | None = None
        self.failure: LevelformError | None = None
        self.conversion: Conversion | None = None
        self._steps: Any = None
        self._settings = RenderSettings()
        self._convert = False

    @property
    def running(self) -> bool:
        """Whether it is running."""
        return self._steps is not None or self.conversion is not None

    @property
    def progress(self) -> float:
        """Progress, 0 to 1."""
        if self.conversion is not None:
            return RENDERING + (1 - RENDERING) * self.conversion.progress
        if self.step is None or self.outcome is None:
            return 0.0
        return self.step.progress(self.outcome.views) * (RENDERING if self._convert else 1.0)

    def begin(
        self,
        targets: Sequence[Target],
        out: str,
        settings: RenderSettings,
        *,
        convert: bool = False,
        hold: float = HOLD,
    ) -> None:
        """Begin; `advance` does the work.

        Parameters
        ----------
        convert
            Also make the data set that Training reads.

        Raises
        ------
        RequestError
            If it is running already.
        """
        if self.running:
            raise RequestError("Images are being rendered already.", "Wait, or cancel (Esc).")
        self.step, self.failure = None, None
        self.outcome = RenderOutcome(out, settings.views)
        self._settings, self._convert = settings, convert
        self._steps = render_dataset(targets, out, settings, hold=hold)

    def advance(self) -> bool:
        """Do one step; return whether there is more to do.

        Raises
        ------
        LevelformError
            If the work can't continue; finished shapes are kept.
        """
        try:
            return self._advance()
        except LevelformError as error:
            self.failure = error
            self._end("stopped")
            raise
        except Exception as error:
            self.failure = internal_error(error, "Try again; Blender's console has details.")
            self._end("stopped")
            raise self.failure from error

    def _advance(self) -> bool:
        if self.outcome is None or not self.running:
            return False
        if self.conversion is not None:
            return self._watch(self.conversion)
        try:
            self.step = next(self._steps)
        except StopIteration:
            return self._rendered()
        self.outcome.take(self.step)
        return True

    def _rendered(self) -> bool:
        """Go on to the data set, if any image was rendered for one."""
        assert self.outcome is not None
        self._steps = None
        if not (self._convert and self.outcome.done + self.outcome.before):
            self._end("finished")
            return False
        try:
            self.conversion = Conversion(Path(self.outcome.out), self._settings)
        except RequestError as error:
            message = f"The images are rendered, but not their data set. {error.message}"
            raise RequestError(message, error.hint) from error
        return True

    def _watch(self, conversion: Conversion) -> bool:
        assert self.outcome is not None
        if not conversion.ended:
            return True
        self.conversion = None
        made = conversion.result()
        self.outcome.skipped |= made["skipped"]
        self.outcome.labelled = made["shapes"]
        if not made["shapes"]:
            raise WorkError(
                "No shape is suitable for training.",
                next(iter(made["skipped"].values()), "Render closed meshes."),
            )
        self._end("finished")
        return False

    def wait(self) -> None:
        """Block until it has ended, for scripts and Blender in the background.

        Raises
        ------
        LevelformError
            If the work can't continue.
        """
        while self.advance():
            if self.conversion is not None:
                self.conversion.wait(HOLD)

    def cancel(self) -> None:
        """Stop; finished shapes are kept, and the next run continues after them."""
        if self._steps is not None:
            self._steps.close()
        if self.conversion is not None:
            self.conversion.stop()
        if self.running:
            self._end("stopped")

    def dismiss(self) -> None:
        """Clear the outcome of the last run."""
        if not self.running:
            self.outcome = self.failure = None

    def _end(self, how: str) -> None:
        assert self.outcome is not None
        self.outcome.ended = how
        self._steps = self.step = self.conversion = None


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
        return "No mesh is selected to render."
    return "" if chosen.out else "Choose a folder for the images."


def begin_panel(scene: bpy.types.Scene, *, convert: bool = True) -> None:
    """Begin with the panel's settings; `Run.advance` does the work.

    Parameters
    ----------
    convert
        As in `Run.begin`.

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
    out = absolute(chosen.out)
    run.begin(targets, out, settings, convert=convert)
    if convert:
        suggest_training(scene, out)


def suggest_training(scene: bpy.types.Scene, out: str) -> None:
    """Have Training read a new data set, unless another one is chosen there."""
    chosen = scene.levelform_training
    chosen.data = chosen.data or out
    chosen.out = chosen.out or f"{Path(out)}-run"


# ---------------------------------------------------------------- the timer


def _advance() -> bool:
    try:
        return run.advance()
    except LevelformError:
        logger.exception("the rendering of training images stopped")
        return False


ticker = Ticker(_advance, every=PAUSE, on_load=run.cancel)
register = ticker.register


def unregister() -> None:
    """Stop the run, and stop listening."""
    run.cancel()
    ticker.unregister()
