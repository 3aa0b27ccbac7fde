"""Trains a network, stops and continues the training, and uses its weights."""

from pathlib import Path
from typing import Any

import bpy

from ...backend.contract.errors import LevelformError
from ..data.training_run import TrainingPlan, problem, split_data, ticker, training
from ..jobs.requests import absolute
from . import ReportingOperator, refuse

WEIGHTS = Path(__file__).parents[2] / "assets" / "weights"
BUNDLED = "bundled"


def plan_of(scene: bpy.types.Scene) -> TrainingPlan:
    """Return the plan from the panel's settings."""
    chosen = scene.levelform_training
    return TrainingPlan(
        method=chosen.method,
        part=chosen.part.lower(),
        data=tuple(absolute(folder) for folder in split_data(chosen.data)),
        out=absolute(chosen.out),
        start=start_of(chosen),
        steps=chosen.steps,
        seed=chosen.seed,
    )


def start_of(chosen: Any) -> str:
    """Return the initial weights: the chosen file, those of the method, or none."""
    if chosen.fresh:
        return ""
    if chosen.start:
        return absolute(chosen.start)
    return BUNDLED if (WEIGHTS / f"{chosen.method}.safetensors").is_file() else ""


class LEVELFORM_OT_train(ReportingOperator, bpy.types.Operator):
    """Train a network on a data set; a stopped training is continued"""

    bl_idname = "levelform.train"
    bl_label = "Train"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, problem(context.scene))

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self._attempt(self._begin_and_wake, context)

    def run(self, context: bpy.types.Context) -> None:
        training.begin(plan_of(context.scene))
        training.wait()

    def note(self, error: LevelformError) -> None:
        training.failure = error

    def _begin_and_wake(self, context: bpy.types.Context) -> None:
        training.begin(plan_of(context.scene))
        ticker.wake()


class LEVELFORM_OT_stop_training(bpy.types.Operator):
    """Stop after this step; it can be continued later"""

    bl_idname = "levelform.stop_training"
    bl_label = "Stop Training"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, "" if training.running else "Nothing is being trained.")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        training.stop()
        return {"FINISHED"}


class LEVELFORM_OT_use_trained(bpy.types.Operator):
    """Reconstruct with the best weights of this run"""

    bl_idname = "levelform.use_trained"
    bl_label = "Use These Weights"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, "" if training.weights else "No weights are saved yet.")

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.levelform
        settings.method = training.facts.get("method", context.scene.levelform_training.method)
        settings.weights = training.weights
        return {"FINISHED"}


CLASSES = (LEVELFORM_OT_train, LEVELFORM_OT_stop_training, LEVELFORM_OT_use_trained)
