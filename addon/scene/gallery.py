"""The results in a scene: their collection, their names, and which of them are shown.

A result is an object with provenance. An earlier result at the place of a new one is hidden, so
that neither is buried in the other; the list of results shows it again.
"""

from collections.abc import Sequence

import bpy
import numpy as np

from .provenance import provenance_of

COLLECTION = "Levelform"
SAME_PLACE = 0.3  # minimum IoU of two world bounding boxes for one result to hide the other


def results_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return the results in a scene, in order of its objects."""
    return [thing for thing in scene.objects if is_result(thing)]


def is_result(thing: bpy.types.Object) -> bool:
    """Return whether an object is a mesh that Levelform made."""
    return thing.type == "MESH" and provenance_of(thing) is not None


def result_name(source: str, method: str, resolution: int) -> str:
    """Return the name of a result: "chair fit 128"."""
    return " ".join(filter(None, (source, method, str(resolution))))


# ---------------------------------------------------------------- the collection


def collection_of(scene: bpy.types.Scene) -> bpy.types.Collection | None:
    """Return the scene's collection of results; None if it has none."""
    for candidate in scene.collection.children_recursive:
        if candidate.name.partition(".")[0] == COLLECTION and candidate.library is None:
            return candidate
    return None


def make_collection(scene: bpy.types.Scene) -> bpy.types.Collection:
    """Return the scene's collection of results; make it if there is none."""
    known = collection_of(scene)
    if known is None:
        known = bpy.data.collections.new(COLLECTION)
        scene.collection.children.link(known)
    return known


def remove_empty_collection(scene: bpy.types.Scene | None) -> None:
    """Remove the scene's collection of results if nothing is in it."""
    known = collection_of(scene) if scene is not None else None
    if known is not None and not known.objects and not known.children:
        bpy.data.collections.remove(known)
        bpy.context.view_layer.update()  # until then it lists removed objects


# ---------------------------------------------------------------- what is shown


def is_shown(thing: bpy.types.Object) -> bool:
    """Return whether the current view layer shows an object."""
    return thing.name in bpy.context.view_layer.objects and thing.visible_get()


def show(thing: bpy.types.Object, shown: bool) -> None:
    """Show or hide an object in the viewport and in renders."""
    if thing.name in bpy.context.view_layer.objects:
        thing.hide_set(not shown)
    thing.hide_render = not shown
    if shown:
        thing.hide_viewport = False


def hide_earlier(new: bpy.types.Object, scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Hide the visible results at the place of a new one; return them."""
    place = world_box(new)
    earlier = [
        thing
        for thing in results_of(scene)
        if thing != new
        and thing.mode == "OBJECT"
        and is_shown(thing)
        and box_iou(world_box(thing), place) > SAME_PLACE
    ]
    for thing in earlier:
        show(thing, False)
    return earlier


# ---------------------------------------------------------------- boxes


def world_box(thing: bpy.types.Object) -> np.ndarray:
    """Return (2, 3) lower and upper corner of a mesh object's bounding box, in the world."""
    count = len(thing.data.vertices)
    if not count:
        return np.zeros((2, 3))
    points = np.zeros(3 * count, np.float32)
    thing.data.attributes["position"].data.foreach_get("vector", points)
    points = points.reshape(-1, 3)
    return box_of(corners(points.min(0), points.max(0)), np.array(thing.matrix_world, np.float64))


def corners(lower: Sequence[float], upper: Sequence[float]) -> np.ndarray:
    """Return the (8, 3) corners of a box."""
    axes = np.stack([np.asarray(lower, np.float64), np.asarray(upper, np.float64)])
    return np.stack(np.meshgrid(*axes.T, indexing="ij"), -1).reshape(-1, 3)


def box_of(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return (2, 3) lower and upper corner of points (N, 3), transformed by a (4, 4) matrix."""
    moved = points @ matrix[:3, :3].T + matrix[:3, 3]
    return np.stack([moved.min(0), moved.max(0)])


def box_iou(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over union of two boxes, (2, 3) each."""
    shared = np.clip(np.minimum(one[1], other[1]) - np.maximum(one[0], other[0]), 0, None).prod()
    both = sum(float((box[1] - box[0]).prod()) for box in (one, other)) - float(shared)
    return float(shared) / both if both > 0 else 0.0


def newest_hidden(scene: bpy.types.Scene, place: np.ndarray) -> bpy.types.Object | None:
    """Return the newest hidden result at a place, a (2, 3) box; None if there is none."""
    hidden = [
        thing
        for thing in results_of(scene)
        if not is_shown(thing) and box_iou(world_box(thing), place) > SAME_PLACE
    ]
    return max(hidden, key=made_at, default=None)


def made_at(thing: bpy.types.Object) -> str:
    """Return when a result was made, as a text that sorts by time."""
    return str((provenance_of(thing) or {}).get("made", ""))


def previous(thing: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.Object | None:
    """Return the result made before this one, else the newest other one; None if it is alone."""
    others = sorted((each for each in results_of(scene) if each != thing), key=made_at)
    before = [each for each in others if made_at(each) <= made_at(thing)]
    return next(iter([*before[-1:], *others[-1:]]), None)


def choose(thing: bpy.types.Object, scene: bpy.types.Scene | None) -> None:
    """Choose a result in the scene's list."""
    index = scene.objects.find(thing.name) if scene is not None else -1
    if scene is not None and index >= 0:
        scene.levelform.result_index = index
