"""Shows the inside of a result, steps through sequences, saves codes."""

from typing import Any

import bpy
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ...backend.contract.errors import RequestError
from ..data.saved import begin_open
from ..data.showing import begin_save_code, begin_show, show_problem, shows_of
from ..jobs.running import Running
from ..jobs.session import live
from ..scene.provenance import provenance_of
from . import Starter, refuse


class LEVELFORM_OT_show(Starter, bpy.types.Operator):
    """Show what is inside this result, beside it"""

    bl_idname = "levelform.show"
    bl_label = "Show"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when the job has finished

    what: StringProperty(name="What", description="Name of the show", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        """Return the description of the show."""
        specs = {spec.name: spec for spec in shows_of(context.object)}
        spec = specs.get(properties.what)
        return cls.bl_label if spec is None else f"{spec.help[:1].upper()}{spec.help[1:]}"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, show_problem(context.object))

    def start(self, context: bpy.types.Context) -> Running:
        settings = context.scene.levelform_show
        specs = {spec.name: spec for spec in shows_of(context.object)}
        spec = specs.get(self.what)
        names = {option.name for option in spec.options} if spec else set()
        given = {name: value for name, value in settings.given().items() if name in names}
        facts = provenance_of(context.object)
        resolution = int(facts.get("resolution", 128)) if facts else 128
        return begin_show(
            context.object, self.what, given, resolution=min(resolution, 256),
            seed=int(settings.seed),
        )  # fmt: skip


class LEVELFORM_OT_save_code(Starter, ExportHelper, bpy.types.Operator):
    """Write this result to a file, to blend it or to improve it further later"""

    bl_idname = "levelform.save_code"
    bl_label = "Save Result"
    bl_options = {"REGISTER"}

    filename_ext = ".safetensors"
    filter_glob: StringProperty(default="*.safetensors", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, show_problem(context.object))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask for the file."""
        return ExportHelper.invoke(self, context, event)

    def start(self, context: bpy.types.Context) -> Running:
        if not self.filepath:
            raise RequestError("No file is named.", "Choose where to save the code.")
        return begin_save_code(context.object, self.filepath)


class LEVELFORM_OT_open_result(Starter, ImportHelper, bpy.types.Operator):
    """Add a result that was saved to a file, to improve it further"""

    bl_idname = "levelform.open_result"
    bl_label = "Open Saved Result"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when the job has finished

    filename_ext = ".safetensors"
    filter_glob: StringProperty(default="*.safetensors", options={"HIDDEN"})

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, "Wait for the running job, or cancel it (Esc)." if live.running else "")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask for the file."""
        return ImportHelper.invoke(self, context, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Begin the job, and leave it to the timer in a window."""
        work = self.run if bpy.app.background else self._start_and_wake
        return self._attempt(work, context)

    def start(self, context: bpy.types.Context) -> Running:
        return begin_open(self.filepath, resolution=context.scene.levelform.resolution)


CLASSES = (LEVELFORM_OT_show, LEVELFORM_OT_save_code, LEVELFORM_OT_open_result)
