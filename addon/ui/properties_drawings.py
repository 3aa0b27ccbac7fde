"""The drawings that were cut from a sheet, stored on the scene."""

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    PointerProperty,
    StringProperty,
)

from ...backend.contract.drawings import SIDES


class LevelformDrawing(bpy.types.PropertyGroup):
    """One drawing."""

    side: EnumProperty(
        name="Side",
        description="The side of the object that the drawing shows, as Blender names its views",
        items=[
            (name, name.replace("-", " ").title(), f"Seen from the {name.replace('-', ' ')}")
            for name in SIDES
        ],
    )
    use: BoolProperty(name="Use", description="Make a camera for this drawing", default=True)
    camera: PointerProperty(type=bpy.types.Object, options={"HIDDEN"})
    image: PointerProperty(type=bpy.types.Image, options={"HIDDEN"})


class LevelformDrawings(bpy.types.PropertyGroup):
    """The drawings of a sheet, or of several images."""

    entries: CollectionProperty(type=LevelformDrawing)
    paths: StringProperty(description="Their files, one a line", options={"HIDDEN"})
    remarks: StringProperty(description="Sentences about them, one a line", options={"HIDDEN"})
    photographs: StringProperty(
        description="Sentences about the cameras of photographs, one a line", options={"HIDDEN"}
    )


CLASSES = (LevelformDrawing, LevelformDrawings)


def register() -> None:
    """Add the drawings to scenes."""
    bpy.types.Scene.levelform_drawings = PointerProperty(type=LevelformDrawings)


def unregister() -> None:
    """Remove them."""
    del bpy.types.Scene.levelform_drawings
