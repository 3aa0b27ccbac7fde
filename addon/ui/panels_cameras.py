"""The list of cameras with their images, and the notes below it."""

from collections.abc import Sequence
from typing import Any

import bpy

from ...backend.contract.image_files import natural_key
from ..data.rendering import rendering
from ..scene import evaluation, frames, looking, pairing, thumbnails
from ..scene import images as scene_images
from ..scene.scene_source import camera_pairs, chosen_cameras, scene_cameras_of
from ..scene.wording import counted, told
from .layouts import paragraph, split_column
from .offered_methods import in_use

THUMBNAIL = 5.0  # size of the chosen camera's image, with the outline, in heights of a button
TAKE_DEPTH = ("uclid-net",)  # methods that use a camera's depth map
LISTED = 3  # cameras without an image that are named


class LEVELFORM_UL_cameras(bpy.types.UIList):
    """The cameras with an image: a tick, a thumbnail, the names, whether the view agrees."""

    def draw_item(self, context, layout, _data, item, _icon, _active, _property, *_):
        used = item.levelform_camera.use
        camera_image = scene_images.camera_image_of(item, context.scene)
        row = layout.row(align=True)
        row.prop(item.levelform_camera, "use", text="")
        names = row.split(factor=0.62, align=True)
        names.active = used and not is_left_out(item, context.scene)
        icon = thumbnails.icon_of(camera_image.image) if camera_image.image is not None else 0
        names.label(text=item.name, icon_value=icon) if icon else names.label(
            text=item.name, icon="IMAGE_DATA"
        )
        if camera_image.problem:
            names.alert = used
            names.label(text="Unusable", icon="ERROR")
        else:
            names.label(text=camera_image.image.name)
            if used:
                _draw_mark(row, item.levelform_camera.mark)
        looked = looking.is_looking(context.scene) == item.name
        button = row.operator(
            "levelform.look_through",
            text="",
            icon="OUTLINER_OB_CAMERA" if looked else "VIEW_CAMERA",
            emboss=False,
        )
        button.camera = item.name

    def filter_items(self, context, data, propname):
        """Show only cameras with an image, in natural order of their names, as in a job."""
        objects = getattr(data, propname)
        shown = self.bitflag_filter_item
        flags = [shown if has_image(candidate, data) else 0 for candidate in objects]
        keys = [natural_key(candidate.name) for candidate in objects]
        places = [0] * len(keys)
        for place, index in enumerate(sorted(range(len(keys)), key=keys.__getitem__)):
            places[index] = place
        return flags, places


def has_image(candidate: bpy.types.Object, scene: bpy.types.Scene) -> bool:
    """Return whether an object is a camera with an image, usable or not."""
    if candidate.type != "CAMERA":
        return False
    return scene_images.camera_image_of(candidate, scene).source != "NONE"


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
    cameras = scene_cameras_of(scene)
    bare = [camera for camera in cameras if not has_image(camera, scene)]
    if len(bare) < len(cameras):
        layout.template_list(
            "LEVELFORM_UL_cameras",
            "",
            scene,
            "objects",
            settings,
            "camera_index",
            rows=4,
            maxrows=8,
        )
        if has_moving_image(scene):
            split_column(layout).prop(settings, "frames")
        _draw_chosen(layout, context, _chosen(scene, settings))
    if bare:
        _draw_bare(layout, bare)


def _chosen(scene: bpy.types.Scene, settings: Any) -> bpy.types.Object | None:
    index = settings.camera_index
    camera = scene.objects[index] if 0 <= index < len(scene.objects) else None
    return camera if camera is not None and has_image(camera, scene) else None


def _draw_chosen(
    layout: bpy.types.UILayout, context: bpy.types.Context, camera: bpy.types.Object | None
) -> None:
    """Draw remarks on the pairs, and on the chosen camera with its image."""
    scene = context.scene
    for sentence in notes(camera, scene):
        paragraph(layout, context, sentence, icon="ERROR")
    if camera is None:
        return
    if frames.notes([camera], scene):
        layout.operator("levelform.use_frame")
    camera_image = scene_images.camera_image_of(camera, scene)
    icon = thumbnails.icon_of(camera_image.image) if camera_image.image is not None else 0
    if icon:
        layout.template_icon(icon_value=icon, scale=THUMBNAIL)
    if camera_image.source != "BACKGROUND":
        layout.template_ID(camera.levelform_camera, "image", open="image.open")
    if in_use(scene.levelform) in TAKE_DEPTH:
        split_column(layout).prop(camera.data, "levelform_depth")
    if camera_image.problem:
        paragraph(layout, context, camera_image.problem, icon="ERROR")
    elif camera.levelform_camera.mark != "NONE":
        bad = camera.levelform_camera.mark == "BAD"
        icon = "ERROR" if bad else "CHECKMARK"
        paragraph(layout, context, camera.levelform_camera.remark, icon=icon)


def _draw_bare(layout: bpy.types.UILayout, bare: Sequence[bpy.types.Object]) -> None:
    """Draw the cameras without an image, apart from the others, and buttons that give them one."""
    box = layout.column(align=True)
    count = len(bare)
    one, many = "{} camera without an image:", "{} cameras without an image:"
    box.label(text=counted(count, one, many))
    for camera in bare[:LISTED]:
        row = box.row(align=True)
        row.label(text=camera.name, icon="CAMERA_DATA")
        row.prop(camera.levelform_camera, "image", text="")
    if count > LISTED:
        box.label(text=told("and {} more", count - LISTED), icon="BLANK1")
    if rendering.running:
        box.progress(factor=rendering.progress, text=rendering.title)
        box.label(text="Esc stops", icon="EVENT_ESC")
        return
    row = box.row(align=True)
    row.operator("levelform.render_pictures", icon="RENDER_STILL")
    row.operator("levelform.render_pictures", text="With Depth", icon="NONE").depth = True


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
