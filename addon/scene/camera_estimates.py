"""Writes estimated cameras into the scene: new values, stored old ones, new cameras."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.contract.camera_estimates import summary
from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import CameraData, Placement
from . import cameras as scene_cameras
from . import ground, view_checks
from . import volume as scene_volume

BEFORE = "levelform_before_refinement"  # on a camera: its matrix, row by row, and its lens
ESTIMATE = "levelform_camera_estimate"  # on a scene: the last result, a sentence and remarks
COLLECTION = "Levelform Cameras"


# ---------------------------------------------------------------- new values


def check_movable(cameras: Sequence[bpy.types.Object]) -> None:
    """Refuse cameras that can't be moved.

    Raises
    ------
    RequestError
        If a camera is linked, animated or has constraints.
    """
    for camera in cameras:
        if camera.library is not None or camera.data.library is not None:
            raise RequestError(
                f"{camera.name} is linked from another file.",
                "Make it local first (Object > Relations > Make Local).",
            )
        if camera.constraints or _animated(camera) or _animated(camera.data):
            raise RequestError(
                f"{camera.name} is animated or has constraints, which would undo a new pose.",
                "Apply its transform (Object > Apply > Visual Transform) and clear them first.",
            )


def _animated(block: bpy.types.ID) -> bool:
    data = block.animation_data
    return data is not None and (data.action is not None or bool(data.drivers))


def move_cameras(
    cameras: Sequence[bpy.types.Object],
    given: Sequence[CameraData | None],
    refined: Sequence[CameraData | None],
) -> int:
    """Move cameras to their refined poses; return the number of moved ones.

    Each keeps its former values, see `restore_cameras`; a second refinement keeps the first ones.

    Parameters
    ----------
    given, refined : each camera as sent to the worker, and as returned
    """
    factors: dict[bpy.types.ID, float] = {}
    moved = 0
    for camera, old, new in zip(cameras, given, refined, strict=True):
        if old is None or new is None:
            continue
        if BEFORE not in camera:
            camera[BEFORE] = [*np.array(camera.matrix_world).ravel().tolist(), camera.data.lens]
        change = np.asarray(new.transform_matrix) @ np.linalg.inv(old.transform_matrix)
        camera.matrix_world = Matrix(change.tolist()) @ camera.matrix_world
        if camera.data.type == "PERSP":
            factors[camera.data] = new.fl_x / old.fl_x
        moved += 1
    for data, factor in factors.items():
        data.lens *= factor
    return moved


def refined_cameras(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return the scene's cameras that keep the values from before a refinement."""
    return [camera for camera in scene.objects if camera.type == "CAMERA" and BEFORE in camera]


def restore_cameras(cameras: Sequence[bpy.types.Object]) -> None:
    """Give cameras the pose and lens that they had before a refinement."""
    for camera in cameras:
        *numbers, lens = camera[BEFORE]
        camera.matrix_world = Matrix(np.reshape(numbers, (4, 4)).tolist())
        if camera.data.type == "PERSP":
            camera.data.lens = lens
        del camera[BEFORE]


# ---------------------------------------------------------------- new cameras


def add_cameras(
    paths: Sequence[str],
    cameras: Sequence[CameraData | None],
    world_from_volume: np.ndarray | None,
    scene: bpy.types.Scene,
) -> list[bpy.types.Object]:
    """Add a camera for each image, with the image behind it, in a collection of their own."""
    collection = bpy.data.collections.new(COLLECTION)
    scene.collection.children.link(collection)
    added = []
    for path, camera in zip(paths, cameras, strict=True):
        if camera is not None:
            image = bpy.data.images.load(path, check_existing=True)
            added.append(
                scene_cameras.add_camera(Path(path).stem, camera, image, collection=collection)
            )
    if world_from_volume is not None and scene.levelform.volume is None:
        empty = scene_volume.show_placement(Placement(world_from_volume, "estimate"), scene)
        ground.move_aside(empty, added, scene)
    scene.levelform.source = "CAMERAS"
    return added


# ---------------------------------------------------------------- what the panel says


def remember(scene: bpy.types.Scene, facts: Mapping[str, Any]) -> None:
    """Store the last result for the panel; the marks of earlier checks are cleared."""
    view_checks.forget(scene)
    scene[ESTIMATE] = json.dumps([summary(facts), list(facts["remarks"])])


def told(scene: bpy.types.Scene) -> tuple[str, list[str]]:
    """Return the sentence about the last result, and its remarks; empty without one or cameras."""
    stored = scene.get(ESTIMATE)
    if not isinstance(stored, str) or all(thing.type != "CAMERA" for thing in scene.objects):
        return "", []
    sentence, remarks = json.loads(stored)
    return sentence, remarks


def forget(scene: bpy.types.Scene) -> None:
    """Drop the last result."""
    if ESTIMATE in scene:
        del scene[ESTIMATE]
