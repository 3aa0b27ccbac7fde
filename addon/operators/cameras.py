"""Adds cameras from files, and assigns images to cameras by rendering or dropping."""

import bpy
from bpy.props import CollectionProperty, StringProperty
from bpy_extras.io_utils import ImportHelper

from .. import api
from ..jobs.results import estimated_camera
from ..scene import frames
from ..scene.cameras import source_remarks
from ..scene.views import chosen_cameras
from . import Reporter, refuse, tab_is_open


class LEVELFORM_OT_add_cameras(Reporter, ImportHelper, bpy.types.Operator):
    """Add a camera for each image in a file of cameras (transforms.json, COLMAP, Metashape and
    others), with the image as background"""

    bl_idname = "levelform.add_cameras"
    bl_label = "Add Cameras from File"
    bl_options = {"REGISTER", "UNDO"}

    filename_ext = ".json"
    filter_glob: StringProperty(default="*.json;*.xml;*.csv;*.bin;*.txt", options={"HIDDEN"})

    def run(self, context: bpy.types.Context) -> None:
        added = api.add_cameras(self.filepath)
        context.scene.levelform.source = "CAMERAS"
        self.report({"INFO"}, f"Added {len(added)} cameras")
        for remark in source_remarks(added):
            self.report({"WARNING"}, remark)


class LEVELFORM_OT_render_pictures(Reporter, bpy.types.Operator):
    """Render this scene over a transparent background, from every ticked camera without an image"""

    bl_idname = "levelform.render_pictures"
    bl_label = "Render Images"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, "" if chosen_cameras(context.scene) else "No camera is ticked.")

    def run(self, context: bpy.types.Context) -> None:
        rendered = api.render_pictures(context.scene)
        self.report({"INFO"}, f"Rendered {len(rendered)} images")


class LEVELFORM_OT_drop_images(Reporter, bpy.types.Operator):
    """Reconstruct from these images"""

    bl_idname = "levelform.drop_images"
    bl_label = "Levelform: Use Images"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})
    files: CollectionProperty(
        type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"}
    )

    def run(self, context: bpy.types.Context) -> None:
        paths = [bpy.path.native_pathsep(self.directory + file.name) for file in self.files]
        self.report({"INFO"}, api.use_images(paths, context))


class LEVELFORM_OT_use_frame(bpy.types.Operator):
    """Interpret the active camera's image in the frame that the viewport shows now"""

    bl_idname = "levelform.use_frame"
    bl_label = "Read Image as Shown Now"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        objects, index = context.scene.objects, context.scene.levelform.camera_index
        camera = objects[index] if 0 <= index < len(objects) else None
        if camera is None or camera.type != "CAMERA":
            self.report({"WARNING"}, "Select a camera in the list.")
            return {"CANCELLED"}
        frames.attach(camera, 0.0)
        frames.observe(context.scene, [camera])
        return {"FINISHED"}


class LEVELFORM_FH_images(bpy.types.FileHandler):
    """Handles images dropped on a viewport while the Levelform tab is open there.

    Elsewhere, dropping an image does what it does in Blender: adds a reference or background.
    """

    bl_idname = "LEVELFORM_FH_images"
    bl_label = "Levelform"
    bl_import_operator = "levelform.drop_images"
    bl_file_extensions = ".png;.jpg;.jpeg;.webp;.tif;.tiff;.exr"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and tab_is_open(context.area)


class LEVELFORM_OT_look_through(bpy.types.Operator):
    """Show the mesh over its image, through the camera that was estimated for it"""

    bl_idname = "levelform.look_through"
    bl_label = "Look Through Camera"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(
            cls, "" if estimated_camera(context.object) else "No camera was estimated for it."
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.camera = estimated_camera(context.object)
        space = context.space_data
        if isinstance(space, bpy.types.SpaceView3D) and space.region_3d is not None:
            space.region_3d.view_perspective = "CAMERA"
        return {"FINISHED"}


CLASSES = (
    LEVELFORM_OT_look_through,
    LEVELFORM_OT_add_cameras,
    LEVELFORM_OT_render_pictures,
    LEVELFORM_OT_drop_images,
    LEVELFORM_OT_use_frame,
    LEVELFORM_FH_images,
)
