"""Two ways that take minutes in a window: installing the backend, and training on own shapes.

They are steps of `walk.py`. `$LEVELFORM_WHEELS`, a folder of wheels, makes the first one happen:
the backend is then installed by the button instead of being given.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy

WHEELS = os.environ.get("LEVELFORM_WHEELS", "")
STEPS = 20  # of the training: a minute without a graphics card
SHAPES = ("cube", "cone", "torus", "uv_sphere", "monkey")

Check = Iterator[None]


class SettingUp:
    """What is installed and trained.

    Parameters
    ----------
    hands : as in `walk.py`
    module : name of the extension's package
    out : folder of the images and of the training
    photo : takes a picture of the window
    """

    def __init__(self, hands: Any, module: str, out: Path, photo: Callable[[str], Check]) -> None:
        self._hands, self._out, self._photo = hands, out, photo
        self._module = module
        self._setup = sys.modules[f"{module}.addon.backend_setup.interpreter"]
        self._preferences = sys.modules[f"{module}.addon.backend_setup.user_preferences"]
        self._data = sys.modules[f"{module}.addon.data.dataset_run"]
        self._training = sys.modules[f"{module}.addon.data.training_run"]

    def install(self) -> Check:
        """Choose a folder of wheels, and press the button; it works without a network."""
        here = self._setup.here
        yield from self._hands.until(lambda: here.candidates is not None)
        self._preferences.get().wheels = WHEELS
        self._press("install_backend")
        seen: list[float] = []

        def installed() -> bool:
            seen.append(here.installation.progress)
            return here.installing is None and here.looking is None

        yield from self._hands.until(lambda: installed() or here.installation.progress > 0.3)
        yield from self._photo("installing")
        yield from self._hands.until(installed)
        failure = here.installation.failure
        steps = len(set(seen))
        self._hands.row(
            "the backend is installed, and says how far it is",
            failure is None and steps > 5 and seen == sorted(seen),
            str(failure or f"{steps} steps of the bar"),
        )
        assert here.find().source == "managed"

    def train(self) -> Check:
        """Images of five shapes, their data set, a short training, and its weights in use."""
        scene = self._shapes()
        yield from self._open("LEVELFORM_PT_dataset", "LEVELFORM_PT_training")
        yield from self._hands.open_tab()
        chosen = scene.levelform_dataset
        chosen.out, chosen.views, chosen.samples = str(self._out / "data"), 4, 4
        self._press("render_dataset")
        yield from self._hands.until(lambda: not self._data.run.running)
        made = self._data.run.outcome
        row = f"{made.labelled} shapes of {len(SHAPES)}, {made.skipped or 'none left out'}"
        self._hands.row("training images become a data set", made.labelled == len(SHAPES), row)
        scene.levelform_training.steps = STEPS
        self._press("train")
        training, validating = self._training.training, []

        def trained() -> bool:
            validating.append(training.validating)
            return not training.running

        yield from self._hands.until(
            lambda: trained() or training.facts.get("step", 0) >= STEPS / 2
        )
        yield from self._photo("training-runs")
        yield from self._hands.until(trained)
        self._hands.row(
            "a training ends with weights, and says while it validates",
            bool(training.weights) and any(validating),
            f"step {training.facts.get('step')} of {STEPS}, {training.failure or 'no error'}",
        )
        self._press("use_trained")
        assert scene.levelform.weights == training.weights

    def _shapes(self) -> bpy.types.Scene:
        """Return a scene of a few shapes, in a row."""
        with self._hands.context():
            bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
            for number, name in enumerate(SHAPES):
                getattr(bpy.ops.mesh, f"primitive_{name}_add")(location=(4.0 * number, 0.0, 0.0))
        with self._hands.context():  # of the new file's window
            bpy.ops.view3d.view_all()
        return bpy.context.scene

    def _open(self, *panels: str) -> Check:
        """Show panels open that are closed at first; Blender has no other way for scripts.

        The sidebar is drawn again before anything else happens to it: it still refers to the
        panels as they were.
        """
        for panel in bpy.types.Panel.__subclasses__():
            if panel.__name__ in panels and panel.__module__.startswith(self._module):
                bpy.utils.unregister_class(panel)
                panel.bl_options = set()
                bpy.utils.register_class(panel)
        until = time.monotonic() + 2.0
        while time.monotonic() < until:
            for area in bpy.context.window_manager.windows[0].screen.areas:
                area.tag_redraw()
            yield

    def _press(self, operator: str) -> None:
        with self._hands.context():
            getattr(bpy.ops.levelform, operator)("INVOKE_DEFAULT")
