"""The inputs of the panel as one value, which changes when any of them does."""

from typing import Any

import bpy

from .scene_source import camera_pairs

# Properties that affect no job.
_DISPLAY = {
    "camera_index", "result_index", "check_remark", "check_views", "check_cures", "method_choice",
    "variant", "reference", "heat", "name", "rna_type",
}  # fmt: skip


def fingerprint(scene: bpy.types.Scene | None) -> object:
    """Return a value that is equal as long as the panel's inputs are; reads no files."""
    settings: Any = getattr(scene, "levelform", None)
    if scene is None or settings is None:
        return None
    values = tuple(
        _plain(getattr(settings, name))
        for name in settings.bl_rna.properties.keys()  # noqa: SIM118 - not a dict
        if name not in _DISPLAY
    )
    poses = tuple(
        tuple(value for row in thing.matrix_world for value in row)
        for thing in scene.objects
        if thing.type == "CAMERA"
    )
    return values, tuple(camera_pairs(scene)), poses


def _plain(value: Any) -> object:
    """Return a property's value as one that can be compared later."""
    if isinstance(value, bpy.types.ID):
        return value.name
    return value if isinstance(value, str | int | float | bool | None) else tuple(value)
