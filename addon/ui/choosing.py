"""Clicks on a row of a list: one selects the object, a second one looks through it."""

import time
from typing import Any

import bpy

from ..scene import looking
from ..scene.selection import select

TWICE = 0.5  # seconds within which a second click on a row is a double click

_last = (-1, 0.0)  # index of the camera chosen last, and when


def camera(settings: Any, context: bpy.types.Context) -> None:
    """Select the chosen camera; when it is chosen twice in a moment, look through it."""
    global _last
    index, now = settings.camera_index, time.monotonic()
    _select(context, index, "CAMERA")
    again = _last[0] == index and now - _last[1] < TWICE
    _last = (-1, 0.0) if again else (index, now)
    space = context.space_data
    if again and isinstance(space, bpy.types.SpaceView3D):
        looking.look_through(context.scene.objects[index], context.scene, space)


def result(settings: Any, context: bpy.types.Context) -> None:
    """Select the chosen result."""
    _select(context, settings.result_index, "MESH")


def _select(context: bpy.types.Context, index: int, kind: str) -> None:
    objects = context.scene.objects
    chosen = objects[index] if 0 <= index < len(objects) else None
    if chosen is not None and chosen.type == kind and chosen != context.view_layer.objects.active:
        select(chosen)
