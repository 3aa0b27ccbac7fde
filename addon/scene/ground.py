"""Places new objects where they are seen: on the ground at the 3D cursor, beside other meshes."""

from collections.abc import Iterable, Sequence

import bpy
import numpy as np
from mathutils import Vector

from ...backend.contract.drawings import SIZE
from .gallery import SAME_PLACE, box_iou, is_shown, results_of, show, world_box
from .provenance import PROVENANCE
from .volume import matrix_of

GAP = 0.1  # gap to an obstacle, fraction of the result's width
TRIES = 50  # maximum number of obstacles to move past


def stand(
    thing: bpy.types.Object, cameras: Iterable[bpy.types.Object] = ()
) -> list[bpy.types.Object]:
    """Move a result onto the ground at the 3D cursor, with its estimated cameras.

    The ground is the horizontal plane through the cursor. Where another visible object stands
    there, the result is moved past it along +X; an earlier result there, such as one of the same
    image by another method, is hidden.

    Returns
    -------
    The hidden results.
    """
    scene = thing.users_scene[0]
    low, high = world_box(thing)
    target = np.array(scene.cursor.location, np.float64)
    offset = target - np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    place = np.stack([low, high]) + offset
    results = [result for result in results_of(scene) if result != thing]
    met = set(_in_the_way(place, scene)) - {thing}
    aside = np.array([free_distance(place, [world_box(o) for o in met.difference(results)]), 0, 0])
    earlier = {result for result in results if _replaces(thing, place + aside, result)}
    offset[0] += free_distance(place, [world_box(other) for other in met - earlier])
    shift_all((thing, *cameras), offset.tolist())
    hidden = [result for result in earlier if is_shown(result)]
    for result in hidden:
        show(result, False)
    facts = thing.get(PROVENANCE)
    if facts is not None and "world_from_volume" in facts:
        volume = np.array([list(row) for row in facts["world_from_volume"]], np.float64)
        volume[:3, 3] += offset
        facts["world_from_volume"] = volume.tolist()
    return hidden


def move_aside(
    empty: bpy.types.Object, cameras: Iterable[bpy.types.Object], scene: bpy.types.Scene
) -> None:
    """Move a new volume with its cameras along +X, past the meshes that its object would be in."""
    matrix = matrix_of(empty)
    half = SIZE / 2 * np.abs(matrix[:3, :3]).sum(1)
    box = np.stack([matrix[:3, 3] - half, matrix[:3, 3] + half])
    offset = free_distance(box, [world_box(other) for other in _in_the_way(box, scene)])
    shift_all((empty, *cameras), (offset, 0.0, 0.0))


def shift_all(things: Iterable[bpy.types.Object], offset: Sequence[float]) -> None:
    """Move objects."""
    for thing in things:
        # Not through `matrix_world`, which is evaluated later for new objects.
        thing.location = Vector(thing.location) + Vector(offset)


def _replaces(thing: bpy.types.Object, place: np.ndarray, other: bpy.types.Object) -> bool:
    """Return whether a result should replace another one, instead of standing beside it.

    Results of the same image replace each other if they overlap, others if they nearly coincide.
    """
    box = world_box(other)
    if _views(thing) and _views(thing) == _views(other):
        return box_iou(box, place) > 0
    return box_iou(box, place) > SAME_PLACE


def _views(thing: bpy.types.Object) -> list[str]:
    """Return the names of a result's images."""
    return list(thing.get(PROVENANCE, {}).get("view_names", ()))


def free_distance(box: np.ndarray, others: list[np.ndarray]) -> float:
    """Return how far a box, (2, 3), must move along +X to overlap none of the others."""
    gap = GAP * float(box[1, 0] - box[0, 0])
    moved = box.copy()
    for _ in range(TRIES):
        met = [o for o in others if (moved[0] < o[1]).all() and (moved[1] > o[0]).all()]
        if not met:
            break
        moved[:, 0] += max(float(o[1, 0]) for o in met) + gap - moved[0, 0]
    return float(moved[0, 0] - box[0, 0])


def _in_the_way(box: np.ndarray, scene: bpy.types.Scene) -> Iterable[bpy.types.Object]:
    """Yield the visible meshes of a scene, except those much larger than a box, such as a floor."""
    mine = np.ptp(box, axis=0)
    for other in scene.objects:
        if other.type != "MESH" or not other.visible_get():
            continue
        size = np.ptp(world_box(other), axis=0)
        if size.min() > 0 and size.max() < 10 * mine.max():
            yield other
