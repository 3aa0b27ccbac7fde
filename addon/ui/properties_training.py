"""The panel's settings for training; stored on the scene."""

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from ...backend.contract.catalogue import ENTRIES
from ...backend.contract.weights import PUBLISHED
from ..jobs.session import live
from . import choices

OWN = "levelform"
# The networks before the backend has reported its own.
_KNOWN = tuple((e.name, e.title, e.summary) for e in ENTRIES if e.needs_weights)
_TOO_LARGE = frozenset(PUBLISHED)  # to be trained here
_items: list[tuple[str, str, str, int]] = []


def _methods(settings: "LevelformTraining", _context: bpy.types.Context | None) -> list:
    """List the worker's networks, always with the chosen one."""
    listed = [(m.name, m.title, m.summary) for m in live.methods if m.needs_weights]
    trained = [item for item in listed or _KNOWN if item[0] not in _TOO_LARGE]
    return choices.keep_methods(_items, trained, settings.method)


def _get_method(settings: "LevelformTraining") -> int:
    return next(i for name, _, _, i in _methods(settings, None) if name == settings.method)


def _set_method(settings: "LevelformTraining", index: int) -> None:
    settings.method = _methods(settings, None)[index][0]


class LevelformTraining(bpy.types.PropertyGroup):
    """What to train, and its data."""

    method: StringProperty(name="Method", description="Name of the method", default=OWN)
    method_choice: EnumProperty(
        name="Method",
        description="The network to train",
        items=_methods,
        get=_get_method,
        set=_set_method,
        options={"SKIP_SAVE"},
    )
    part: EnumProperty(
        name="Network",
        items=(
            ("MAIN", "Reconstruction", "Reconstructs a shape from images; train it first"),
            ("CAMERA", "Camera", "Estimates the camera of an image without one"),
            ("DEPTH", "Depth", "Estimates the depth of an image (UCLID-Net)"),
        ),
    )
    data: StringProperty(
        name="Data",
        description="Folder of a data set; several are separated by semicolons",
        subtype="DIR_PATH",
    )
    out: StringProperty(
        name="Output",
        description="Folder of the run; a stopped run in it is continued",
        subtype="DIR_PATH",
    )
    start: StringProperty(
        name="Start From",
        description="Initial weights; a camera or depth network is added to them. If empty, those "
        "that come with the method, which a few thousand steps adapt to your shapes",
        subtype="FILE_PATH",
    )
    fresh: BoolProperty(
        name="From Scratch",
        description="Start from random weights instead; needs many shapes and ten times the steps",
    )
    steps: IntProperty(
        name="Steps",
        description="Length of the run; 0: the method's own for training from scratch, which "
        "takes hours",
        default=2000,
        min=0,
        soft_max=20_000,
    )
    seed: IntProperty(name="Seed", description="The same seed gives the same training", min=0)
    preview: BoolProperty(
        name="Preview",
        description="Show the mesh of an object outside the training data as it improves",
        default=True,
    )


CLASSES = (LevelformTraining,)


def register() -> None:
    """Add the settings to scenes."""
    bpy.types.Scene.levelform_training = PointerProperty(type=LevelformTraining)


def unregister() -> None:
    """Remove them."""
    del bpy.types.Scene.levelform_training
