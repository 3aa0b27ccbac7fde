"""The panel's settings for batches; stored on the scene."""

import bpy
from bpy.props import PointerProperty, StringProperty


class LevelformBatch(bpy.types.PropertyGroup):
    """What a batch reconstructs."""

    folder: StringProperty(
        name="Folder",
        description="Each image in it is an object; so is each folder of images in it, with a file "
        "of cameras or without",
        subtype="DIR_PATH",
    )


CLASSES = (LevelformBatch,)


def register() -> None:
    """Add the settings to scenes."""
    bpy.types.Scene.levelform_batch = PointerProperty(type=LevelformBatch)


def unregister() -> None:
    """Remove them."""
    del bpy.types.Scene.levelform_batch
