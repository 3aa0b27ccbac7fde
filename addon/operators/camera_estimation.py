"""Refines the scene's cameras, and finds cameras for images of a turntable or a walk."""

import bpy
from bpy.props import BoolProperty, StringProperty

from .. import api
from ..jobs.camera_estimates import begin_find, begin_refine
from ..jobs.camera_previews import begin_masks_of
from ..jobs.requests import source_problem
from ..jobs.running import Running
from ..jobs.session import busy
from ..scene import camera_estimates
from ..scene.around import CameraSearch
from ..scene.wording import told
from . import ReportingOperator, Starter, refuse
from .files import IMAGES, FromFiles


class LEVELFORM_OT_refine_cameras(Starter, bpy.types.Operator):
    """Move the ticked cameras until their silhouettes agree; their old values are kept"""

    bl_idname = "levelform.refine_cameras"
    bl_label = "Refine Cameras"
    bl_options = {"REGISTER"}

    focal: BoolProperty(
        name="Focal Length",
        description="Find a factor of all focal lengths too",
        default=True,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        scene = context.scene
        if scene.levelform.source != "CAMERAS":
            return refuse(cls, "Only the scene's cameras can be refined.")
        return refuse(cls, source_problem(scene))

    def start(self, context: bpy.types.Context) -> Running:
        scene = context.scene
        return begin_refine(scene, cures=tuple(scene.levelform.cures.split()), focal=self.focal)


class LEVELFORM_OT_restore_cameras(ReportingOperator, bpy.types.Operator):
    """Give the refined cameras back the pose and lens that they had before"""

    bl_idname = "levelform.restore_cameras"
    bl_label = "Restore Cameras"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        refined = camera_estimates.refined_cameras(context.scene)
        return refuse(cls, busy() or ("" if refined else "No camera was refined."))

    def run(self, context: bpy.types.Context) -> None:
        restored = api.restore_cameras(context.scene)
        self.report({"INFO"}, told("Restored {} cameras", len(restored)))


class LEVELFORM_OT_find_cameras(CameraSearch, FromFiles, bpy.types.Operator):
    """Choose the images of an object from all around; a camera is added for each, with its image
    as background"""

    bl_idname = "levelform.find_cameras"
    bl_label = "Find Cameras"
    bl_options = {"REGISTER"}

    filter_glob: StringProperty(default=IMAGES, options={"HIDDEN"})
    preview: BoolProperty(
        name="Show Masks First",
        description="Show what is taken for the object in each image before cameras are found",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser, which calls `execute`."""
        self.preview = True
        return super().invoke(context, event)

    def start(self, context: bpy.types.Context) -> Running:
        if self.preview:
            return self._shown(context.scene, self.paths())
        return begin_find(self.paths(), context.scene, self.way, **self.settings())

    def _shown(self, scene: bpy.types.Scene, paths: list[str]) -> Running:
        """Begin to show the masks; the panel keeps what was chosen here."""
        running = begin_masks_of(paths, scene)
        for name in ("way", "step", "focal", "side"):
            setattr(scene.levelform_around, name, getattr(self, name))
        return running


CLASSES = (LEVELFORM_OT_refine_cameras, LEVELFORM_OT_restore_cameras, LEVELFORM_OT_find_cameras)
