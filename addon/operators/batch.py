"""Reconstructs every object of a folder, and stops."""

import bpy

from ..data.batch_run import batch_problem, batch_run, ticker
from . import ReportingOperator, refuse


class LEVELFORM_OT_batch(ReportingOperator, bpy.types.Operator):
    """Reconstruct each image, and each folder of images, as an object of its own, in a grid that
    begins at the 3D cursor"""

    bl_idname = "levelform.batch"
    bl_label = "Reconstruct Folder"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, batch_problem(context.scene))

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self._attempt(self._begin_and_wake, context)

    def run(self, context: bpy.types.Context) -> None:
        batch_run.begin(context.scene, context.scene.levelform_batch.folder)
        batch_run.wait()

    def _begin_and_wake(self, context: bpy.types.Context) -> None:
        batch_run.begin(context.scene, context.scene.levelform_batch.folder)
        ticker.wake()


class LEVELFORM_OT_stop_batch(bpy.types.Operator):
    """Stop after the current model; Esc stops at once"""

    bl_idname = "levelform.stop_batch"
    bl_label = "Stop After This Model"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, "" if batch_run.running else "No batch is running.")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        batch_run.stop()
        return {"FINISHED"}


class LEVELFORM_OT_dismiss_batch(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "levelform.dismiss_batch"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        batch_run.dismiss()
        return {"FINISHED"}


CLASSES = (LEVELFORM_OT_batch, LEVELFORM_OT_stop_batch, LEVELFORM_OT_dismiss_batch)
