"""Prepares the scene: imports cameras, assigns images to cameras, shows a result's volume.

`api` makes these functions public.
"""

import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import bpy
import numpy as np

from ...backend.contract.camera_files import PosedFrame, read_posed_images
from ...backend.contract.cameras import CameraData, fitted
from ...backend.contract.errors import RequestError
from ...backend.contract.image_files import find_mask, image_size, natural_key
from ...backend.contract.protocol import Placement
from ..scene import cameras as scene_cameras
from ..scene import frames, layered, pairing, pixels
from ..scene import images as scene_images
from ..scene import volume as scene_volume
from ..scene.derived import derived_image
from ..scene.provenance import provenance_of
from ..scene.views import chosen_cameras, scene_cameras_of
from .requests import absolute

TOLD_PAIRS = 12  # pairs of camera and image named in a report


def show_volume(target: bpy.types.Object, scene: bpy.types.Scene | None = None) -> bpy.types.Object:
    """Show the volume in which an object was reconstructed, and make it the scene's.

    Raises
    ------
    RequestError
        If the object does not store its volume.
    """
    stored = provenance_of(target)
    facts = {} if stored is None else stored.to_dict()
    if "world_from_volume" not in facts:
        raise RequestError(
            f"{target.name} does not store the volume in which it was made.",
            "Select a mesh that Levelform made.",
        )
    box = np.array(facts["box"]) if "box" in facts else None
    matrix = np.array(facts["world_from_volume"], np.float64)
    placement = Placement(matrix, facts.get("volume_from", ""), box)
    return scene_volume.show_placement(placement, scene or bpy.context.scene)


def add_cameras(source: str | PathLike[str]) -> list[bpy.types.Object]:
    """Add a camera for each frame of a file of cameras, with its image as background image.

    Images with lens distortion or with a mask named in the file are packed into the .blend, with
    distortion removed and the mask as alpha. Cameras in map coordinates are added relative to a
    local origin, stored as a property. If the file states the object's volume, and the scene has no
    volume, one is added.

    Raises
    ------
    RequestError
        If the file, or one of its images, can't be used; the scene is unchanged.
    """
    posed = read_posed_images(absolute(source))
    before = {image.session_uid for image in bpy.data.images}
    try:
        shown = [_shown(frame) for frame in posed.frames]
    except RequestError:
        for image in list(bpy.data.images):
            if image.session_uid not in before:
                bpy.data.images.remove(image)
        raise
    scene = bpy.context.scene
    if posed.world_from_volume is not None and scene.levelform.volume is None:
        scene.levelform.volume = scene_volume.add_volume(posed.world_from_volume, scene)
    added = [
        scene_cameras.add_camera(Path(frame.name).stem, camera, image)
        for frame, (image, camera) in zip(posed.frames, shown, strict=True)
    ]
    for camera in added:
        scene_cameras.tell_source(camera, posed.world_offset, posed.remarks)
    return added


def _shown(frame: PosedFrame) -> tuple[bpy.types.Image, CameraData]:
    """Return the background image of a frame's camera, and the camera that fits it."""
    own_mask = frame.mask and not os.path.samefile(frame.mask, find_mask(frame.path) or os.curdir)
    if frame.camera.distortion is not None or own_mask:
        mask = frame.mask or find_mask(frame.path)
        return derived_image(frame.name, str(frame.path), mask, frame.camera)
    camera = fitted(frame.camera, *image_size(frame.path), frame.name)
    return bpy.data.images.load(str(frame.path), check_existing=True), camera


def render_pictures(
    scene: bpy.types.Scene | None = None,
    *,
    depth: bool = False,
    folder: str | PathLike[str] | None = None,
) -> list[bpy.types.Object]:
    """Render the scene from each ticked camera without an image; return those cameras.

    Parameters
    ----------
    depth
        Render to OpenEXR files with a Z pass, which UCLID-Net takes instead of its estimate.
    folder
        Of these files; None: beside the .blend.

    Raises
    ------
    RequestError
        If every ticked camera has an image, or there is no place for the files.
    WorkError
        If a render failed.
    """
    scene = scene or bpy.context.scene
    bare = bare_cameras(scene)
    if depth:
        for camera, path in zip(bare, render_files(bare, folder), strict=True):
            camera.levelform_camera.image = scene_images.render_layers(camera, scene, path)
        return bare
    for camera in bare:
        camera.levelform_camera.image = scene_images.render_image(camera, scene)
    return bare


