"""Blends results: a live factor, keyframed morphs, the mean of the selected."""

from collections.abc import Sequence
from dataclasses import replace

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty, StringProperty

from ...backend.contract.errors import RequestError
from ..data.blending import (
    FACTORS,
    LIVE_RESOLUTION,
    begin_blend,
    begin_live,
    begin_move,
    ends_of,
    keeps_of,
    morph_problem,
)
from ..data.frames import image_steps, images_of
from ..data.morphing import animation_steps, begin_morph, moments_of, time_problem, weights_for
from ..data.series import Steps, finished, series, ticker
from ..jobs.requests import begin, scene_settings
from ..jobs.results import Handle, on_ground
from ..jobs.running import Running
from ..jobs.session import busy, live
from ..scene.provenance import provenance_of
from ..scene.views import ImageLike, given_source
from . import ReportingOperator, Starter, refuse


class LEVELFORM_OT_blend(Starter, bpy.types.Operator):
    """Add the object between this result and another one; its factor can be moved afterwards"""

    bl_idname = "levelform.blend"
    bl_label = "Blend With"
    bl_options = {"REGISTER"}

    factor: FloatProperty(
        name="Factor",
        description="0 is the first result, 1 the second",
        default=0.5,
        min=FACTORS[0],
        max=FACTORS[1],
    )

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

    steps: IntProperty(
        name="Steps",
        description="Meshes from one to the other",
        default=9,
        min=2,
        max=200,
    )
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


class LEVELFORM_OT_animate_time(ReportingOperator, bpy.types.Operator):
    """Add the moving shape of this result as an animated object"""

    bl_idname = "levelform.animate_time"
    bl_label = "Animate in Time"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when all jobs have finished

    moments: IntProperty(
        name="Moments", description="Number of meshes, evenly in time", default=17, min=2, max=500
    )
    every: IntProperty(
        name="Frames Each", description="Frames that a mesh is shown for", default=2, min=1
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, time_problem(context.object))

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Begin, and leave the rest to a timer."""
        return self._attempt(self._begin, context)

    def run(self, context: bpy.types.Context) -> None:
        finished(self._steps(context))

    def _begin(self, context: bpy.types.Context) -> None:
        pattern = "Moment {} of {}"
        series.begin(self._steps(context), self.moments, pattern)
        live.wake()
        ticker.wake()

    def _steps(self, context: bpy.types.Context) -> Steps:
        return animation_steps(
            context.object, moments_of(self.moments), start=context.scene.frame_start,
            every=self.every, resolution=LIVE_RESOLUTION,
            weights_file=weights_for(context.scene, context.object),
        )  # fmt: skip


class LEVELFORM_OT_animate_images(ReportingOperator, bpy.types.Operator):
    """Reconstruct each image of a folder, and add one object that plays them"""

    bl_idname = "levelform.animate_images"
    bl_label = "Animate Image Sequence"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when all jobs have finished

    directory: StringProperty(
        name="Folder", description="Its images, in order", subtype="DIR_PATH", options={"SKIP_SAVE"}
    )
    smooth: FloatProperty(
        name="Smooth", description="Standard deviation in frames; 0: none", min=0.0, max=100.0
    )
    resolution: IntProperty(
        name="Resolution",
        description="Cells along the longest side of the volume",
        default=64,
        min=16,
        max=256,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, busy())

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the folder."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Begin, and leave the rest to a timer in a window."""
        return self._attempt(self.run if bpy.app.background else self._begin, context)

    def run(self, context: bpy.types.Context) -> None:
        images = images_of(self.directory)
        finished(steps_of_images(context.scene, images, self.resolution, self.smooth))

    def _begin(self, context: bpy.types.Context) -> None:
        images = images_of(self.directory)
        count = len(images) * (2 if self.smooth else 1)
        steps = steps_of_images(context.scene, images, self.resolution, self.smooth)
        series.begin(steps, count, "Step {} of {}")
        live.wake()
        ticker.wake()


def steps_of_images(
    scene: bpy.types.Scene, images: Sequence[ImageLike], resolution: int, smooth: float
) -> Steps:
    """Return the steps of an animation by the panel's settings; no operator lives as long."""
    settings = replace(scene_settings(scene), cures=(), resolution=resolution)
    handle = Handle.of(scene)

    def reconstruct(image: ImageLike, name: str) -> Running:
        there = handle.find(bpy.data.scenes)
        if there is None:
            raise RequestError(f"The scene {handle.name} is gone.", "Animate the images again.")
        source = given_source([image], None, there)
        return begin(source, settings, name=name, arrange=lambda _: None)

    def mean(near: Sequence[bpy.types.Object], weights: Sequence[float]) -> Running:
        return begin_blend(near, weights, resolution=resolution)

    start = scene.frame_start
    return image_steps(reconstruct, mean, images, smooth=smooth, start=start, arrange=on_ground)


CLASSES = (
    LEVELFORM_OT_animate_time,
    LEVELFORM_OT_animate_images,
    LEVELFORM_OT_blend,
    LEVELFORM_OT_refine_blend,
    LEVELFORM_OT_morph,
    LEVELFORM_OT_mean,
)
