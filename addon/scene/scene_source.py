"""The scene's cameras as views: which are used, at which frames, and which are left out.

Nothing is left out silently: each camera that a job does not use is named in a remark.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

import bpy

from ...backend.contract.errors import RequestError
from ...backend.contract.image_files import natural_key
from ...backend.contract.protocol import ViewData
from . import evaluation, frames, pairing
from . import images as scene_images

Frames: TypeAlias = int | str | Iterable[int] | None
NAMED = 6  # cameras named in a remark; the others are counted
MOST_FRAMES = 1000


def scene_cameras_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return the scene's cameras in natural order of their names: View 2 before View 10."""
    candidates = [candidate for candidate in scene.objects if candidate.type == "CAMERA"]
    return sorted(candidates, key=lambda camera: natural_key(camera.name))


def chosen_cameras(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return the scene's ticked cameras in natural order of their names."""
    return [camera for camera in scene_cameras_of(scene) if camera.levelform_camera.use]


def camera_pairs(
    scene: bpy.types.Scene, cameras: Sequence[bpy.types.Object] | None = None
) -> list[tuple[str, str]]:
    """Return the names of cameras and their images; None: of the ticked cameras with an image."""
    pairs = []
    for camera in chosen_cameras(scene) if cameras is None else cameras:
        image = scene_images.camera_image_of(camera, scene).image
        if image is not None:
            pairs.append((camera.name, image.name))
    return pairs


def scene_views(
    scene: bpy.types.Scene,
    chosen: Sequence[bpy.types.Object] | None = None,
    at: Frames = None,
) -> tuple[tuple[ViewData, ...], tuple[str, ...]]:
    """Return the views of the ticked cameras, and remarks about cameras left out.

    Ticked cameras without an image, and those excluded from the view layer, are left out; excluded
    ones are used if there are no others. Hidden cameras are used with their current pose.

    Parameters
    ----------
    chosen
        These cameras instead of the ticked ones; none of them is left out.
    at
        Frames of cameras whose image is a sequence or a movie, each a separate view, see
        `frame_numbers`. None: the current frame. Other cameras give one view.

    Raises
    ------
    RequestError
        If there are no cameras, none is ticked, none has an image, or one of them can't be used.
    """
    cameras, remarks = used_cameras(scene, chosen)
    with evaluation.evaluated(cameras, scene) as depsgraph:
        if chosen is None:
            remarks += _instance_remarks(depsgraph)
        views = []
        for camera in cameras:
            views += _views_of(camera, scene, depsgraph, at)
    named_wrong = pairing.sentence(camera_pairs(scene, cameras))
    remarks += [named_wrong] if named_wrong else []
    remarks += frames.notes(cameras, scene)
    remarks += _sharing_remarks(cameras)
    frames.observe(scene, cameras)
    return tuple(views), tuple(remarks)


def used_cameras(
    scene: bpy.types.Scene, chosen: Sequence[bpy.types.Object] | None = None
) -> tuple[list[bpy.types.Object], list[str]]:
    """Return the cameras that `scene_views` uses, and remarks about the others.

    Raises
    ------
    RequestError
        If there are none.
    """
    return (list(chosen), []) if chosen is not None else _usable(scene)


def frame_numbers(scene: bpy.types.Scene, at: Frames) -> list[int]:
    """Return the requested frame numbers.

    Parameters
    ----------
    at
        A number of frames ("8" or 8) spread evenly over the scene's range; or the frames, as a list
        or a text such as "1,5,9", "1-48" or "1-48:6" (every sixth).

    Raises
    ------
    RequestError
        If it is none of these, or there are too many.
    """
    if isinstance(at, str):
        at = _parsed(at)
    if at is None:
        return [scene.frame_current]
    if not isinstance(at, int):
        numbers = list(at)
    elif at >= 1:
        first, last = scene.frame_start, max(scene.frame_start, scene.frame_end)
        count = min(at, last - first + 1)
        numbers = [first + index * (last - first + 1) // count for index in range(count)]
    else:
        numbers = []
    if not 0 < len(numbers) <= MOST_FRAMES:
        raise RequestError(
            f"{len(numbers)} frames were asked for.", f"Ask for 1 to {MOST_FRAMES} frames."
        )
    return numbers


def _parsed(words: str) -> int | list[int]:
    try:
        if words.strip().isdigit():
            return int(words)
        return [frame for word in words.split(",") if word.strip() for frame in _span(word)]
    except ValueError as error:
        raise RequestError(
            f"{words!r} does not name frames.",
            "Give how many (8), or which (1,5,9 or 1-48 or 1-48:6).",
        ) from error


def _span(word: str) -> range:
    """Return the frames of one item: 5, 1-48 or 1-48:6."""
    span, _, step = word.partition(":")
    first, _, last = span.strip().partition("-")
    return range(int(first), int(last or first) + 1, int(step or 1))


# ---------------------------------------------------------------- which cameras


def _usable(scene: bpy.types.Scene) -> tuple[list[bpy.types.Object], list[str]]:
    """Return the ticked cameras that have an image and are in the view layer, and remarks."""
    ticked = chosen_cameras(scene)
    if not ticked and scene_cameras_of(scene):
        raise RequestError("No camera is ticked.", "Tick those that have an image.")
    if not ticked:
        raise RequestError(
            "This scene has no cameras.",
            "Add a camera for each image, or choose a folder with a transforms.json.",
        )
    camera_images = {camera: scene_images.camera_image_of(camera, scene) for camera in ticked}
    bare = [camera for camera in ticked if camera_images[camera].source == "NONE"]
    seen = [camera for camera in ticked if camera_images[camera].source != "NONE"]
    if len(bare) == 1 and not seen:
        raise RequestError(camera_images[bare[0]].problem)
    if not seen:
        raise RequestError(
            f"No ticked camera has an image: {_names(bare)}.",
            "Give each a background image, or pick its render.",
        )
    layer = evaluation.layer_of(scene)
    layer.update()  # so that it knows what was just linked or excluded
    excluded = [camera for camera in seen if evaluation.is_excluded(camera, layer)]
    remarks = [_sentence(bare, "has no image", "have no image", "left out")] if bare else []
    if len(excluded) == len(seen):
        return seen, [*remarks, f"All cameras with an image are excluded from {layer.name}; used."]
    if excluded:
        words = f"excluded from {layer.name}"
        remarks.append(_sentence(excluded, f"is {words}", f"are {words}", "left out"))
    return [camera for camera in seen if camera not in excluded], remarks


def _sentence(cameras: Sequence[bpy.types.Object], one: str, many: str, done: str) -> str:
    if len(cameras) == 1:
        return f"{cameras[0].name} {one} and was {done}."
    return f"{len(cameras)} cameras {many} and were {done}: {_names(cameras)}."


def _names(cameras: Sequence[bpy.types.Object]) -> str:
    names = [camera.name for camera in cameras[:NAMED]]
    return ", ".join([*names, *([f"{len(cameras) - NAMED} more"] if cameras[NAMED:] else [])])


def _instance_remarks(depsgraph: bpy.types.Depsgraph) -> list[str]:
    return [
        f"{count} {'camera' if count == 1 else 'cameras'} instanced by {name} "
        f"{'was' if count == 1 else 'were'} left out; make the instances real to use them "
        "(Object > Apply > Make Instances Real)."
        for name, count in evaluation.instanced_cameras(depsgraph).items()
    ]


def _sharing_remarks(cameras: Sequence[bpy.types.Object]) -> list[str]:
    """Return sentences about cameras that share a background image because they share data."""
    by_data: dict[bpy.types.ID, list[bpy.types.Object]] = {}
    for camera in cameras:
        if camera.levelform_camera.image is None and camera.data is not None:
            by_data.setdefault(camera.data, []).append(camera)
    return [
        f"{_names(sharing)} share the camera data {data.name}, and therefore one background image; "
        "drop an image on each, or make their data single-user."
        for data, sharing in by_data.items()
        if len(sharing) > 1
    ]


# ---------------------------------------------------------------- frames


def _views_of(
    camera: bpy.types.Object, scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph, at: Frames
) -> list[ViewData]:
    """Return a camera's view, or one for each frame if its image is a sequence or a movie."""
    if at is None or not scene_images.is_moving(camera):
        return [scene_images.view_of(camera, scene, depsgraph)]
    views = []
    with _frame_kept(scene):
        for number in frame_numbers(scene, at):
            scene.frame_set(number)
            view = scene_images.view_of(camera, scene, depsgraph)
            views.append(replace(view, name=f"{camera.name} frame {number}"))
    return views


@contextmanager
def _frame_kept(scene: bpy.types.Scene) -> Iterator[None]:
    """Restore the current frame at the end."""
    frame, subframe = scene.frame_current, scene.frame_subframe
    try:
        yield
    finally:
        scene.frame_set(frame, subframe=subframe)
