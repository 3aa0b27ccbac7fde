"""Setting the stage: cameras from a folder, pictures for cameras, and the volume around the object.

These change the scene and do not reconstruct; `api` hands them to scripts.
"""

import re
import uuid
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import bpy
import numpy as np

from ..backend.contract.errors import RequestError
from ..backend.contract.protocol import EstimateVolume, Placement
from . import transforms
from .requests import absolute
from .results import PROVENANCE
from .scene import cameras as scene_cameras
from .scene import images as scene_images
from .scene import volume as scene_volume
from .session import live
from .views import chosen_cameras, scene_cameras_of, scene_source

PLACEMENT = "levelform_placement"  # custom property of a volume's Empty


def volume_from_cameras(
    scene: bpy.types.Scene | None = None, *, front: float | None = None
) -> bpy.types.Object:
    """Place the scene's volume where its ticked cameras see the object, adding it if need be.

    The worker looks for it; this blocks until it has answered.

    Parameters
    ----------
    front
        Degrees about +Z from -Y to where the object's front looks; None: the worker finds it.

    Returns
    -------
    The volume's Empty, with the object's box and an arrow for its front.

    Raises
    ------
    LevelformError
        If the cameras or images can't be used, or the worker finds no place; the scene is as it
        was.
    """
    scene = scene or bpy.context.scene
    request = EstimateVolume(
        uuid.uuid4().hex,
        scene_source(scene).views,
        background=scene.levelform.background_data(),
        front=front,
    )
    placement = live.ask_placement(request)
    empty = scene_volume.show_placement(placement, scene)
    empty[PLACEMENT] = placement_facts(placement)
    return empty


def show_volume(target: bpy.types.Object, scene: bpy.types.Scene | None = None) -> bpy.types.Object:
    """Show the volume that an object was reconstructed in, and make it the scene's.

    Raises
    ------
    RequestError
        If the object does not say where that was.
    """
    stored = target.get(PROVENANCE)
    facts = stored.to_dict() if hasattr(stored, "to_dict") else {}
    if "world_from_volume" not in facts:
        raise RequestError(
            f"{target.name} does not say in which volume it was made.",
            "Select a mesh that Levelform made.",
        )
    box = np.array(facts["box"]) if "box" in facts else None
    matrix = np.array(facts["world_from_volume"], np.float64)
    placement = Placement(matrix, facts.get("volume_from", ""), box)
    return scene_volume.show_placement(placement, scene or bpy.context.scene)


def placement_facts(placement: Placement) -> dict[str, object]:
    """Return what a custom property keeps of how a volume was found."""
    return {
        "volume_from": placement.volume_from,
        "front_from": placement.front_from,
        "front_certainty": placement.front_certainty,
        "remarks": list(placement.remarks),
    }


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
    sizes = [scene_images.read_file(path).shape[1::-1] for path in paths]
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
    paths = sorted(paths, key=_natural)
    cameras = _cameras_for(len(paths), context)
    for path in paths:
        scene_images.read_file(path)  # says in words what is wrong with it
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


def _natural(text: str) -> list[tuple[int, str]]:
    """Return a key that sorts view2 before view10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def _show_behind(camera: bpy.types.Object, image: bpy.types.Image) -> None:
    """Make an image the camera's picture, as its background image."""
    camera.levelform_camera.image = None
    data = camera.data
    entries = [entry for entry in data.background_images if entry.source == "IMAGE"]
    background = entries[0] if entries else data.background_images.new()
    background.image = image
    background.show_background_image = True
    data.show_background_images = True
