"""Cameras for drawings and photographs, and rings of cameras."""

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    StringProperty,
)

from ...backend.contract.photographs import FRAMES
from .. import api
from ..jobs.camera_previews import begin_pieces
from ..jobs.camera_sources import (
    begin_again,
    begin_drawings,
    begin_photographs,
)
from ..jobs.running import Running
from ..jobs.session import busy
from ..scene import drawings as scene_drawings
from ..scene.wording import told
from . import ReportingOperator, Starter, refuse
from .files import IMAGES, VIDEOS, FromFiles


class LEVELFORM_OT_drawings(FromFiles, bpy.types.Operator):
    """Cut a sheet of drawings (front, side, back, top) into its pieces, or choose an image for each
    side; each gets an orthographic camera"""

    bl_idname = "levelform.drawings"
    bl_label = "Cameras of Drawings"
    bl_options = {"REGISTER"}

    filter_glob: StringProperty(default=IMAGES, options={"HIDDEN"})
    preview: BoolProperty(
        name="Show Pieces First",
        description="Show each drawing with its side before cameras are made",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser, which calls `execute`."""
        self.preview = True
        return super().invoke(context, event)

    def start(self, context: bpy.types.Context) -> Running:
        scene = context.scene
        paths = self.paths()
        if self.preview:
            return begin_pieces(paths, scene)
        known = paths == scene_drawings.paths_of(scene)
        replaced = scene_drawings.cameras_of(scene) if known else ()
        return begin_drawings(paths, scene, replaced=replaced)


class LEVELFORM_OT_drawings_again(Starter, bpy.types.Operator):
    """Make the cameras again with the sides that are set in the list"""

    bl_idname = "levelform.drawings_again"
    bl_label = "Update Cameras"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        known = scene_drawings.paths_of(context.scene)
        return refuse(cls, busy() or ("" if known else "Choose a sheet of drawings first."))

    def start(self, context: bpy.types.Context) -> Running:
        return begin_again(context.scene)


class LEVELFORM_OT_photographs(FromFiles, bpy.types.Operator):
    """Find the cameras of photographs with texture, taken in small steps around an object: choose
    a folder, a video, or the images. Needs the camera finder (pycolmap) in the backend"""

    bl_idname = "levelform.photographs"
    bl_label = "Find Cameras from Photographs"
    bl_options = {"REGISTER"}

    filter_glob: StringProperty(default=f"{IMAGES};{VIDEOS}", options={"HIDDEN"})
    masks: EnumProperty(
        name="Masks",
        description="Whether what masks hide is ignored",
        items=(
            ("auto", "Automatic", "Only where the cameras can't be found without"),
            ("use", "Use", "The background does not move with the object, as on a turntable"),
            ("ignore", "Ignore", "Look at the surroundings, too"),
        ),
    )
    distortion: BoolProperty(
        name="Lens Distortion",
        description="Find and undo the lens distortion; off for renders",
        default=True,
    )
    side: FloatProperty(
        name="Object Size",
        description="The object's longest side",
        default=1.8,
        min=1e-6,
        subtype="DISTANCE",
        unit="LENGTH",
    )
    frames: IntProperty(
        name="Frames", description="How many frames of a video are taken", default=FRAMES, min=3
    )

    def start(self, context: bpy.types.Context) -> Running:
        return begin_photographs(
            self.paths(),
            context.scene,
            masks=self.masks,
            distortion=self.distortion,
            side=self.side,
            frames=self.frames,
        )


class LEVELFORM_OT_camera_ring(ReportingOperator, bpy.types.Operator):
    """Add cameras in equal steps around the volume, to hang images on"""

    bl_idname = "levelform.camera_ring"
    bl_label = "Ring of Cameras"
    bl_options = {"REGISTER", "UNDO"}

    count: IntProperty(
        name="Cameras", description="Number of cameras in the ring", default=8, min=1, max=360
    )
    elevation: FloatProperty(
        name="Elevation", description="Degrees above the ground", default=15.0, min=-89.0, max=89.0
    )
    lens: FloatProperty(
        name="Focal Length",
        description="Millimeters, of a sensor 36 mm wide",
        default=50.0,
        min=2.0,
        max=3600.0,
    )

    def run(self, context: bpy.types.Context) -> None:
        added = api.add_camera_ring(self.count, elevation=self.elevation, lens=self.lens)
        for thing in context.selected_objects:
            thing.select_set(False)
        for camera in added:  # dropped images go to selected cameras
            camera.select_set(True)
        self.report({"INFO"}, told("Added {} cameras", len(added)))


CLASSES = (
    LEVELFORM_OT_drawings,
    LEVELFORM_OT_drawings_again,
    LEVELFORM_OT_photographs,
    LEVELFORM_OT_camera_ring,
)
