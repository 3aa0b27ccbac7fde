"""Where an artist begins: the sample, images or cameras from files, and the documentation."""

from pathlib import Path

import bpy
from bpy.props import BoolProperty, CollectionProperty, StringProperty
from bpy_extras.io_utils import ImportHelper

from ...backend.contract.image_files import SUFFIXES
from .. import api
from ..backend_setup import interpreter
from ..jobs.requests import order_of
from ..jobs.session import live
from ..scene import sample
from ..scene.scene_source import scene_cameras_of
from . import ReportingOperator, refuse


class LEVELFORM_OT_open_sample(ReportingOperator, bpy.types.Operator):
    """Open the bundled sample: eight cameras with images of a head, ready to reconstruct. If this
    file has unsaved changes, Blender asks first"""

    bl_idname = "levelform.open_sample"
    bl_label = "Open Sample"

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask about unsaved changes, and open it."""
        return self._attempt(self._open, context)

    def run(self, context: bpy.types.Context) -> None:
        self._open(context, words="EXEC_DEFAULT")

    def _open(self, _context: bpy.types.Context, words: str = "INVOKE_DEFAULT") -> None:
        file = sample.copied(Path(interpreter.user_folder()) / "samples")
        bpy.ops.wm.open_mainfile(
            words, filepath=str(file), load_ui=False, display_file_selector=False
        )


class LEVELFORM_OT_start_from_images(ReportingOperator, ImportHelper, bpy.types.Operator):
    """Choose one image of an object, or an image for each camera of the scene, and reconstruct"""

    bl_idname = "levelform.start_from_images"
    bl_label = "Mesh from Images"
    bl_options = {"REGISTER", "UNDO"}

    filter_glob: StringProperty(
        default=";".join(f"*{suffix}" for suffix in SUFFIXES), options={"HIDDEN"}
    )
    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})
    files: CollectionProperty(
        type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"}
    )
    begin: BoolProperty(
        name="Reconstruct at Once",
        description="Begin to reconstruct as soon as the images are chosen",
        default=True,
    )

    def run(self, context: bpy.types.Context) -> None:
        paths = [str(Path(self.directory) / file.name) for file in self.files if file.name]
        self.report({"INFO"}, api.use_images(paths or [self.filepath], context))
        if self.begin and not bpy.app.background:
            order = order_of(context.scene)
            live.enqueue(order.name, order.begin)
            live.wake()


class LEVELFORM_OT_open_docs(bpy.types.Operator):
    """Open the help page that comes with the extension in a web browser"""

    bl_idname = "levelform.open_docs"
    bl_label = "Documentation"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        bpy.ops.wm.url_open(url=docs_page().as_uri())
        return {"FINISHED"}


class LEVELFORM_OT_tick_cameras(bpy.types.Operator):
    """Use every camera that has an image"""

    bl_idname = "levelform.tick_cameras"
    bl_label = "Use All Cameras"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, "" if scene_cameras_of(context.scene) else "This scene has no cameras.")

    def execute(self, context: bpy.types.Context) -> set[str]:
        for camera in scene_cameras_of(context.scene):
            camera.levelform_camera.use = True
        return {"FINISHED"}


def docs_page() -> Path:
    """Return the help page that comes with the extension."""
    return Path(__file__).resolve().parents[2] / "assets" / "help" / "index.html"


CLASSES = (
    LEVELFORM_OT_open_sample,
    LEVELFORM_OT_start_from_images,
    LEVELFORM_OT_open_docs,
    LEVELFORM_OT_tick_cameras,
)
