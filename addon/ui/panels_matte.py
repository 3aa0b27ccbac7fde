"""The panel of the single image's mask, and of its corrections."""

import bpy

from ..jobs.session import live
from ..scene.wording import sentence, told
from .layouts import SubPanel, paragraph, split_column

SOURCES = {
    "file": "Your mask",
    "alpha": "The image's own alpha",
    "background": "All but the plain background",
    "network": "Found by U2-Netp",
}
SIZE = 6.0  # of the thumbnail, in rows of the panel


class LEVELFORM_PT_matte(SubPanel, bpy.types.Panel):
    """Shows what is taken for the object in the image, and corrects it."""

    bl_label = "Mask"
    bl_options = set()  # open: the mask should be seen first

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene.levelform.source == "IMAGE"

    def draw(self, context: bpy.types.Context) -> None:
        matte, image = context.scene.levelform_matte, context.scene.levelform.image
        layout = self.layout
        layout.enabled = live.running is None
        if image is not None and matte.of == image.name and matte.shown is not None:
            layout.template_icon(icon_value=layout.icon(matte.shown), scale=SIZE)
            layout.label(text=told(SOURCES.get(matte.source, " ")))
            if matte.doubt:
                paragraph(
                    layout,
                    context,
                    told("Check the mask: {}.", sentence(matte.doubt)),
                    icon="ERROR",
                )
        layout.operator("levelform.show_mask", icon="IMAGE_ALPHA")
        column = split_column(layout)
        column.prop(context.scene.levelform, "background")
        if context.scene.levelform.background == "COLOR":
            column.prop(context.scene.levelform, "background_color")
        column.prop(matte, "largest")
        column.prop(matte, "fill_holes")
        layout.template_ID(matte, "mask", open="image.open")
        row = layout.row(align=True)
        row.operator("levelform.paint_mask", icon="BRUSH_DATA")
        row.operator("levelform.forget_mask", text="", icon="X")


CLASSES = (LEVELFORM_PT_matte,)
