"""Blends results: a live factor, keyframed morphs, the mean of the selected."""

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty, StringProperty

from .. import api
from ..data.morphing import (
    FACTORS,
    animate,
    begin_blend,
    begin_live,
    begin_morph,
    begin_move,
    ends_of,
    keeps_of,
    morph_problem,
)
from ..data.showing import show_problem
from ..jobs.requests import scene_settings
from ..jobs.running import Running
from ..jobs.session import busy
from ..scene.provenance import provenance_of
from . import Reporter, Starter, refuse


class LEVELFORM_OT_blend(Starter, bpy.types.Operator):
    """Add the object between this result and another one; its factor can be moved afterwards"""

    bl_idname = "levelform.blend"
    bl_label = "Blend With"
    bl_options = {"REGISTER"}

    factor: FloatProperty(name="Factor", default=0.5, min=FACTORS[0], max=FACTORS[1])

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, morph_problem(context.object, context.scene.levelform_show.other))

    def start(self, context: bpy.types.Context) -> Running:
        return begin_live(context.object, context.scene.levelform_show.other, self.factor)


class LEVELFORM_OT_refine_blend(Starter, bpy.types.Operator):
    """Mesh the blend at its factor in the resolution of its results"""

    bl_idname = "levelform.refine_blend"
    bl_label = "Refine"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        gone = "" if ends_of(context.object) else "Select a blend of two results."
        return refuse(cls, busy() or gone)

    def start(self, context: bpy.types.Context) -> Running:
        first = provenance_of(ends_of(context.object)[0])
        resolution = int(first.get("resolution", 128))
        return begin_move(context.object, context.object.levelform_factor, resolution)


class LEVELFORM_OT_morph(Starter, bpy.types.Operator):
    """Add an animated object that changes from this result to another one"""

    bl_idname = "levelform.morph"
    bl_label = "Keyframe Morph"
    bl_options = {"REGISTER"}

    steps: IntProperty(name="Steps", default=9, min=2, max=200)
    way: EnumProperty(
        name="As",
        items=(
            ("auto", "What Is Honest", "Shape keys if the vertices can follow, else meshes"),
            ("vertices", "Shape Keys", "One topology, even if faces flip"),
            ("meshes", "Meshes", "A mesh for each step"),
        ),
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, morph_problem(context.object, context.scene.levelform_show.other))

    def start(self, context: bpy.types.Context) -> Running:
        scene = context.scene
        return begin_morph(
            context.object,
            scene.levelform_show.other,
            self.steps,
            start=scene.frame_start,
            end=max(scene.frame_end, scene.frame_start + 1),
            way=self.way,
        )


class LEVELFORM_OT_mean(Starter, bpy.types.Operator):
    """Add the mean of the selected results, made by one method"""

    bl_idname = "levelform.mean"
    bl_label = "Mean of Selected"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        chosen = [o for o in context.selected_objects if provenance_of(o) is not None]
        return refuse(cls, busy() or ("" if len(chosen) > 1 else "Select two results or more."))

    def start(self, context: bpy.types.Context) -> Running:
        chosen = [o for o in context.selected_objects if provenance_of(o) is not None]
        keeps_of(chosen)
        return begin_blend(chosen, [1.0 / len(chosen)] * len(chosen), name="Mean")


class LEVELFORM_OT_animate_time(Reporter, bpy.types.Operator):
    """Add the moving shape of this result as an animated object; Blender waits for it"""

    bl_idname = "levelform.animate_time"
    bl_label = "Animate in Time"
    bl_options = {"REGISTER", "UNDO"}

    moments: IntProperty(name="Moments", default=17, min=2, max=500)
    every: IntProperty(name="Frames Each", default=2, min=1)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, show_problem(context.object))

    def run(self, context: bpy.types.Context) -> None:
        start = context.scene.frame_start
        animate(context.object, self.moments, start=start, every=self.every)


class LEVELFORM_OT_animate_images(Reporter, bpy.types.Operator):
    """Reconstruct each image of a folder, and add one object that plays them; Blender waits"""

    bl_idname = "levelform.animate_images"
    bl_label = "Animate Image Sequence"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    smooth: FloatProperty(
        name="Smooth", description="Standard deviation in frames; 0: none", min=0.0, max=100.0
    )
    resolution: IntProperty(name="Resolution", default=64, min=16, max=256)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, busy())

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the folder."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: bpy.types.Context) -> None:
        chosen = scene_settings(context.scene)
        api.animate_images(
            self.directory,
            smooth=self.smooth,
            start=context.scene.frame_start,
            resolution=self.resolution,
            method=chosen.method,
            weights=chosen.weights,
        )


CLASSES = (
    LEVELFORM_OT_animate_time,
    LEVELFORM_OT_animate_images,
    LEVELFORM_OT_blend,
    LEVELFORM_OT_refine_blend,
    LEVELFORM_OT_morph,
    LEVELFORM_OT_mean,
)
