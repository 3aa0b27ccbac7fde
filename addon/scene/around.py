"""Images shown with their masks before their cameras are estimated."""

from collections.abc import Sequence
from typing import Any

import bpy
from bpy.props import (
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    PointerProperty,
    StringProperty,
)

from ...backend.contract.protocol import ViewMask
from . import masks

SHOWN = ".levelform view"  # images with outlines, hidden from lists
WAYS = (
    ("turntable", "On a Turntable", "The object turned by equal steps before one camera"),
    ("walk", "Walking Around", "By hand, walking once around the object"),
)


class LevelformAroundImage(bpy.types.PropertyGroup):
    """One image, and its mask."""

    path: StringProperty(options={"HIDDEN"})
    doubt: StringProperty(description="Why its mask may be wrong", options={"HIDDEN"})
    shown: PointerProperty(type=bpy.types.Image, options={"HIDDEN"})


class CameraSearch:
    """How images were taken, for the file browser and for the panel that shows their masks."""

    way: EnumProperty(name="Taken", description="How the images were taken", items=WAYS)
    step: FloatProperty(
        name="Step",
        description="Degrees between two images of a turntable; 0: they go once around",
        min=0.0,
        max=180.0,
    )
    focal: FloatProperty(
        name="Focal Length",
        description="In widths of the image; 0: from the file, else it is found",
        min=0.0,
        max=100.0,
    )
    side: FloatProperty(
        name="Object Size",
        description="The object's longest side; 0: that of the volume, else 2 m",
        min=0.0,
        subtype="DISTANCE",
        unit="LENGTH",
    )

    def settings(self) -> dict[str, Any]:
        """Return the settings by name, as `begin_find` takes them; None: not given."""
        step = self.step if self.way == "turntable" else 0.0
        return {"step": step or None, "focal": self.focal or None, "side": self.side or None}


class LevelformAround(CameraSearch, bpy.types.PropertyGroup):
    """The images, in the order in which they were taken, and the settings of the search."""

    entries: CollectionProperty(type=LevelformAroundImage)


def remember(scene: bpy.types.Scene, paths: Sequence[str], outlines: Sequence[ViewMask]) -> None:
    """Store images and their masks, for the panel; earlier ones are dropped.

    Parameters
    ----------
    paths, outlines : for each image, in the order in which they were taken
    """
    forget(scene)
    for path, mask in zip(paths, outlines, strict=True):
        entry = scene.levelform_around.entries.add()
        entry.name, entry.path, entry.doubt = mask.name, path, mask.doubt
        entry.shown = masks.shown_image(None, mask, SHOWN)


def paths_of(scene: bpy.types.Scene) -> list[str]:
    """Return the files of the images."""
    return [entry.path for entry in scene.levelform_around.entries]


def forget(scene: bpy.types.Scene) -> None:
    """Drop the images."""
    entries = scene.levelform_around.entries
    shown = [entry.shown for entry in entries if entry.shown is not None]
    entries.clear()
    for image in shown:
        if image.name.startswith(SHOWN):
            bpy.data.images.remove(image)


CLASSES = (LevelformAroundImage, LevelformAround)


def register() -> None:
    """Add the images to scenes."""
    bpy.types.Scene.levelform_around = PointerProperty(type=LevelformAround)


def unregister() -> None:
    """Remove them."""
    del bpy.types.Scene.levelform_around
