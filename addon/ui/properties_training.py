"""What the panel remembers of training; stored on the scene."""

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from ..jobs import session
from ..jobs.requests import DEFAULT_METHOD
from . import choices

OWN = "levelform"
# What can be trained before the backend has said so.
_KNOWN = ((OWN, "Levelform", "Our own method"),)
_items: list[tuple[str, str, str, int]] = []


def _methods(settings: "LevelformTraining", _context: bpy.types.Context | None) -> list:
    """List the networks that the worker knows; always with the chosen one."""
    listed = [(m.name, m.title, m.summary) for m in session.methods() if m.name != DEFAULT_METHOD]
    return choices.keep_methods(_items, listed or _KNOWN, settings.method)


def _get_method(settings: "LevelformTraining") -> int:
    return next(i for name, _, _, i in _methods(settings, None) if name == settings.method)


def _set_method(settings: "LevelformTraining", index: int) -> None:
    settings.method = _methods(settings, None)[index][0]


class LevelformTraining(bpy.types.PropertyGroup):
    """What to train, and on what."""

    method: StringProperty(name="Method", description="Name of the method", default=OWN)
    method_choice: EnumProperty(
        name="Method",
        description="What learns",
        items=_methods,
        get=_get_method,
        set=_set_method,
        options={"SKIP_SAVE"},
    )
    part: EnumProperty(
        name="Network",
        items=(
            ("MAIN", "Reconstruction", "What turns images into a shape; comes first"),
            ("CAMERA", "Camera", "What finds the camera of an image that has none"),
            ("DEPTH", "Depth", "What finds the depth of an image (UCLID-Net)"),
        ),
    )
    data: StringProperty(
        name="Data",
        description="Folder of a data set; several are separated by semicolons",
        subtype="DIR_PATH",
    )
    out: StringProperty(
        name="Output",
        description="Folder of the run; one that was stopped there goes on",
        subtype="DIR_PATH",
    )
    start: StringProperty(
        name="Start From",
        description="Weights to begin with; a camera or depth network is added to them",
        subtype="FILE_PATH",
    )
    steps: IntProperty(
        name="Steps", description="Length of the run; 0 takes the method's own", min=0
    )
    seed: IntProperty(name="Seed", description="The same seed learns the same", min=0)
    preview: BoolProperty(
        name="Preview",
        description="Show the mesh of an object that it does not learn from, as it gets better",
        default=True,
    )


CLASSES = (LevelformTraining,)


def register() -> None:
    """Give every scene its settings."""
    bpy.types.Scene.levelform_training = PointerProperty(type=LevelformTraining)


def unregister() -> None:
    """Take them back."""
    del bpy.types.Scene.levelform_training
