"""Setting the stage: cameras from a folder, pictures for cameras, and the volume around the object.

These change the scene and do not reconstruct; `api` hands them to scripts.
"""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ..backend.contract.errors import RequestError
from ..backend.contract.image_files import image_size, natural_key
from . import transforms
from .requests import absolute
from .scene import cameras as scene_cameras
from .scene import images as scene_images
from .scene import pixels
from .scene import volume as scene_volume
from .views import chosen_cameras, scene_cameras_of, scene_source


def volume_from_cameras(scene: bpy.types.Scene | None = None) -> bpy.types.Object:
    """Place the scene's volume around what its ticked cameras see, adding it if there is none.

    Raises
    ------
    RequestError
        As `views.scene_source` and `scene.volume.volume_from_views`; the scene is as it was.
    """
    scene = scene or bpy.context.scene
    settings = scene.levelform
    matrix = scene_volume.volume_from_views(
        list(scene_source(scene).views), settings.background_data()
    )
    volume = settings.volume
    if volume is None or not volume.users_scene:
        settings.volume = scene_volume.add_volume(matrix, scene)
    else:
        size = np.diag([volume.empty_display_size] * 3 + [1.0])
        volume.matrix_world = Matrix((matrix @ np.linalg.inv(size)).tolist())
    return settings.volume


def add_cameras(source: str | PathLike[str]) -> list[bpy.types.Object]:
    """Add a camera for each frame of a `transforms.json`, with its picture as background image.

    Where the file says where the object is, the scene gets a volume there if it has none.

    Raises
    ------
    RequestError
        If the file, or a picture that it lists, can't be used; the scene is as it was.
    """
    content = transforms.read_transforms(Path(absolute(source)))
    paths = [str(frame.path) for frame in content.frames]
    sizes = [image_size(path) for path in paths]
    cameras = [frame.camera(*size) for frame, size in zip(content.frames, sizes, strict=True)]
    scene = bpy.context.scene
    if content.world_from_volume is not None and scene.levelform.volume is None:
        scene.levelform.volume = scene_volume.add_volume(content.world_from_volume, scene)
    return [
        scene_cameras.add_camera(
            Path(path).stem, camera, bpy.data.images.load(path, check_existing=True)
        )
        for path, camera in zip(paths, cameras, strict=True)
    ]


def render_pictures(scene: bpy.types.Scene | None = None) -> list[bpy.types.Object]:
    """Render the scene from each ticked camera without a picture; return those cameras.

    Raises
    ------
    RequestError
        If every ticked camera has a picture.
    WorkError
        If a render failed.
    """
    scene = scene or bpy.context.scene
    bare = [
        camera
        for camera in chosen_cameras(scene)
        if scene_images.picture_of(camera, scene).source == "NONE"
    ]
    if not bare:
        raise RequestError("Every ticked camera has a picture.", "Clear those to be rendered anew.")
    for camera in bare:
        camera.levelform_camera.image = scene_images.render_picture(camera, scene)
    return bare


def use_images(paths: Sequence[str], context: bpy.types.Context | None = None) -> str:
    """Use image files as the source, as dropping them on the viewport does; say what was done.

    Several pictures go to as many cameras (the selected ones if there are as many, else the
    scene's), both in order of their names. One picture goes to the active object if that is a
    camera; else it becomes the source.

    Raises
    ------
    RequestError
        If the numbers don't match, or a file is no picture; nothing was changed.
    """
    context = context or bpy.context
    paths = sorted(paths, key=natural_key)
    cameras = _cameras_for(len(paths), context)
    for path in paths:
        pixels.check_file(path)  # says in words what is wrong with it
    images = [bpy.data.images.load(path, check_existing=True) for path in paths]
    if not cameras:
        context.scene.levelform.image = images[0]
        context.scene.levelform.source = "IMAGE"
        return f"{images[0].name} is the source now"
    for camera, image in zip(cameras, images, strict=True):
        camera.levelform_camera.use = True
        _show_behind(camera, image)
    context.scene.levelform.source = "CAMERAS"
    return f"{len(images)} pictures went to {cameras[0].name} and on"


def _cameras_for(count: int, context: bpy.types.Context) -> list[bpy.types.Object]:
    """Return the cameras that so many pictures are meant for; none for a single source image."""
    active = context.object
    if count == 1:
        return [active] if active is not None and active.type == "CAMERA" else []
    everything = scene_cameras_of(context.scene)
    selected = [camera for camera in everything if camera.select_get()]
    for cameras in (selected, chosen_cameras(context.scene), everything):
        if len(cameras) == count:
            return cameras
    raise RequestError(
        f"There are {count} pictures but {len(everything)} cameras.",
        "Select as many cameras as pictures, or drop a single picture.",
    )


def _show_behind(camera: bpy.types.Object, image: bpy.types.Image) -> None:
    """Make an image the camera's picture, as its background image."""
    camera.levelform_camera.image = None
    data = camera.data
    entries = [entry for entry in data.background_images if entry.source == "IMAGE"]
    background = entries[0] if entries else data.background_images.new()
    background.image = image
    background.show_background_image = True
    data.show_background_images = True
