"""What the camera list says of its pairs of camera and image, below it and in its rows."""

import bpy

from ..scene import evaluation, frames, pairing
from ..scene import images as scene_images
from ..scene.scene_source import camera_pairs, chosen_cameras


def missing_words(
    camera: bpy.types.Object, camera_image: scene_images.CameraImage
) -> tuple[str, str]:
    """Return what a camera's row says where it has no usable image, and the icon."""
    if camera_image.source == "NONE":
        return ("No image: left out" if camera.levelform_camera.use else "No image"), "BLANK1"
    return "Unusable", "ERROR"


def is_left_out(camera: bpy.types.Object, scene: bpy.types.Scene) -> bool:
    """Return whether a camera is excluded from the view layer, and so from a job."""
    return evaluation.is_excluded(camera, evaluation.layer_of(scene))


def notes(camera: bpy.types.Object | None, scene: bpy.types.Scene) -> list[str]:
    """Return sentences about the pairs of the list, and about the active camera."""
    found = [pairing.sentence(camera_pairs(scene))]
    if camera is not None and camera.levelform_camera.use:
        if is_left_out(camera, scene):
            found.append(f"{camera.name} is excluded from the view layer, and left out.")
        found += frames.notes([camera], scene)
    return [sentence for sentence in found if sentence]


def has_moving_image(scene: bpy.types.Scene) -> bool:
    """Return whether a ticked camera shows a sequence or a movie."""
    return any(scene_images.is_moving(camera) for camera in chosen_cameras(scene))
