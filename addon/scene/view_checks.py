"""Results of the last view check: a mark and a sentence on each camera, cures on the scene.

They are plain properties, so that drawing them needs no computation; they are cleared when an input
changes (a tick, an image, a pose).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...backend.contract.cures import order_of, parse_cure, parse_cures
from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import ViewsChecked
from . import images as scene_images

GOOD, BAD, NONE = "GOOD", "BAD", "NONE"


@dataclass(frozen=True)
class Marks:
    """Where the result of a check is written.

    scene : name of the scene whose panel shows it
    views : names of the views
    on_cameras : the views are the scene's cameras of these names
    """

    scene: str
    views: tuple[str, ...]
    on_cameras: bool


def remember(marks: Marks, checked: ViewsChecked, stats: Mapping[str, Any]) -> None:
    """Write the result of a check to the scene and its cameras.

    Parameters
    ----------
    checked : the worker's result before the job
    stats : the statistics of the job; empty if there was none, or it did not finish
    """
    scene = bpy.data.scenes.get(marks.scene)
    if scene is None:
        return
    forget(scene, cures=False)
    settings = scene.levelform
    told = re.sub(r" \(--[^)]*\)", "", checked.remark)  # the panel shows buttons instead
    settings.check_remark = " ".join(filter(None, (told, *checked.notes)))
    movable = marks.on_cameras and all(name in scene.objects for name in marks.views)
    settings.check_views = json.dumps([movable, list(marks.views)])
    for cure in checked.cures:
        entry = settings.check_cures.add()
        entry.cure, entry.sentence = cure.name, cure.sentence
    if not marks.on_cameras:
        return
    views: Sequence[Any] = stats.get("views_checked") or [vars(view) for view in checked.views]
    for name, view in zip(marks.views, views, strict=False):
        camera = scene.objects.get(name) or scene.objects.get(name.rpartition(" frame ")[0])
        if camera is not None and camera.type == "CAMERA" and camera.levelform_camera.mark != BAD:
            _mark(camera, view)


def _mark(camera: bpy.types.Object, view: Mapping[str, Any]) -> None:
    part = camera.levelform_camera
    known = view["residual"] is not None or view.get("covered") is not None
    part.mark = BAD if view["remark"] else GOOD if known else NONE
    part.remark = view["remark"] or _numbers(view)
    part.checked_pose = _pose(camera)


def _numbers(view: Mapping[str, Any]) -> str:
    """Return the sentence about a view that agrees with the others."""
    words = []
    if view["residual"] is not None:
        amount = f"{max(view['residual'], 0.01):.2f} pixels of 224"
        words.append(f"Agrees with the other views to {amount}")
    if view.get("covered") is not None:
        words.append(f"the result covers {view['covered']:.0%} of its silhouette")
    text = ", ".join(words)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def forget(scene: bpy.types.Scene, *, cures: bool = True) -> None:
    """Clear the last check; with `cures`, also the chosen cures that refer to views by number."""
    settings = scene.levelform
    if cures and settings.cures:
        kept = [name for name in settings.cures.split() if name.startswith("convention=")]
        settings.cures = " ".join(kept)
    settings.check_remark = settings.check_views = ""
    settings.check_cures.clear()
    for obj in scene.objects:
        if obj.type == "CAMERA" and obj.levelform_camera.mark != NONE:
            obj.levelform_camera.mark = NONE
            obj.levelform_camera.remark = ""


# ---------------------------------------------------------------- cures


def apply_cure(scene: bpy.types.Scene, name: str) -> str:
    """Apply a cure to the panel's source; return a sentence about what was done.

    If the source is the scene's cameras, cameras are unticked or their images exchanged; otherwise
    the cure is stored in the settings, where each job reads it.

    Raises
    ------
    RequestError
        If there is no such cure, or one of its cameras is gone.
    """
    cure, settings = parse_cure(name), scene.levelform
    on_cameras, views = json.loads(settings.check_views or "[false, []]")
    if on_cameras and cure.kind == "leave-out":
        for index in cure.numbers:
            _camera(scene, views, index).levelform_camera.use = False
        return f"Left out {', '.join(views[index] for index in cure.numbers)}"
    if on_cameras and cure.kind in ("swap", "shift", "reverse"):
        return _reorder(scene, views, order_of(cure, len(views)))
    given = (*settings.cures.split(), name)
    forget(scene, cures=False)
    settings.cures = " ".join(parse_cures(given))
    return f"Jobs now use {name}"


def _camera(scene: bpy.types.Scene, views: Sequence[str], index: int) -> bpy.types.Object:
    camera = scene.objects.get(views[index]) if 0 <= index < len(views) else None
    if camera is None or camera.type != "CAMERA":
        raise RequestError(f"Camera {index} of the last check is gone.", "Check the views again.")
    return camera


def _reorder(scene: bpy.types.Scene, views: Sequence[str], order: Sequence[int]) -> str:
    """Give each camera the image of another one."""
    cameras = [_camera(scene, views, index) for index in range(len(views))]
    camera_images = [scene_images.camera_image_of(camera, scene) for camera in cameras]
    images = [camera_image.image for camera_image in camera_images]
    moved = [index for index, source in enumerate(order) if source != index]
    for index in moved:
        camera_image = camera_images[index]
        if camera_image.background is not None:
            camera_image.background.image = images[order[index]]
        else:
            cameras[index].levelform_camera.image = images[order[index]]
    forget(scene)
    return f"Exchanged the images of {', '.join(views[index] for index in moved)}"


# ---------------------------------------------------------------- stale marks


def _pose(camera: bpy.types.Object) -> str:
    """Return the pose of a camera as text, to detect that it was moved."""
    return " ".join(f"{value:.6g}" for row in camera.matrix_world for value in row)


@persistent
def _on_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Clear the check when a marked camera was moved."""
    if not scene.levelform.check_views:
        return
    for update in depsgraph.updates:
        block = update.id
        if not (update.is_updated_transform and isinstance(block, bpy.types.Object)):
            continue
        camera = block.original
        if camera.type != "CAMERA" or camera.levelform_camera.mark == NONE:
            continue
        if camera.levelform_camera.checked_pose != _pose(camera):
            forget(scene)
            return


def register() -> None:
    """Listen to changes of the scene."""
    bpy.app.handlers.depsgraph_update_post.append(_on_update)


def unregister() -> None:
    """Stop listening."""
    bpy.app.handlers.depsgraph_update_post.remove(_on_update)
