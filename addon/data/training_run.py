"""The running training: a separate process, watched through the files it writes.

The process is the terminal's `levelform train`, which keeps its state in its folder. It stops when
its standard input is closed, which also happens whenever Blender ends; a run with the same settings
continues from there.
"""

import contextlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...backend.contract.errors import LevelformError, RequestError
from ...backend.contract.protocol import MeshUpdate
from ..scene import meshes
from ..scene.ticker import Ticker
from .terminal_process import ProcessRun, TerminalProcess
from .training_curve import read_table

VALIDATIONS = 10  # in a run of a given length
TICK = 0.5  # seconds between two checks of the run's files
PREVIEW = "Levelform Training Preview"
RUN, CURVE, MESH, BEST, LOG = "run.json", "curve.csv", "preview.npz", "best.safetensors", "log.txt"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingPlan:
    """What to train, and with what.

    Attributes
    ----------
    method, part : as in `levelform train`
    data : folders of data sets
    out : folder of the run; a run in it is continued
    start : initial weights, "" for none, "bundled" for those that the method comes with
    steps : length of the run; 0: the recipe's
    seed : seed of all random numbers
    more : further arguments of the command
    """

    method: str
    data: tuple[str, ...]
    out: str
    part: str = "main"
    start: str = ""
    steps: int = 0
    seed: int = 0
    more: tuple[str, ...] = ()

    def words(self) -> list[str]:
        """Return the command's arguments."""
        words = ["train", self.method, "--data", *self.data, "--out", self.out]
        words += ["--part", self.part, "--seed", str(self.seed), "--preview", MESH]
        words += ["--from", self.start] if self.start else []
        words += ["--steps", str(self.steps)] if self.steps else []
        words += ["--validate-every", str(self.validate_every)] if self.steps else []
        return [*words, "--log-every", "10", *self.more]

    @property
    def validate_every(self) -> int:
        """Steps between validations: ten in all, but neither constantly nor hours apart."""
        return min(max(self.steps // VALIDATIONS, 20), 2000)


class TrainingRun(ProcessRun):
    """The only training in this Blender.

    Attributes
    ----------
    out : folder of the current run, or of the last one; None before the first
    facts : contents of its `run.json`
    columns : its curve, (step, value) by name
    """

    tick = TICK

    def __init__(self) -> None:
        super().__init__()
        self.out: Path | None = None
        self.facts: dict[str, Any] = {}
        self.columns: dict[str, list[tuple[float, float]]] = {}
        self._seen: dict[str, int] = {}

    @property
    def validating(self) -> bool:
        """Whether it measures itself on unseen shapes, and takes no steps meanwhile."""
        return bool(self.facts.get("validating"))

    @property
    def progress(self) -> float:
        """Progress, 0 to 1."""
        return self.facts.get("step", 0) / max(self.facts.get("steps", 1), 1)

    @property
    def seconds_left(self) -> float | None:
        """Estimated remaining time; None while it is unknown."""
        rate = self.facts.get("steps_per_second", 0.0)
        return (self.facts["steps"] - self.facts["step"]) / rate if rate else None

    @property
    def weights(self) -> str:
        """The file of the best weights so far, "" if there is none."""
        path = self.out and self.out / BEST
        return str(path) if path and path.is_file() else ""

    def begin(self, plan: TrainingPlan) -> None:
        """Start the process.

        Raises
        ------
        RequestError
            If it is running already, or there is no backend or no folder to write to.
        """
        if self.running:
            raise RequestError("A network is being trained already.", "Wait, or stop it.")
        out = Path(plan.out)
        self._process = TerminalProcess(plan.words(), out, LOG)
        self.out, self.failure, self.stopping = out, None, False
        self.facts, self.columns, self._seen = {}, {}, {}

    def poll(self) -> bool:
        """Read new data; return whether the process is running."""
        if self._process is None or self.out is None:
            return False
        ended = self._process.ended
        if self._changed(RUN):
            with contextlib.suppress(OSError, ValueError, RecursionError):
                facts = json.loads((self.out / RUN).read_text())
                self.facts = facts if isinstance(facts, dict) else {}
        if self._changed(CURVE):
            self.columns = read_table(self.out / CURVE)
        if ended:
            self._end()
        return self.running

    def new_mesh(self) -> MeshUpdate | None:
        """Return a new preview; None if there is none since the last call."""
        if self.out is None or not self._changed(MESH):
            return None
        try:
            with np.load(self.out / MESH, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except (OSError, ValueError, KeyError) as error:
            logger.warning("the training's preview can't be read: %s", error)
            return None
        return MeshUpdate(
            job="training",
            vertices=np.asarray(arrays["vertices"], np.float32),
            faces=np.asarray(arrays["faces"], np.int32),
            normals=arrays.get("normals"),
            colors=None,
            world_from_mesh=np.eye(4),
            scale=1.0,
            resolution=0,
            final=False,
        )

    def _changed(self, name: str) -> bool:
        """Return whether one of the run's files has changed since the last call."""
        assert self.out is not None
        try:
            stamp = os.stat(self.out / name).st_mtime_ns
        except OSError:
            return False
        old = self._seen.get(name)
        self._seen[name] = stamp
        return stamp != old

    def _end(self) -> None:
        """Record how the process ended."""
        process, self._process = self._process, None
        assert process is not None
        try:
            self.facts = process.result()
        except LevelformError as error:
            self.failure = error


training = TrainingRun()


def show_preview(update: MeshUpdate) -> bpy.types.Object:
    """Show a training's preview in the scene, replacing the previous one."""
    obj = bpy.data.objects.get(PREVIEW)
    if obj is not None and obj.type == "MESH":
        meshes.refill(obj, update)
        return obj
    return meshes.new_object(PREVIEW, update, bpy.context.scene.collection)


def problem(scene: bpy.types.Scene) -> str:
    """Return why the panel's training can't begin, by quick checks; empty if it can."""
    chosen = scene.levelform_training
    if training.running:
        return "A network is being trained already."
    if not chosen.data:
        return "Choose a data set."
    return "" if chosen.out else "Choose a folder for the run."


def split_data(text: str) -> Sequence[str]:
    """Return the folders in a text field, separated by semicolons."""
    return [part.strip() for part in text.split(";") if part.strip()]


# ---------------------------------------------------------------- the timer


def _advance() -> bool:
    more = training.poll()
    update = training.new_mesh()
    if update is not None and bpy.context.scene.levelform_training.preview:
        try:
            show_preview(update)
        except LevelformError as error:
            logger.warning("%s", error)
    return more


ticker = Ticker(_advance, every=TICK)


def unregister() -> None:
    """Stop the run."""
    ticker.unregister()
    training.shutdown()
