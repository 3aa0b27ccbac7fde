"""The drawings of a scene: their files, sides and cameras."""

from collections.abc import Mapping, Sequence
from typing import Any

import bpy

from . import thumbnails, view_checks

COLLECTION = "Levelform Drawings"


def remember(
    scene: bpy.types.Scene,
    paths: Sequence[str],
    facts: Mapping[str, Any],
    cameras: Sequence[bpy.types.Object],
) -> None:
    """Store the drawings, for the list in the panel; omitted pieces stay listed.

    Parameters
    ----------
    paths : the sheet, or the separate drawings
    facts : the worker's facts about them
    cameras : in the order of the facts' views
    """
    chosen = scene.levelform_drawings
    before = [(entry.side, entry.use) for entry in chosen.entries]
    same = list(paths) == chosen.paths.split("\n") and any(not use for _, use in before)
    _tell(chosen, paths, facts)
    _drop_images(scene)
    made = iter(zip(facts["views"], cameras, strict=True))
    if not same:
        chosen.entries.clear()
        for _ in facts["views"]:
            chosen.entries.add()
    for entry in chosen.entries:
        if same and not entry.use:
            entry.camera = None
            continue
        view, camera = next(made)
        entry.side, entry.use, entry.camera = view["name"], True, camera
        backgrounds = camera.data.background_images
        entry.image = backgrounds[0].image if backgrounds else None
        if entry.image is not None:
            thumbnails.make_preview(entry.image)
    view_checks.forget(scene)


def show(
    scene: bpy.types.Scene,
    paths: Sequence[str],
    facts: Mapping[str, Any],
    files: Sequence[str],
) -> None:
    """Store the pieces of a sheet before any camera is made.

    Parameters
    ----------
    paths, facts : as in `remember`
    files : the image of each piece; it is packed
    """
    chosen = scene.levelform_drawings
    _tell(chosen, paths, facts)
    _drop_images(scene)
    chosen.entries.clear()
    for view, path in zip(facts["views"], files, strict=True):
        entry = chosen.entries.add()
        entry.side, entry.use = view["name"], True
        entry.image = bpy.data.images.load(path)
        entry.image.pack()
        thumbnails.make_preview(entry.image)


def remember_photographs(scene: bpy.types.Scene, facts: Mapping[str, Any]) -> None:
    """Store how many photographs were placed, and the remarks, for the panel."""
    pattern = "{} of {} photographs were placed."
    count = pattern.format(facts["placed"], facts["images"])
    scene.levelform_drawings.photographs = "\n".join((count, *facts["remarks"]))


def _tell(chosen: Any, paths: Sequence[str], facts: Mapping[str, Any]) -> None:
    """Store the files and the remarks."""
    chosen.paths = "\n".join(paths)
    chosen.remarks = "\n".join(facts["remarks"])


def _drop_images(scene: bpy.types.Scene) -> None:
    """Remove the images of shown pieces without a camera."""
    for entry in scene.levelform_drawings.entries:
        image, entry.image = entry.image, None if entry.camera is None else entry.image
        if entry.camera is None and image is not None and not image.users:
            bpy.data.images.remove(image)


def names_of(scene: bpy.types.Scene) -> tuple[str, ...]:
    """Return the sides of the listed drawings; "-" for omitted ones."""
    entries = scene.levelform_drawings.entries
    return tuple(entry.side if entry.use else "-" for entry in entries)


def paths_of(scene: bpy.types.Scene) -> list[str]:
    """Return the files of the listed drawings."""
    paths = scene.levelform_drawings.paths
    return paths.split("\n") if paths else []


def cameras_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return the cameras of the listed drawings that are still in the scene."""
    cameras = (entry.camera for entry in scene.levelform_drawings.entries)
    return [camera for camera in cameras if camera is not None and camera.users_scene]


def remove_cameras(cameras: Sequence[bpy.types.Object]) -> None:
    """Remove cameras, and their data and images if nothing else uses them."""
    for camera in cameras:
        data = camera.data
        images = [entry.image for entry in data.background_images if entry.image is not None]
        bpy.data.objects.remove(camera)
        if not data.users:
            bpy.data.cameras.remove(data)
        for image in images:
            if image.users <= 1:  # the list's own use
                bpy.data.images.remove(image)


def pack_images(cameras: Sequence[bpy.types.Object]) -> None:
    """Store the cameras' images in the .blend, for files that are about to be deleted."""
    for camera in cameras:
        for entry in camera.data.background_images:
            if entry.image is not None and entry.image.packed_file is None:
                entry.image.pack()
                entry.image.filepath = entry.image.filepath_raw = f"//{entry.image.name}"


def gather(cameras: Sequence[bpy.types.Object], scene: bpy.types.Scene, name: str) -> None:
    """Move cameras into a collection of that name below the scene's."""
    collection = scene.collection.children.get(name)
    if collection is None:
        collection = bpy.data.collections.new(name)
        scene.collection.children.link(collection)
    for camera in cameras:
        for other in list(camera.users_collection):
            other.objects.unlink(camera)
        collection.objects.link(camera)
