"""Blender's evaluated state of cameras, also of those that the viewport does not evaluate.

The depsgraph of a view layer leaves out what is hidden or excluded there, and an object that it
leaves out keeps the matrix that it was last evaluated with.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import bpy


def layer_of(scene: bpy.types.Scene) -> bpy.types.ViewLayer:
    """Return the view layer that the artist works in, or a scene's first."""
    context = bpy.context
    return context.view_layer if scene == context.scene else scene.view_layers[0]


def is_excluded(camera_object: bpy.types.Object, layer: bpy.types.ViewLayer) -> bool:
    """Return whether each collection of an object is excluded from a view layer."""
    return layer.objects.get(camera_object.name) != camera_object


@contextmanager
def evaluated(
    cameras: Iterable[bpy.types.Object], scene: bpy.types.Scene
) -> Iterator[bpy.types.Depsgraph]:
    """Give a depsgraph, up to date with what a script just changed, that evaluates these cameras.

    A camera that the view layer does not show gets a visible object that depends on it, which is
    removed again at the end.
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
    """Add a visible object whose evaluation needs the camera's matrix and its settings."""
    follower = bpy.data.objects.new("Levelform follower", camera_object.data)
    scene.collection.objects.link(follower)
    follower.constraints.new("COPY_TRANSFORMS").target = camera_object
    return follower


def instanced_cameras(depsgraph: bpy.types.Depsgraph) -> dict[str, int]:
    """Return how many cameras each object of the scene instances, by the object's name."""
    instances: dict[str, int] = {}
    for instance in depsgraph.object_instances:
        if instance.is_instance and instance.object.type == "CAMERA":
            name = instance.parent.name if instance.parent is not None else "an object"
            instances[name] = instances.get(name, 0) + 1
    return instances
