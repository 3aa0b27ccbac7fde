"""Settings of shows and blends, on the scene; the slider of sequences, on objects."""

from typing import Any

import bpy
from bpy.props import (
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...backend.contract.errors import LevelformError
from ..data.blending import FACTORS, LIVE_RESOLUTION, begin_move, ends_of
from ..jobs.session import live
from ..scene.provenance import provenance_of
from ..scene.sequences import length_of, show_step

SETTLE = 0.15  # seconds between two looks at whether a moved factor still waits

_wanted: dict[int, float] = {}  # factor by the object's session_uid, waiting for the running job


def _show(target: bpy.types.Object, _context: bpy.types.Context) -> None:
    """Show the step that the artist moved the slider to, at most the last one."""
    last = max(length_of(target) - 1, 0)
    if target.levelform_step > last:
        target.levelform_step = last  # calls this function again
        return
    show_step(target, target.levelform_step)


def _move(target: bpy.types.Object, _context: bpy.types.Context) -> None:
    """Mesh the blend at the moved factor, as soon as nothing else runs."""
    if not ends_of(target):
        return
    _wanted[target.session_uid] = target.levelform_factor
    if not bpy.app.timers.is_registered(_settle):
        bpy.app.timers.register(_settle, first_interval=0.0)


def _settle() -> float | None:
    """Begin the newest wanted factor; return when to look again, None when nothing waits."""
    if not _wanted:
        return None
    if live.running is not None:
        return SETTLE
    uid, factor = _wanted.popitem()
    target = next((o for o in bpy.data.objects if o.session_uid == uid), None)
    if target is not None:
        try:
            begin_move(target, factor, LIVE_RESOLUTION)
            live.wake()
        except LevelformError as error:
            live.failure = error
    return SETTLE


def _is_result(_self: Any, target: bpy.types.Object) -> bool:
    return provenance_of(target) is not None


class LevelformShow(bpy.types.PropertyGroup):
    """Options of shows, and what to blend with."""

    other: PointerProperty(
        name="With",
        description="The result to blend with, made by the same method and weights",
        type=bpy.types.Object,
        poll=_is_result,
    )
    levels: StringProperty(
        name="Levels", description="Levels of the row, with commas between; empty: the method's"
    )
    samples: IntProperty(
        name="Points", description="Points of each patch", default=50, min=1, max=5000
    )
    lattice: IntProperty(
        name="Lattice", description="Vertices along a patch's side", default=8, min=2, max=64
    )
    label: EnumProperty(
        name="Delete",
        items=(
            ("inside", "Inside", "Delete points inside"),
            ("outside", "Outside", "Delete points outside"),
        ),
    )
    steps: IntProperty(
        name="Deletions", description="Number of points to delete", default=10, min=1, max=200
    )
    size: IntProperty(name="Pixels", description="Side of images", default=128, min=16, max=512)
    azimuth: FloatProperty(
        name="Azimuth", description="Degrees, of a view without a camera", default=30.0
    )
    elevation: FloatProperty(
        name="Elevation", description="Degrees", default=20.0, min=-89.0, max=89.0
    )
    seed: IntProperty(name="Seed", description="The same seed gives the same random numbers", min=0)

    def given(self) -> dict[str, Any]:
        """Return the options by the names of `ShowSpec`s."""
        names = ("levels", "samples", "lattice", "label", "steps", "size", "azimuth", "elevation")
        return {name: getattr(self, name) for name in names}


CLASSES = (LevelformShow,)


def register() -> None:
    """Add the settings to scenes, the sliders to objects."""
    bpy.types.Scene.levelform_show = PointerProperty(type=LevelformShow)
    bpy.types.Object.levelform_step = IntProperty(
        name="Step",
        description="Which mesh of the sequence is shown",
        min=0,
        options={"ANIMATABLE", "LIBRARY_EDITABLE"},
        override={"LIBRARY_OVERRIDABLE"},
        update=_show,
    )
    bpy.types.Camera.levelform_depth = StringProperty(
        name="Depth Map",
        description="Depth along the camera's axis of the whole image, which UCLID-Net takes "
        "instead of its estimate: .exr and .npy in the scene's units, or whole numbers (.png)",
        subtype="FILE_PATH",
    )
    bpy.types.Camera.levelform_depth_scale = FloatProperty(
        name="Unit",
        description="Scene units of a depth of 1 in a file of whole numbers; 0.001: millimeters",
        default=0.001,
        min=1e-6,
        max=1e6,
    )
    bpy.types.Object.levelform_factor = FloatProperty(
        name="Factor",
        description="0 is the first result, 1 the second",
        default=0.5,
        min=FACTORS[0],
        max=FACTORS[1],
        options=set(),  # the backend meshes it; "Keyframe Morph" makes an animation
        update=_move,
    )


def unregister() -> None:
    """Remove them."""
    if bpy.app.timers.is_registered(_settle):
        bpy.app.timers.unregister(_settle)
    del bpy.types.Camera.levelform_depth_scale
    del bpy.types.Camera.levelform_depth
    del bpy.types.Object.levelform_factor
    del bpy.types.Object.levelform_step
    del bpy.types.Scene.levelform_show
