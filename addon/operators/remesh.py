"""Meshes a result again, and adds suitable modifiers."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty

from ...backend.contract.options import COARSEST, FINEST
from ..jobs.requests import (
    begin_improve,
    begin_remesh,
    improve_problem,
    not_kept,
    remesh_problem,
)
from ..jobs.running import Running
from ..jobs.session import busy
from . import Starter, refuse

VOXELS = 128  # of the Remesh modifier, along the object's longest side


class LEVELFORM_OT_remesh(Starter, bpy.types.Operator):
    """Mesh the kept result again at this resolution and level, without running the method again"""

    bl_idname = "levelform.remesh"
    bl_label = "Mesh Again"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when the job has finished

    resolution: IntProperty(
        name="Resolution",
        description="Cells along the longest side of the volume",
        default=256,
        min=COARSEST,
        max=FINEST,
        options={"SKIP_SAVE"},
    )
    use_level: BoolProperty(
        name="Use Level",
        description="Move the surface to the given level",
        options={"SKIP_SAVE"},
    )
    level: FloatProperty(
        name="Level",
        description="Offset from the surface in volume units, -1 to 1; for methods that predict "
        "occupancy a probability, 0 to 1",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, busy() or remesh_problem(context.object) or not_kept(context.object))

    def start(self, context: bpy.types.Context) -> Running:
        return begin_remesh(
            context.object,
            resolution=self.resolution,
            level=self.level if self.use_level else None,
            color=context.scene.levelform.color,
        )


class LEVELFORM_OT_improve(Starter, bpy.types.Operator):
    """Go on improving the kept result from where it was stopped, or beyond its end"""

    bl_idname = "levelform.improve"
    bl_label = "Improve Further"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when the job has finished

    time: EnumProperty(
        name="Time",
        description="How long, about; of a result that was stopped early the rest of its time",
        items=(("10s", "10 s", ""), ("1min", "1 min", ""), ("5min", "5 min", "")),
        default="1min",
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, busy() or improve_problem(context.object) or not_kept(context.object))

    def start(self, context: bpy.types.Context) -> Running:
        return begin_improve(context.object, {"time": self.time})


class LEVELFORM_OT_add_modifier(bpy.types.Operator):
    """Add a modifier with settings suitable for a reconstruction"""

    bl_idname = "levelform.add_modifier"
    bl_label = "Add Modifier"
    bl_options = {"REGISTER", "UNDO"}

    kind: EnumProperty(
        name="Modifier",
        items=(
            ("REMESH", "Remesh", "Even triangles or quads of one size"),
            ("SMOOTH", "Smooth", "Smooth ripples of the surface"),
            ("DECIMATE", "Decimate", "Fewer triangles"),
        ),
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        is_mesh = context.object is not None and context.object.type == "MESH"
        return refuse(cls, "" if is_mesh else "Select a mesh.")

    def execute(self, context: bpy.types.Context) -> set[str]:
        target = context.object
        modifier = target.modifiers.new(self.kind.title(), self.kind)
        if self.kind == "REMESH":
            modifier.mode = "VOXEL"
            modifier.voxel_size = max(max(target.dimensions) / VOXELS, 1e-6)
            modifier.use_smooth_shade = True
        elif self.kind == "SMOOTH":
            modifier.factor, modifier.iterations = 0.5, 5
        else:
            modifier.ratio = 0.25
        return {"FINISHED"}


CLASSES = (LEVELFORM_OT_remesh, LEVELFORM_OT_improve, LEVELFORM_OT_add_modifier)
