"""Shows the mask of the panel's image, and opens it to be painted on."""

import bpy

from ..jobs.masks import begin_masks
from ..jobs.requests import source_problem
from ..jobs.running import Running
from ..scene import masks
from . import ReportingOperator, Starter, refuse


class LEVELFORM_OT_show_mask(Starter, bpy.types.Operator):
    """Find the object in the image, and show what is taken for it; nothing is reconstructed"""

    bl_idname = "levelform.show_mask"
    bl_label = "Show Mask"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, source_problem(context.scene))

    def start(self, context: bpy.types.Context) -> Running:
        return begin_masks(context)


class LEVELFORM_OT_paint_mask(ReportingOperator, bpy.types.Operator):
    """Paint on the mask in an image editor: white where the object is, black elsewhere"""

    bl_idname = "levelform.paint_mask"
    bl_label = "Paint Mask"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        there = context.scene.levelform_matte.mask is not None
        return refuse(cls, "" if there else "Show the mask first, or choose one.")

    def run(self, context: bpy.types.Context) -> None:
        space = _editor(context)
        space.image = context.scene.levelform_matte.mask
        space.mode = "PAINT"
        self.report({"INFO"}, "Paint the object white and everything else black")


def _editor(context: bpy.types.Context) -> bpy.types.SpaceImageEditor:
    """Return an image editor of this window, else one in a new window."""
    for area in context.screen.areas if context.screen else ():
        if area.type == "IMAGE_EDITOR":
            return area.spaces.active  # pyright: ignore[reportReturnType]
    bpy.ops.wm.window_new()
    area = context.window_manager.windows[-1].screen.areas[0]
    area.type = "IMAGE_EDITOR"
    return area.spaces.active  # pyright: ignore[reportReturnType]


class LEVELFORM_OT_forget_mask(bpy.types.Operator):
    """Drop this mask; the next one is detected again"""

    bl_idname = "levelform.forget_mask"
    bl_label = "Detect Again"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        masks.forget(context.scene)
        return {"FINISHED"}


CLASSES = (LEVELFORM_OT_show_mask, LEVELFORM_OT_paint_mask, LEVELFORM_OT_forget_mask)
