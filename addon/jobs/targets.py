"""Which objects hold a result that can be meshed again."""

import bpy

from ..scene.provenance import PROVENANCE, provenance_of
from .session import live


def remesh_problem(target: bpy.types.Object | None) -> str:
    """Return why an object's mesh can't be replaced, in one sentence; empty if it can."""
    if target is None or target.type != "MESH" or not _keep_of(target):
        return "Select a mesh that Levelform made."
    if target.mode != "OBJECT":
        return "Leave Edit Mode first."
    if target.data.shape_keys is not None:
        return f"{target.name} has shape keys, which a new mesh would break. Remove them first."
    if target.library is not None or target.data.library is not None:
        return f"{target.name} is linked from another file. Make it local first."
    return ""


def not_kept(target: bpy.types.Object) -> str:
    """Return why the worker can't mesh an object's field again; empty if it has kept it."""
    status = live.status
    if status is not None and target[PROVENANCE].get("keep") in status.kept:
        return ""
    return "The backend no longer keeps this result. Reconstruct it again."


def _keep_of(target: bpy.types.Object) -> str:
    stored = provenance_of(target)
    return "" if stored is None else stored.get("keep", "")
