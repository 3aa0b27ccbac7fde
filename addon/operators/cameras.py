"""Adds cameras from files, and assigns images to cameras by rendering or dropping."""

import bpy
from bpy.props import CollectionProperty, StringProperty
from bpy_extras.io_utils import ImportHelper

from ...backend.contract.drawings import name_in_file
from .. import api
from ..jobs.camera_sources import begin_drawings
from ..jobs.results import estimated_camera
from ..jobs.session import exhaust, live
from ..scene import frames
from ..scene.cameras import source_remarks
from ..scene.views import chosen_cameras
from . import Reporter, refuse


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
        if are_drawings(paths):
            self.report({"INFO"}, "Placing cameras for the drawings")
            running = begin_drawings(paths, context.scene)
            if bpy.app.background:
                exhaust(live.drive(running))
            live.wake()
            return
        self.report({"INFO"}, api.use_images(paths, context))


def are_drawings(paths: list[str]) -> bool:
    """Return whether each of several images names another side of an object."""
    names = [name_in_file(path) for path in paths]
    return len(names) > 1 and all(names) and len(set(names)) == len(names)


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
    """Handles images dropped on a viewport while the Levelform tab is open there."""

    bl_idname = "LEVELFORM_FH_images"
    bl_label = "Levelform"
    bl_import_operator = "levelform.drop_images"
    bl_file_extensions = ".png;.jpg;.jpeg;.webp;.tif;.tiff;.exr"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and tab_is_open(context.area)


def tab_is_open(area: bpy.types.Area) -> bool:
    """Return whether a viewport's sidebar shows the Levelform tab.

    Elsewhere, dropping an image does what it does in Blender: adds a reference or background.
    """
    if area.type != "VIEW_3D" or not area.spaces.active.show_region_ui:
        return False
    sidebars = (region for region in area.regions if region.type == "UI")
    return any(region.active_panel_category == "Levelform" for region in sidebars)


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
