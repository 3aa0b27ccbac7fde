"""The provenance of a mesh: how it was made, stored in its object's property "levelform"."""

from collections.abc import Mapping
from typing import Any

import bpy

PROVENANCE = "levelform"


def provenance_of(target: bpy.types.ID | None) -> Any:
    """Return the provenance of an object, a property group; None if Levelform did not make it."""
    stored = target.get(PROVENANCE) if target is not None else None
    return stored if hasattr(stored, "to_dict") else None


def plain(value: Any) -> Any:
    """Convert a value to what custom properties support: no None, no tuples, no numpy numbers."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value.item() if hasattr(value, "item") else value
