"""The panel of a result's exhibits, and of blends between two."""

import bpy

from ..data.blending import ends_of, morph_problem
from ..data.series import series
from ..data.showing import show_problem, shows_of
from ..jobs.session import live
from ..scene.provenance import provenance_of
from ..scene.sequences import sequence_of, sequence_remark, shown_label
from .layouts import SubPanel, paragraph, split_column


class LEVELFORM_MT_show(bpy.types.Menu):
    """What the method of the selected result can show"""

    bl_idname = "LEVELFORM_MT_show"
    bl_label = "Show"

    def draw(self, context: bpy.types.Context) -> None:
        for spec in shows_of(context.object):
            self.layout.operator("levelform.show", text=spec.title).what = spec.name


class LEVELFORM_PT_show(SubPanel, bpy.types.Panel):
    """Shows what is inside the selected result, and blends it with others."""

    bl_label = "Show and Blend"
    bl_order = 6

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        target = context.object
        return provenance_of(target) is not None or sequence_of(target) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout, target = self.layout, context.object
        stored = sequence_of(target)
        if stored is not None:
            layout.prop(target, "levelform_step", slider=False)
            layout.label(text=shown_label(target))
            remark = sequence_remark(target)
            if remark:
                paragraph(layout, context, remark, icon="INFO")
        if provenance_of(target) is None:
            return
        if ends_of(target):  # can be moved further while the last factor is being meshed
            layout.prop(target, "levelform_factor", slider=True)
        layout = layout.column()
        layout.enabled = live.running is None and not series.running
        if ends_of(target):
            layout.operator("levelform.refine_blend", icon="FILE_REFRESH")
        _draw_shows(layout, context)
        _draw_blend(layout, context)


def _draw_shows(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the menu, and the options of its entry."""
    specs = shows_of(context.object)
    if not specs:
        if not live.methods:
            paragraph(layout, context, "What can be shown is known once the backend runs.")
        return
    layout.menu("LEVELFORM_MT_show", icon="HIDE_OFF")
    names = {option.name for spec in specs for option in spec.options}
    column = split_column(layout)
    settings = context.scene.levelform_show
    for name in settings.given():
        if name in names:
            column.prop(settings, name)
    layout.operator("levelform.save_code", icon="EXPORT")
    reason = show_problem(context.object)
    if reason and live.running is None:
        paragraph(layout, context, reason, icon="INFO")


def _draw_blend(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.levelform_show
    box = layout.column()
    split_column(box).prop(settings, "other")
    row = box.row(align=True)
    row.operator("levelform.blend", icon="MOD_SIMPLEDEFORM")
    row.operator("levelform.morph", icon="SHAPEKEY_DATA")
    box.operator("levelform.mean", icon="MOD_ARRAY")
    column = box.column(align=True)
    column.operator("levelform.animate_time", icon="TIME")
    column.operator("levelform.animate_images", icon="RENDER_ANIMATION")
    reason = morph_problem(context.object, settings.other) if settings.other else ""
    if reason and live.running is None:
        paragraph(box, context, reason, icon="INFO")


class LEVELFORM_PT_depth(SubPanel, bpy.types.Panel):
    """The depth map of the selected camera, for methods that take one."""

    bl_label = "Depth of This Camera"
    bl_order = 8

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.object is not None and context.object.type == "CAMERA"

    def draw(self, context: bpy.types.Context) -> None:
        column = split_column(self.layout)
        column.prop(context.object.data, "levelform_depth")
        sub = column.row()
        sub.active = not context.object.data.levelform_depth.lower().endswith((".exr", ".npy"))
        sub.prop(context.object.data, "levelform_depth_scale")


CLASSES = (LEVELFORM_MT_show, LEVELFORM_PT_show, LEVELFORM_PT_depth)
