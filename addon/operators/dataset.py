"""Renders training images, and cancels the rendering."""

import bpy
from bpy.props import BoolProperty

from ...backend.contract.errors import LevelformError
from ..data.dataset_run import begin_panel, dataset_problem, run, ticker
from . import ReportingOperator, refuse


class LEVELFORM_OT_render_dataset(ReportingOperator, bpy.types.Operator):
    """Render every shape from many directions, and make the data set that Training reads"""

    bl_idname = "levelform.render_dataset"
    bl_label = "Make Data Set"
    bl_options = {"REGISTER"}

    images_only: BoolProperty(
        name="Images Only",
        description="Make no data set of the images",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, dataset_problem(context.scene))

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self._attempt(self._begin_and_wake, context)

    def run(self, context: bpy.types.Context) -> None:
        begin_panel(context.scene, convert=not self.images_only)
        run.wait()

    def note(self, error: LevelformError) -> None:
        run.failure = error

    def _begin_and_wake(self, context: bpy.types.Context) -> None:
        begin_panel(context.scene, convert=not self.images_only)
        ticker.wake()


class LEVELFORM_OT_cancel_dataset(bpy.types.Operator):
    """Stop; finished shapes are kept, and the next run continues after them"""

    bl_idname = "levelform.cancel_dataset"
    bl_label = "Cancel Rendering"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, "" if run.running else "Nothing is being rendered.")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        run.cancel()
        return {"FINISHED"}


class LEVELFORM_OT_dismiss_dataset(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "levelform.dismiss_dataset"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        run.dismiss()
        return {"FINISHED"}


CLASSES = (
    LEVELFORM_OT_render_dataset,
    LEVELFORM_OT_cancel_dataset,
    LEVELFORM_OT_dismiss_dataset,
)

_keys: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


def register() -> None:
    """Make Esc cancel, in any editor; if nothing is being rendered, the key passes through."""
    keyconfig = bpy.context.window_manager.keyconfigs.addon
    if keyconfig is not None:  # there is none in the background
        keymap = keyconfig.keymaps.new(name="Window")
        _keys.append((keymap, keymap.keymap_items.new("levelform.cancel_dataset", "ESC", "PRESS")))


def unregister() -> None:
    """Remove the key."""
    while _keys:
        keymap, item = _keys.pop()
        keymap.keymap_items.remove(item)