def bare_cameras(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return the ticked cameras without an image.

    Raises
    ------
    RequestError
        If there is none.
    """
    bare = [
        camera
        for camera in chosen_cameras(scene)
        if scene_images.camera_image_of(camera, scene).source == "NONE"
    ]
    if not bare:
        raise RequestError("Every ticked camera has an image.", "Clear those to be rendered again.")
    return bare


def render_files(
    cameras: Sequence[bpy.types.Object], folder: str | PathLike[str] | None = None
) -> list[str]:
    """Return the files of renders with depth, in a folder or beside the .blend.

    Raises
    ------
    RequestError
        If there is no place for them.
    """
    place = layered.folder_for_renders() if folder is None else Path(absolute(folder))
    return layered.files_of([camera.name for camera in cameras], place)


def use_images(paths: Sequence[str], context: bpy.types.Context | None = None) -> str:
    """Use image files as the source, like dropping them on the viewport; return what was done.

    Several images are assigned to as many cameras (the selected ones if their number agrees, else
    the ticked ones, those without an image, those of a collection such as a ring, or all of the
    scene), both in natural order of names. One image is assigned
    to the active object if that is a camera; else it becomes the source. A camera that shares its
    data with another gets its own copy.

    Raises
    ------
    RequestError
        If the numbers differ, a camera is linked from another file, or a file is not an image;
        nothing was changed.
    """
    context = context or bpy.context
    paths = sorted(paths, key=lambda path: natural_key(Path(path).name))
    cameras = _cameras_for(len(paths), context)
    for camera in cameras:
        _check_local(camera)
    for path in paths:
        pixels.check_file(path)  # raises with a sentence about what is wrong with it
    images = [bpy.data.images.load(path, check_existing=True) for path in paths]
    if not cameras:
        context.scene.levelform.image = images[0]
        context.scene.levelform.source = "IMAGE"
        return f"{images[0].name} is now the source"
    for camera, image in zip(cameras, images, strict=True):
        camera.levelform_camera.use = True
        _show_behind(camera, image, context.scene)
    context.scene.levelform.source = "CAMERAS"
    pairs = [(camera.name, image.name) for camera, image in zip(cameras, images, strict=True)]
    return f"{_told(pairs)}. {pairing.sentence(pairs)}".strip()


def planned_pairs(
    paths: Sequence[str], context: bpy.types.Context | None = None
) -> tuple[list[tuple[str, str]], RequestError | None]:
    """Return which camera would get which image; and why `use_images` would refuse them."""
    paths = sorted(paths, key=lambda path: natural_key(Path(path).name))
    try:
        cameras = _cameras_for(len(paths), context or bpy.context)
    except RequestError as error:
        return [], error
    return [(c.name, Path(p).name) for c, p in zip(cameras, paths, strict=False)], None


def _cameras_for(count: int, context: bpy.types.Context) -> list[bpy.types.Object]:
    """Return the cameras for a number of images; none if a single image becomes the source."""
    active = context.object
    if count == 1:
        return [active] if active is not None and active.type == "CAMERA" else []
    everything = scene_cameras_of(context.scene)
    selected = [camera for camera in everything if camera.select_get()]
    chosen = chosen_cameras(context.scene)
    bare = [c for c in chosen if scene_images.camera_image_of(c, context.scene).source == "NONE"]
    groups = [
        [camera for camera in everything if camera.name in collection.objects]
        for collection in context.scene.collection.children_recursive
    ]
    for cameras in (selected, chosen, bare, *groups, everything):
        if len(cameras) == count:
            return cameras
    raise RequestError(
        f"There are {count} images but {len(everything)} cameras.",
        "Select as many cameras as images, or drop a single image.",
    )


def _told(pairs: Sequence[tuple[str, str]]) -> str:
    """Return which camera got which image; of many, the first ones and the last."""
    words = [f"{camera} < {image}" for camera, image in pairs]
    if len(words) > TOLD_PAIRS:
        words[TOLD_PAIRS - 1 : -1] = ["..."]
    return ", ".join(words)


def _check_local(camera: bpy.types.Object) -> None:
    if camera.library is not None:
        raise RequestError(
            f"{camera.name} is linked from another file.",
            "Make it local first (Object > Relations > Make Local).",
        )


def _show_behind(camera: bpy.types.Object, image: bpy.types.Image, scene: bpy.types.Scene) -> None:
    """Set an image as the camera's background image."""
    frame = frames.attached_aspect(camera) or frames.scene_aspect(scene)
    camera.levelform_camera.image = None
    if camera.data.users > 1 or camera.data.library is not None:
        camera.data = camera.data.copy()  # otherwise the others would show this image too
    data = camera.data
    entries = [entry for entry in data.background_images if entry.source == "IMAGE"]
    background = entries[0] if entries else data.background_images.new()
    background.image = image
    background.show_background_image = True
    data.show_background_images = True
    frames.attach(camera, frame)
