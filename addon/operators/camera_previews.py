"""Buttons below images shown before their cameras are estimated."""

import bpy

from ..jobs.camera_previews import begin_find_shown
from ..jobs.running import Running
from ..jobs.session import busy
from ..scene import around
from . import Starter, refuse


class LEVELFORM_OT_find_shown_cameras(Starter, bpy.types.Operator):
    """Find the cameras of the images that are shown; a camera is added for each"""

    bl_idname = "levelform.find_shown_cameras"
    bl_label = "Find Cameras"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        shown = len(context.scene.levelform_around.entries)
        return refuse(cls, busy() or ("" if shown else "Choose the images first."))

    def start(self, context: bpy.types.Context) -> Running:
        return begin_find_shown(context.scene)


class LEVELFORM_OT_forget_shown_images(bpy.types.Operator):
    """Drop these images; no camera is made"""

    bl_idname = "levelform.forget_shown_images"
    bl_label = "Drop Images"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        around.forget(context.scene)
        return {"FINISHED"}


CLASSES = (LEVELFORM_OT_find_shown_cameras, LEVELFORM_OT_forget_shown_images)
