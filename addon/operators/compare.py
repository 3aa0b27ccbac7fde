"""Compares the selected mesh with a reference."""

import bpy

from ..data.compare import HEAT, begin_compare, compare_problem
from ..jobs.running import Running
from . import Starter, refuse


class LEVELFORM_OT_compare(Starter, bpy.types.Operator):
    """Measure the distance of the selected mesh from the reference, both as displayed now"""

    bl_idname = "levelform.compare"
    bl_label = "Compare"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when the job has finished

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, compare_problem(context.object, context.scene.levelform.reference))

    def start(self, context: bpy.types.Context) -> Running:
        settings = context.scene.levelform
        return begin_compare(context.object, settings.reference, heat=settings.heat)


class LEVELFORM_OT_show_distances(bpy.types.Operator):
    """Switch this viewport between distances as colors and materials"""

    bl_idname = "levelform.show_distances"
    bl_label = "Show Distances"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        known = context.object is not None and context.object.type == "MESH"
        has_distances = known and HEAT in context.object.data.color_attributes
        return refuse(
            cls, "" if has_distances else "Compare the mesh first, with distances as colors."
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        shading = getattr(context.space_data, "shading", None)
        if shading is None:
            self.report({"ERROR"}, "Distances are shown in a 3D viewport.")
            return {"CANCELLED"}
        seen = shading.type == "SOLID" and shading.color_type == "VERTEX"
        shading.type = "SOLID"
        shading.color_type = "MATERIAL" if seen else "VERTEX"
        colors = context.object.data.color_attributes
        colors.active_color = colors[HEAT]
        return {"FINISHED"}


CLASSES = (LEVELFORM_OT_compare, LEVELFORM_OT_show_distances)
