"""The panel's settings of each camera, stored on its object, and the cures of the last check."""

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
    """Clear the last check, which was of other inputs."""
    view_checks.forget(context.scene)


def _image_picked(chosen: "LevelformCamera", context: bpy.types.Context) -> None:
    frames.pick(chosen.id_data, context.scene)
    view_checks.forget(context.scene)


class LevelformCamera(bpy.types.PropertyGroup):
    """A camera's settings for the reconstruction, stored on its object."""

    use: BoolProperty(
        name="Use",
        description="Reconstruct from this camera",
        default=True,
        update=_inputs_changed,
        options={"LIBRARY_EDITABLE"},
        override={"LIBRARY_OVERRIDABLE"},
    )
    mark: EnumProperty(
        name="Agreement",
        description="Whether its view agreed with the others in the last check",
        items=(
            ("NONE", "Not Checked", "The view was not compared"),
            ("GOOD", "Agrees", "Its outline fits the other views' silhouettes"),
            ("BAD", "Disagrees", "See the remark"),
        ),
        options={"HIDDEN"},
    )
    remark: StringProperty(
        name="Remark", description="Result of the last check of its view", options={"HIDDEN"}
    )
    checked_pose: StringProperty(options={"HIDDEN"})
    image: PointerProperty(
        type=bpy.types.Image,
        name="Image",
        description="The image of this camera, as a render of this scene; "
        "if empty, the camera's background image is used",
        update=_image_picked,
    )
    frame: FloatProperty(
        name="Frame",
        description="Aspect ratio (width over height) of the render in which the camera's image "
        "was matched; the image keeps it when the scene's render size changes; 0: the scene's",
        min=0.0,
    )
    matched: StringProperty(
        name="Matched",
        description="The settings with which the artist matched the background image; empty if "
        "Levelform attached it",
        options={"HIDDEN"},
    )


class LevelformCure(bpy.types.PropertyGroup):
    """A correction that would make the views agree, according to the last check."""

    cure: StringProperty(description="Its name in the API's `cures`")
    sentence: StringProperty(description="A sentence about its effect")


CLASSES = (LevelformCamera, LevelformCure)


def register() -> None:
    """Add the settings to objects."""
    # Not "levelform": before 5.0 it would collide with the custom property of the provenance.
    bpy.types.Object.levelform_camera = PointerProperty(type=LevelformCamera)


def unregister() -> None:
    """Remove them."""
    del bpy.types.Object.levelform_camera
