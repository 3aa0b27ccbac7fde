"""What made an object's mesh, as its custom property "levelform" keeps it."""

from collections.abc import Mapping
from typing import Any

import bpy

PROVENANCE = "levelform"


def provenance_of(target: bpy.types.ID | None) -> Any:
    """Return what made an object's mesh, a group of properties; None if Levelform did not."""
    stored = target.get(PROVENANCE) if target is not None else None
    return stored if hasattr(stored, "to_dict") else None


def plain(value: Any) -> Any:
    """Return what a custom property can hold: no None, no tuples, no numpy numbers."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value.item() if hasattr(value, "item") else value
