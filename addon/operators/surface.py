"""A texture for a result, and a surface of quads."""

from math import pi

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty

from ..jobs.painting import TEXTURED_FACES, begin_quads, begin_texture
from ..jobs.running import Running
from ..jobs.session import live
from ..jobs.targets import not_kept, remesh_problem
from . import Starter, refuse

SIZES = [(str(n), f"{n // 1024} k", f"{n} x {n} pixels") for n in (1024, 2048, 4096)]


class _OfSelected(Starter):
    """An operator on the selected result."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        busy = "Wait for the job under way, or cancel it (Esc)." if live.running else ""
        reason = busy or remesh_problem(context.object) or not_kept(context.object)
        return refuse(cls, reason)  # pyright: ignore[reportArgumentType]


class LEVELFORM_OT_texture(_OfSelected, bpy.types.Operator):
    """Unwrap the mesh and bake a texture from the images, with a material that shows it"""

    bl_idname = "levelform.texture"
    bl_label = "Bake Texture"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when the job has finished

    size: EnumProperty(name="Size", items=SIZES, default="2048", options={"SKIP_SAVE"})
    faces: IntProperty(
        name="Faces",
        description="Maximum number of triangles: a larger mesh is simplified first",
        default=TEXTURED_FACES,
        min=100,
        options={"SKIP_SAVE"},
    )

    def start(self, context: bpy.types.Context) -> Running:
        return begin_texture(context.object, int(self.size), faces=self.faces)


class LEVELFORM_OT_quads(_OfSelected, bpy.types.Operator):
    """Rebuild the mesh of quads by QuadriFlow; colors are taken anew, a texture is baked again"""

    bl_idname = "levelform.quads"
    bl_label = "Make Quads"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when the job has finished

    count: IntProperty(
        name="Quads",
        description="About how many",
        default=5000,
        min=50,
        max=1_000_000,
        options={"SKIP_SAVE"},
    )
    sharp_angle: FloatProperty(
        name="Sharp From",
        description="Edges between faces that meet at this angle or more are sharp",
        subtype="ANGLE",
        default=pi,
        min=0.0,
        max=pi,
        options={"SKIP_SAVE"},
    )

    def start(self, context: bpy.types.Context) -> Running:
        return begin_quads(context.object, self.count, sharp_angle=self.sharp_angle)


CLASSES = (LEVELFORM_OT_texture, LEVELFORM_OT_quads)
