"""The evaluated state of cameras, including those that the viewport does not evaluate.

The depsgraph of a view layer omits objects that are hidden or excluded there; an omitted object
keeps the matrix of its last evaluation.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import bpy


def layer_of(scene: bpy.types.Scene) -> bpy.types.ViewLayer:
    """Return the active view layer, or the scene's first one."""
    context = bpy.context
    return context.view_layer if scene == context.scene else scene.view_layers[0]


def is_excluded(camera_object: bpy.types.Object, layer: bpy.types.ViewLayer) -> bool:
    """Return whether all collections of an object are excluded from a view layer."""
    return layer.objects.get(camera_object.name) != camera_object


@contextmanager
def evaluated(
    cameras: Iterable[bpy.types.Object], scene: bpy.types.Scene
) -> Iterator[bpy.types.Depsgraph]:
    """Provide an up-to-date depsgraph that evaluates these cameras.

    Each camera that the view layer does not show temporarily gets a visible object that depends on
    it.
    """
    layer = layer_of(scene)
    hidden = [camera for camera in cameras if not camera.visible_get(view_layer=layer)]
    followers = [_follow(camera, scene) for camera in hidden]
    try:
        layer.update()
        depsgraph = layer.depsgraph
        assert depsgraph is not None  # an updated layer has one
        yield depsgraph
    finally:
        for follower in followers:
            bpy.data.objects.remove(follower)
        if followers:
            layer.update()


def _follow(camera_object: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.Object:
    """Add a visible object whose evaluation requires the camera's matrix and settings."""
    follower = bpy.data.objects.new("Levelform follower", camera_object.data)
    scene.collection.objects.link(follower)
    follower.constraints.new("COPY_TRANSFORMS").target = camera_object
    return follower


def instanced_cameras(depsgraph: bpy.types.Depsgraph) -> dict[str, int]:
    """Return the number of cameras that each object of the scene instances, by its name."""
    instances: dict[str, int] = {}
    for instance in depsgraph.object_instances:
        if instance.is_instance and instance.object.type == "CAMERA":
            name = instance.parent.name if instance.parent is not None else "an object"
            instances[name] = instances.get(name, 0) + 1
    return instances
