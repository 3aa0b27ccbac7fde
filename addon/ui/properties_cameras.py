"""What the panel remembers of each camera, stored on its object, and of the last check's cures."""

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    PointerProperty,
    StringProperty,
)

from ..scene import frames, view_checks


def _inputs_changed(_owner: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """Forget what the last check said: it was of other inputs."""
    view_checks.forget(context.scene)


def _image_picked(chosen: "LevelformCamera", context: bpy.types.Context) -> None:
    frames.pick(chosen.id_data, context.scene)
    view_checks.forget(context.scene)


class LevelformCamera(bpy.types.PropertyGroup):
    """A camera's part in the reconstruction, stored on the camera's object."""

    use: BoolProperty(
        name="Use",
        description="Reconstruct from this camera",
        default=True,
        update=_inputs_changed,
    )
    mark: EnumProperty(
        name="Agreement",
        description="Whether its view agreed with the others in the last check",
        items=(
            ("NONE", "Not Checked", "Nothing is known"),
            ("GOOD", "Agrees", "Its outline fits the other views' silhouettes"),
            ("BAD", "Disagrees", "See what is said of it"),
        ),
        options={"HIDDEN"},
    )
    remark: StringProperty(
        name="Remark", description="What the last check said of its view", options={"HIDDEN"}
    )
    checked_pose: StringProperty(options={"HIDDEN"})
    image: PointerProperty(
        type=bpy.types.Image,
        name="Picture",
        description="What this camera saw, as a render of this scene; "
        "when empty, the camera's background image is used",
        update=_image_picked,
    )
    frame: FloatProperty(
        name="Frame",
        description="Width over height of the render in which the camera's image was matched: the "
        "image keeps that frame when the scene's render size changes; 0: the scene's",
        min=0.0,
    )
    matched: StringProperty(
        name="Matched",
        description="The settings with which the artist matched the background image; empty where "
        "Levelform attached it",
        options={"HIDDEN"},
    )


class LevelformCure(bpy.types.PropertyGroup):
    """A change that would make the views agree, as the last check found it."""

    cure: StringProperty(description="Its name in `cures` of a script")
    sentence: StringProperty(description="What it does")


CLASSES = (LevelformCamera, LevelformCure)


def register() -> None:
    """Hang each camera's part on objects."""
    # Not "levelform": before 5.0 it would share its place with the custom property of provenance.
    bpy.types.Object.levelform_camera = PointerProperty(type=LevelformCamera)


def unregister() -> None:
    """Take it off again."""
    del bpy.types.Object.levelform_camera
