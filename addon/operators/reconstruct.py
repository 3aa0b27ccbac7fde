"""Reconstructs and cancels, also by a key."""

import bpy

from ..jobs.requests import begin_scene, order_of, settings_problem, source_problem
from ..jobs.running import Running
from ..jobs.session import live
from . import Starter, refuse


class LEVELFORM_OT_reconstruct(Starter, bpy.types.Operator):
    """Reconstruct a mesh from the images; it appears coarse and is refined while you work. While a
    job runs, this one waits for it"""

    bl_idname = "levelform.reconstruct"
    bl_label = "Reconstruct"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when the job has finished

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, source_problem(context.scene) or settings_problem(context.scene))

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Begin now, or after the running job."""
        return self._attempt(self._enqueue, context)

    def start(self, context: bpy.types.Context) -> Running:
        return begin_scene(context)

    def _enqueue(self, context: bpy.types.Context) -> None:
        order = order_of(context.scene)
        live.enqueue(order.name, order.begin)
        live.wake()


class LEVELFORM_OT_cancel(bpy.types.Operator):
    """Stop the running job and take back what it has made; jobs that wait go on"""

    bl_idname = "levelform.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, "" if live.running else "No job is running.")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        live.cancel()
        return {"FINISHED"}


class LEVELFORM_OT_finish_early(bpy.types.Operator):
    """Stop improving the result, and keep it as it is; it can be improved further later"""

    bl_idname = "levelform.finish_early"
    bl_label = "Stop and Keep"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, "" if live.improving else "No running job improves its result.")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        live.finish_early()
        return {"FINISHED"}


class LEVELFORM_OT_dismiss(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "levelform.dismiss"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        live.failure = None
        return {"FINISHED"}


CLASSES = (
    LEVELFORM_OT_reconstruct,
    LEVELFORM_OT_cancel,
    LEVELFORM_OT_finish_early,
    LEVELFORM_OT_dismiss,
)

_keys: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


def register() -> None:
    """Make Esc cancel, in any editor.

    It is a key rather than a modal operator, since Blender does not autosave while one runs. Other
    meanings of Esc (menus, active tools) take precedence; if no job is running, the operator's poll
    lets the key pass through.
    """
    keyconfig = bpy.context.window_manager.keyconfigs.addon
    if keyconfig is not None:  # there is none in the background
        keymap = keyconfig.keymaps.new(name="Window")
        _keys.append((keymap, keymap.keymap_items.new("levelform.cancel", "ESC", "PRESS")))


def unregister() -> None:
    """Remove the key."""
    while _keys:
        keymap, item = _keys.pop()
        keymap.keymap_items.remove(item)
