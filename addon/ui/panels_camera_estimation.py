"""The panel that refines cameras and finds those of images."""

import bpy

from ..jobs.session import live
from ..scene import camera_estimates
from .layouts import SubPanel, paragraph


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
        row = layout.row(align=True)
        row.operator("levelform.refine_cameras", icon="CON_CAMERASOLVER")
        if camera_estimates.refined_cameras(context.scene):
            row.operator("levelform.restore_cameras", text="", icon="LOOP_BACK")
        layout.prop(context.scene.levelform, "refine")
        sentence, remarks = camera_estimates.told(context.scene)
        if sentence:
            paragraph(layout, context, sentence, icon="INFO")
        for remark in remarks:
            paragraph(layout, context, remark, icon="ERROR")


CLASSES = (LEVELFORM_PT_camera_estimation,)
