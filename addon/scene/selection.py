"""The selection in the current view layer."""

import bpy


def selection() -> frozenset[int]:
    """Return the selected objects and the active one, by `session_uid`."""
    layer = bpy.context.view_layer
    active = layer.objects.active
    selected = {item.session_uid for item in layer.objects if item.select_get(view_layer=layer)}
    return frozenset(selected | ({-active.session_uid} if active else set()))


def select(outcome: bpy.types.Object) -> None:
    """Select only the new object, as adding an object does."""
    layer = bpy.context.view_layer
    if bpy.context.mode != "OBJECT" or outcome.name not in layer.objects:
        return
    for item in layer.objects:
        item.select_set(item == outcome, view_layer=layer)
    layer.objects.active = outcome
