"""The panel that refines cameras and finds those of images."""

from pathlib import Path

import bpy

from ..jobs.session import live
from ..scene import camera_estimates
from ..scene.wording import sentence, told
from .layouts import SubPanel, paragraph, split_column

FEW = 12  # images that are shown large
SIZES = ((3, 4.6), (4, 3.4))  # images in a row, their scale in rows: of few, of many


class LEVELFORM_PT_camera_estimation(SubPanel, bpy.types.Panel):
    """Cameras found from images, and corrected."""

    bl_label = "Cameras from Images"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.enabled = live.running is None
        column = layout.column(align=True)
        for way, text, icon in (
            ("turntable", "Turntable", "FILE_REFRESH"),
            ("walk", "Walk Around", "CON_FOLLOWPATH"),
        ):
            column.operator("levelform.find_cameras", text=text, icon=icon).way = way
        _draw_shown(layout, context)
        row = layout.row(align=True)
        row.operator("levelform.refine_cameras", icon="CON_CAMERASOLVER")
        if camera_estimates.refined_cameras(context.scene):
            row.operator("levelform.restore_cameras", text="", icon="LOOP_BACK")
        layout.prop(context.scene.levelform, "refine")
        summary, remarks = camera_estimates.told(context.scene)
        if summary:
            paragraph(layout, context, summary, icon="INFO")
        for remark in remarks:
            paragraph(layout, context, remark, icon="ERROR")


def _draw_shown(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the chosen images with outlines of their masks, and *Find Cameras*."""
    around = context.scene.levelform_around
    if not len(around.entries):
        return
    box = layout.box()
    across, scale = SIZES[len(around.entries) > FEW]
    grid = box.grid_flow(row_major=True, columns=across, even_columns=True, align=True)
    for entry in around.entries:
        cell = grid.column(align=True)
        if entry.shown is not None:
            cell.template_icon(icon_value=layout.icon(entry.shown), scale=scale)
        cell.label(text=Path(entry.name).stem, icon="ERROR" if entry.doubt else "NONE")
    for entry in around.entries:
        if entry.doubt:
            doubt = told("Check the mask of {}: {}.", entry.name, sentence(entry.doubt))
            paragraph(box, context, doubt, icon="ERROR")
    column = split_column(box)
    column.prop(around, "way")
    if around.way == "turntable":
        column.prop(around, "step")
    column.prop(around, "focal")
    column.prop(around, "side")
    row = box.row(align=True)
    row.operator("levelform.find_shown_cameras", icon="CAMERA_DATA")
    row.operator("levelform.forget_shown_images", text="", icon="X")


CLASSES = (LEVELFORM_PT_camera_estimation,)
