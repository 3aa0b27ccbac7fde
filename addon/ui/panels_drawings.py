"""The panel of drawings and photographs: each piece with its side, before it is used."""

import bpy

from ..jobs.session import live
from ..scene.wording import for_panel
from .layouts import SubPanel, paragraph

SCALE = 3.0  # of a drawing's preview, in rows


class LEVELFORM_PT_drawings(SubPanel, bpy.types.Panel):
    """Cameras for drawings and photographs."""

    bl_label = "Drawings and Photographs"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.enabled = live.running is None
        column = layout.column(align=True)
        column.operator("levelform.drawings", text="Sheet of Drawings...", icon="IMAGE_REFERENCE")
        column.operator("levelform.photographs", text="Photographs...", icon="CAMERA_STEREO")
        column.operator("levelform.camera_ring", icon="MESH_CIRCLE")
        for remark in filter(None, context.scene.levelform_drawings.photographs.split("\n")):
            paragraph(layout, context, for_panel(remark), icon="INFO")
        _draw_pieces(layout, context)


def _draw_pieces(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw each drawing with its side, and the remarks."""
    chosen = context.scene.levelform_drawings
    if not len(chosen.entries):
        return
    for entry in chosen.entries:
        row = layout.row(align=True)
        row.prop(entry, "use", text="")
        part = row.row()
        part.active = entry.use
        if entry.image is not None:
            part.template_icon(icon_value=layout.icon(entry.image), scale=SCALE)
        part.prop(entry, "side", text="")
    placed = any(entry.camera is not None for entry in chosen.entries)
    if placed:
        layout.operator("levelform.drawings_again", icon="FILE_REFRESH")
    else:
        layout.operator("levelform.drawings_again", text="Place Cameras", icon="CAMERA_DATA")
    for remark in filter(None, chosen.remarks.split("\n")):
        paragraph(layout, context, remark, icon="INFO")


CLASSES = (LEVELFORM_PT_drawings,)
