"""The list of cameras with their images, and the notes below it."""

from typing import Any

import bpy

from ...backend.contract.image_files import natural_key
from ..scene import evaluation, frames, pairing
from ..scene import images as scene_images
from ..scene.scene_source import camera_pairs, chosen_cameras
from .layouts import paragraph, split_column


class LEVELFORM_UL_cameras(bpy.types.UIList):
    """The scene's cameras: a tick, the name, and the image or why there is none."""

    def draw_item(self, context, layout, _data, item, _icon, _active, _property, _index=0, _flag=0):
        used = item.levelform_camera.use
        split = layout.split(factor=0.5)
        row = split.row(align=True)
        row.prop(item.levelform_camera, "use", text="")
        row.label(text=item.name, icon="CAMERA_DATA")
        row = split.row(align=True)
        row.active = used
        camera_image = scene_images.camera_image_of(item, context.scene)
        if not camera_image.problem:
            row.active = used and not is_left_out(item, context.scene)
            row.label(text=camera_image.image.name, icon="IMAGE_DATA")
            if used:
                _draw_mark(row, item.levelform_camera.mark)
            return
        text, icon = missing_words(item, camera_image)
        row.alert = used and icon == "ERROR"
        row.label(text=text, icon=icon)

    def filter_items(self, _context, data, propname):
        """Show only cameras, in natural order of their names, as in a job."""
        objects = getattr(data, propname)
        shown = self.bitflag_filter_item
        flags = [shown if candidate.type == "CAMERA" else 0 for candidate in objects]
        keys = [natural_key(candidate.name) for candidate in objects]
        places = [0] * len(keys)
        for place, index in enumerate(sorted(range(len(keys)), key=keys.__getitem__)):
            places[index] = place
        return flags, places


def _draw_mark(row: bpy.types.UILayout, mark: str) -> None:
    """Draw whether a camera's view agreed with the others in the last check."""
    if mark == "NONE":
        return
    sub = row.row()
    sub.alert = mark == "BAD"
    sub.label(text="", icon="ERROR" if mark == "BAD" else "CHECKMARK")


def sample_camera_data(
    layout: bpy.types.UILayout, context: bpy.types.Context, settings: Any
) -> None:
    scene = context.scene
    layout.template_list(
        "LEVELFORM_UL_cameras", "", scene, "objects", settings, "camera_index", rows=4, maxrows=8
    )
    if has_moving_image(scene):
        split_column(layout).prop(settings, "frames")
    index = settings.camera_index
    camera = scene.objects[index] if 0 <= index < len(scene.objects) else None
    if camera is not None and camera.type != "CAMERA":
        camera = None
    for sentence in notes(camera, scene):
        paragraph(layout, context, sentence, icon="ERROR")
    if camera is None:
        return
    if frames.notes([camera], scene):
        layout.operator("levelform.use_frame")
    camera_image = scene_images.camera_image_of(camera, scene)
    if camera_image.source != "BACKGROUND":
        layout.template_ID(camera.levelform_camera, "image", open="image.open")
    if camera_image.problem:
        paragraph(layout, context, camera_image.problem, icon="ERROR")
    elif camera.levelform_camera.mark != "NONE":
        bad = camera.levelform_camera.mark == "BAD"
        icon = "ERROR" if bad else "CHECKMARK"
        paragraph(layout, context, camera.levelform_camera.remark, icon=icon)
    if camera_image.source == "NONE":
        layout.operator("levelform.render_pictures", icon="RENDER_STILL")


def missing_words(
    camera: bpy.types.Object, camera_image: scene_images.CameraImage
) -> tuple[str, str]:
    """Return text and icon for a camera without a usable image."""
    if camera_image.source == "NONE":
        return ("No image: left out" if camera.levelform_camera.use else "No image"), "BLANK1"
    return "Unusable", "ERROR"


def is_left_out(camera: bpy.types.Object, scene: bpy.types.Scene) -> bool:
    """Return whether a camera is excluded from the view layer, and therefore from jobs."""
    return evaluation.is_excluded(camera, evaluation.layer_of(scene))


def notes(camera: bpy.types.Object | None, scene: bpy.types.Scene) -> list[str]:
    """Return sentences about the pairs of cameras and images, and about the active camera."""
    sentences = [pairing.sentence(camera_pairs(scene))]
    if camera is not None and camera.levelform_camera.use:
        if is_left_out(camera, scene):
            sentences.append(f"{camera.name} is excluded from the view layer, and left out.")
        sentences += frames.notes([camera], scene)
    return [sentence for sentence in sentences if sentence]


def has_moving_image(scene: bpy.types.Scene) -> bool:
    """Return whether a ticked camera shows a sequence or a movie."""
    return any(scene_images.is_moving(camera) for camera in chosen_cameras(scene))


CLASSES = (LEVELFORM_UL_cameras,)
