"""What happens when a row of a list is chosen: its object is selected."""

from typing import Any

import bpy

from ..scene.selection import select


def camera(settings: Any, context: bpy.types.Context) -> None:
    """Select the chosen camera."""
    _select(context, settings.camera_index, "CAMERA")


def result(settings: Any, context: bpy.types.Context) -> None:
    """Select the chosen result."""
    _select(context, settings.result_index, "MESH")


def _select(context: bpy.types.Context, index: int, kind: str) -> None:
    objects = context.scene.objects
    chosen = objects[index] if 0 <= index < len(objects) else None
    if chosen is not None and chosen.type == kind and chosen != context.view_layer.objects.active:
        select(chosen)
