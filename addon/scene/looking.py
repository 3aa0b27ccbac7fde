"""Looks through a camera in the proportions of its image, and restores the scene's afterwards."""

from typing import Any

import bpy

from . import images as scene_images
from . import pixels

BEFORE = "levelform_before_looking"  # custom property of a scene: the former values
PERIOD = 0.5  # seconds between two checks whether the view still goes through the camera


def look_through(camera: bpy.types.Object, scene: bpy.types.Scene, space: Any) -> None:
    """Show a viewport through a camera; the scene's render takes the proportions of its image.

    Both are restored by `restore`, which is called as soon as the view has left the camera.
    """
    restore(scene)
    before = scene.camera.name if scene.camera is not None else ""
    render = scene.render
    scene[BEFORE] = {
        "size": [render.resolution_x, render.resolution_y],
        "aspect": [render.pixel_aspect_x, render.pixel_aspect_y],
        "camera": before,
        "through": camera.name,
    }
    image = scene_images.camera_image_of(camera, scene).image
    size = pixels.known_size(image, scene.frame_current) if image is not None else None
    if size is not None:
        render.resolution_x, render.resolution_y = size
        render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    scene.camera = camera
    if space is not None and getattr(space, "region_3d", None) is not None:
        space.region_3d.view_perspective = "CAMERA"
    if not bpy.app.background and not bpy.app.timers.is_registered(_watch):
        bpy.app.timers.register(_watch, first_interval=PERIOD)


def is_looking(scene: bpy.types.Scene) -> str:
    """Return the name of the camera that `look_through` looks through; empty if none."""
    stored = scene.get(BEFORE)
    return "" if stored is None else str(stored["through"])


def restore(scene: bpy.types.Scene) -> None:
    """Restore the scene's render size and camera."""
    stored = scene.get(BEFORE)
    if stored is None:
        return
    render = scene.render
    render.resolution_x, render.resolution_y = (int(side) for side in stored["size"])
    render.pixel_aspect_x, render.pixel_aspect_y = stored["aspect"]
    scene.camera = bpy.data.objects.get(stored["camera"], scene.camera)
    del scene[BEFORE]


def leave(scene: bpy.types.Scene, space: Any) -> None:
    """Restore the scene, and free a viewport from the camera."""
    restore(scene)
    if space is not None and getattr(space, "region_3d", None) is not None:
        space.region_3d.view_perspective = "PERSP"


def _watch() -> float | None:
    """Restore scenes when no viewport looks through their camera any more."""
    looking = [scene for scene in bpy.data.scenes if BEFORE in scene]
    for scene in looking:
        views = [
            area.spaces.active.region_3d
            for window in bpy.context.window_manager.windows
            if window.scene == scene
            for area in window.screen.areas
            if area.type == "VIEW_3D"
        ]
        if not any(view.view_perspective == "CAMERA" for view in views):
            restore(scene)
    return PERIOD if any(BEFORE in scene for scene in bpy.data.scenes) else None


def unregister() -> None:
    """Stop watching."""
    if bpy.app.timers.is_registered(_watch):
        bpy.app.timers.unregister(_watch)
