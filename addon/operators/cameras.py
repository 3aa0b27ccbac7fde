"""Adds cameras from files, and assigns images to cameras by rendering or dropping."""

import contextlib

import bpy
from bpy.props import BoolProperty, CollectionProperty, StringProperty
from bpy_extras.io_utils import ImportHelper

from ...backend.contract.drawings import name_in_file
from ...backend.contract.errors import LevelformError
from .. import api
from ..data.rendering import rendering
from ..jobs.camera_sources import begin_drawings
from ..jobs.masks import begin_masks
from ..jobs.results import estimated_camera
from ..jobs.session import exhaust, live
from ..jobs.stage import bare_cameras, render_files
from ..scene import frames, looking
from ..scene.cameras import source_remarks
from ..scene.views import chosen_cameras
from ..scene.wording import sentence, told
from . import ReportingOperator, refuse, tab_is_open

SHOWN_PAIRS = 12  # of a drop's dialog
# The operators that make cameras for images without one, if registered.
CAMERA_MAKERS = (
    "levelform.camera_ring",
    "levelform.drawings",
    "levelform.photographs",
    "levelform.find_cameras",
    "levelform.add_cameras",
)


class LEVELFORM_OT_add_cameras(ReportingOperator, ImportHelper, bpy.types.Operator):
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
        self.report({"INFO"}, told("Added {} cameras", len(added)))
        for remark in source_remarks(added):
            self.report({"WARNING"}, remark)


class LEVELFORM_OT_render_pictures(ReportingOperator, bpy.types.Operator):
    """Render this scene over a transparent background, from every ticked camera without an image"""

    bl_idname = "levelform.render_pictures"
    bl_label = "Render Images"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when all images are there

    depth: BoolProperty(
        name="With Depth",
        description="Render to OpenEXR files beside the .blend, with a Z pass that UCLID-Net takes "
        "instead of its estimate",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if rendering.running:
            return refuse(cls, "Blender is rendering.")
        return refuse(cls, "" if chosen_cameras(context.scene) else "No camera is ticked.")

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Begin the first render, and leave the rest to a timer."""
        return self._attempt(self.run if bpy.app.background else self._begin, context)

    def _begin(self, context: bpy.types.Context) -> None:
        bare = bare_cameras(context.scene)
        rendering.begin(context.scene, bare, render_files(bare) if self.depth else ())
        rendering.wake()

    def run(self, context: bpy.types.Context) -> None:
        rendered = api.render_pictures(context.scene, depth=self.depth)
        self.report({"INFO"}, told("Rendered {} images", len(rendered)))


class LEVELFORM_OT_drop_images(ReportingOperator, bpy.types.Operator):
    """Reconstruct from these images"""

    bl_idname = "levelform.drop_images"
    bl_label = "Levelform: Use Images"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})
    files: CollectionProperty(
        type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"}
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Show which camera would get which image, and what else could be done with them."""
        if len(self.files) < 2:
            return self.execute(context)
        return context.window_manager.invoke_props_dialog(self, width=360)

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the pairs; without enough cameras, the ways to get some."""
        column = self.layout.column(align=True)
        pairs, problem = api.planned_pairs(self._paths(), context)
        for camera, image in pairs[:SHOWN_PAIRS]:
            row = column.row()
            row.label(text=camera, icon="CAMERA_DATA")
            row.label(text=image, icon="IMAGE_DATA")
        if len(pairs) > SHOWN_PAIRS:
            column.label(text=told("and {} more pairs", len(pairs) - SHOWN_PAIRS), icon="BLANK1")
        if not problem:
            return
        if are_drawings(self._paths(), context):
            column.label(text="Each names a side: it gets an orthographic camera", icon="INFO")
            return
        column.label(text=sentence(problem.message), icon="INFO")
        column.label(text="Make cameras first, then drop the images once more:")
        for operator in CAMERA_MAKERS:
            category, name = operator.split(".")
            if name in dir(getattr(bpy.ops, category)):
                column.operator(operator)

    def run(self, context: bpy.types.Context) -> None:
        paths = self._paths()
        if are_drawings(paths, context):
            self.report({"INFO"}, "Placing cameras for the drawings")
            running = begin_drawings(paths, context.scene)
            if bpy.app.background:
                exhaust(live.drive(running))
            live.wake()
            return
        self.report({"INFO"}, api.use_images(paths, context))
        if not bpy.app.background:
            show_mask_at_once(context)

    def _paths(self) -> list[str]:
        return [bpy.path.native_pathsep(self.directory + file.name) for file in self.files]


def show_mask_at_once(context: bpy.types.Context) -> None:
    """Show the mask of a dropped image, if the backend is ready."""
    settings = context.scene.levelform
    if settings.source != "IMAGE" or settings.image is None or live.running is not None:
        return
    with contextlib.suppress(LevelformError):  # reported by the next job
        begin_masks(context)
        live.wake()


def are_drawings(paths: list[str], context: bpy.types.Context) -> bool:
    """Return whether each of several images names another side, and no cameras wait for them."""
    names = [name_in_file(path) for path in paths]
    if len(names) < 2 or not all(names) or len(set(names)) < len(names):
        return False
    return api.planned_pairs(paths, context)[1] is not None


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
    """Look through this camera at its image and the mesh, with the image's render size until the
    view leaves the camera. Pressed again, it leaves it"""

    bl_idname = "levelform.look_through"
    bl_label = "Look Through Camera"
    bl_options = {"REGISTER", "UNDO"}

    camera: StringProperty(
        name="Camera",
        description="Its name; empty: the camera estimated for the selected mesh",
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene, space = context.scene, context.space_data
        camera = scene.objects.get(self.camera) or estimated_camera(context.object)
        if camera is None or camera.type != "CAMERA":
            self.report({"ERROR"}, "No camera was estimated for it.")
            return {"CANCELLED"}
        space = space if isinstance(space, bpy.types.SpaceView3D) else None
        if looking.is_looking(scene) == camera.name:
            looking.leave(scene, space)
        else:
            looking.look_through(camera, scene, space)
        return {"FINISHED"}


CLASSES = (
    LEVELFORM_OT_look_through,
    LEVELFORM_OT_add_cameras,
    LEVELFORM_OT_render_pictures,
    LEVELFORM_OT_drop_images,
    LEVELFORM_OT_use_frame,
    LEVELFORM_FH_images,
)
