"""Watches changes that affect cameras' images: opening and saving files, resizing the render.

Keeps `scene.frames` up to date, so that an image keeps the meaning it had when it was matched.
"""

from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import frames

_PROPERTIES = ("resolution_x", "resolution_y", "pixel_aspect_x", "pixel_aspect_y")
_owner = object()  # of the subscriptions
_known: dict[int, float] = {}  # last aspect ratio of each scene's render, by `session_uid`


def render_changed() -> None:
    """Store the frame in which images were matched, and make the viewport show them as before."""
    for scene in bpy.data.scenes:
        aspect = frames.scene_aspect(scene)
        before = _known.get(scene.session_uid, aspect)
        _known[scene.session_uid] = aspect
        if before != aspect:
            frames.observe(scene, aspect=before)
            refit(scene)


def refit(scene: bpy.types.Scene) -> None:
    """Make the viewport show every image that Levelform attached as it is interpreted."""
    for camera in scene.objects:
        if camera.type == "CAMERA":
            frames.refit(camera, scene)


def _note_sizes() -> None:
    _known.clear()
    _known.update({scene.session_uid: frames.scene_aspect(scene) for scene in bpy.data.scenes})


def _subscribe() -> None:
    bpy.msgbus.clear_by_owner(_owner)
    for name in _PROPERTIES:
        bpy.msgbus.subscribe_rna(
            key=(bpy.types.RenderSettings, name), owner=_owner, args=(), notify=render_changed
        )


@persistent
def _on_load(*_: Any) -> None:
    for scene in bpy.data.scenes:
        frames.observe(scene)
        if not bpy.app.background:
            refit(scene)
    _note_sizes()
    _subscribe()  # a new file drops subscriptions


@persistent
def _on_save(*_: Any) -> None:
    for scene in bpy.data.scenes:
        frames.observe(scene)


@persistent
def _on_undo(*_: Any) -> None:
    _note_sizes()


def _handlers() -> list[tuple[list, Any]]:
    handlers = bpy.app.handlers
    return [
        (handlers.load_post, _on_load),
        (handlers.save_pre, _on_save),
        (handlers.undo_post, _on_undo),
        (handlers.redo_post, _on_undo),
    ]


def register() -> None:
    """Listen; register what is already open, unless Blender is still starting."""
    for listeners, listener in _handlers():
        listeners.append(listener)
    if hasattr(bpy.data, "scenes"):
        _on_load()


def unregister() -> None:
    """Stop listening."""
    bpy.msgbus.clear_by_owner(_owner)
    for listeners, listener in _handlers():
        listeners.remove(listener)
