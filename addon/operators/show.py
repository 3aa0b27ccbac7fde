"""Shows what is inside a result, steps through sequences, saves codes."""

from typing import Any

import bpy
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper

from ...backend.contract.errors import RequestError
from ..data.showing import begin_save_code, begin_show, show_problem, shows_of
from ..jobs.running import Running
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
        """Return what the show is."""
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
    """Write what the network knows of this object to a file, to blend it later"""

    bl_idname = "levelform.save_code"
    bl_label = "Save Code"
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


CLASSES = (LEVELFORM_OT_show, LEVELFORM_OT_save_code)
