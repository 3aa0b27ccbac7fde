"""The selection in the current view layer."""

import bpy


def selection() -> frozenset[int]:
    """Return the selected objects and the active one, by `session_uid`."""
    layer = bpy.context.view_layer
    active = layer.objects.active
    selected = {found.session_uid for found in layer.objects if found.select_get(view_layer=layer)}
    return frozenset(selected | ({-active.session_uid} if active else set()))


def select(outcome: bpy.types.Object) -> None:
    """Select only the new object, as adding an object does."""
    layer = bpy.context.view_layer
    if bpy.context.mode != "OBJECT" or outcome.name not in layer.objects:
        return
    for found in layer.objects:
        found.select_set(found == outcome, view_layer=layer)
    layer.objects.active = outcome
