"""The panel without a source: where to begin."""

import bpy

from ..scene.scene_source import camera_pairs, scene_cameras_of
from .layouts import paragraph

WORDS = {
    "CAMERAS": "Give images to the cameras of this scene, or begin with one of these:",
    "FILES": "Choose a file of cameras (transforms.json, COLMAP, Metashape), or its folder.",
    "IMAGE": "Choose an image of one object, or drop it on the viewport.",
}


def images_at_hand(scene: bpy.types.Scene) -> bool:
    """Return whether the panel's source holds anything; ticked or not."""
    settings = scene.levelform
    if settings.source == "FILES":
        return bool(settings.path)
    if settings.source == "IMAGE":
        return settings.image is not None
    return bool(camera_pairs(scene, scene_cameras_of(scene)))


def draw_start(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the ways to begin; their number is the same for every source."""
    column = layout.column()
    paragraph(column, context, WORDS[context.scene.levelform.source], icon="INFO")
    buttons = layout.column(align=True)
    buttons.scale_y = 1.2
    buttons.operator("levelform.start_from_images", icon="IMAGE_DATA")
    buttons.operator("levelform.add_cameras", icon="OUTLINER_OB_CAMERA")
    buttons.operator("levelform.open_sample", icon="MONKEY")
    layout.operator("levelform.open_docs", icon="HELP")
