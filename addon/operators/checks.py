"""Checks the views, and applies cures that make them agree."""

import bpy
from bpy.props import StringProperty

from ..jobs.requests import begin_scene_check, source_problem
from ..jobs.running import Running
from ..jobs.session import busy, live
from ..scene import view_checks
from . import ReportingOperator, Starter, refuse


class LEVELFORM_OT_check_views(Starter, bpy.types.Operator):
    """Compare the silhouettes of all views; show which disagree, and how to correct them"""

    bl_idname = "levelform.check_views"
    bl_label = "Check Views"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, busy() or source_problem(context.scene))

    def start(self, context: bpy.types.Context) -> Running:
        return begin_scene_check(context)


class LEVELFORM_OT_apply_cure(ReportingOperator, bpy.types.Operator):
    """Apply this correction, so that the views agree"""

    bl_idname = "levelform.apply_cure"
    bl_label = "Apply"
    bl_options = {"REGISTER", "UNDO"}

    cure: StringProperty(name="Cure", description="Its name, such as leave-out=3 or swap=2,5")

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, "Wait for the running job." if live.running else "")

    def run(self, context: bpy.types.Context) -> None:
        self.report({"INFO"}, view_checks.apply_cure(context.scene, self.cure))


class LEVELFORM_OT_clear_cures(bpy.types.Operator):
    """Remove all corrections of the views"""

    bl_idname = "levelform.clear_cures"
    bl_label = "Clear"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.levelform.cures = ""
        view_checks.forget(context.scene)
        return {"FINISHED"}


CLASSES = (LEVELFORM_OT_check_views, LEVELFORM_OT_apply_cure, LEVELFORM_OT_clear_cures)
