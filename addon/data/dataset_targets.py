"""The shapes to render for training: objects of a collection, or mesh files of a folder."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ...backend.contract.errors import RequestError


@dataclass(frozen=True)
class Target:
    """A shape to render: its name, and a function for its objects, called inside the studio."""

    name: str
    load: Callable[[], list[bpy.types.Object]]


def targets_of_collection(collection: bpy.types.Collection) -> list[Target]:
    """Return the mesh objects of a collection, one target each, sorted by name."""
    names = [obj.name for obj in collection.all_objects if obj.type == "MESH"]
    return _targets((name, lambda name=name: [_object(name)]) for name in sorted(names))


def targets_of_folder(folder: str | Path) -> list[Target]:
    """Return the mesh files below a folder (or one file); each is imported when it is rendered.

    Raises
    ------
    RequestError
        If the folder does not exist.
    """
    folder = Path(folder)
    if not folder.exists():
        raise RequestError(f"The folder {folder} does not exist.", "Choose a folder of mesh files.")
    files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    root = folder.parent if folder.is_file() else folder
    return _targets(
        (path.relative_to(root).with_suffix("").as_posix(), lambda path=path: _import(path))
        for path in files
        if path.suffix.lower() in IMPORTERS
    )


def _targets(named: Iterable[tuple[str, Callable[[], list[bpy.types.Object]]]]) -> list[Target]:
    """Return targets with distinct names that are valid folders below `out`."""
    targets, taken = [], set()
    for name, load in named:
        plain = safe = _safe(name)
        number = 1
        while safe.casefold() in taken:
            number += 1
            safe = f"{plain}_{number}"
        taken.add(safe.casefold())
        targets.append(Target(safe, load))
    return targets


def _safe(name: str) -> str:
    """Return a name as a safe relative path; unusual characters become `_`."""
    parts = ("".join(c if c.isalnum() or c in "._+-" else "_" for c in p) for p in name.split("/"))
    return "/".join(part for part in parts if part.strip(".")) or "_"


def _object(name: str) -> bpy.types.Object:
    obj = bpy.data.objects.get(name)
    if obj is None:
        raise RequestError(f"{name} is gone.", "Choose the objects again.")
    if obj.hide_render:
        raise RequestError(f"{name} is hidden in renders.", "Show it in renders, or leave it out.")
    return obj


def _import(path: Path) -> list[bpy.types.Object]:
    before = {obj.session_uid for obj in bpy.data.objects}
    try:
        IMPORTERS[path.suffix.lower()](filepath=str(path))
    except RuntimeError as error:
        raise RequestError(
            f"{path.name} can't be imported: {str(error).strip()}.", "Export it again."
        ) from error
    objects = [obj for obj in bpy.data.objects if obj.session_uid not in before]
    if not any(obj.type == "MESH" for obj in objects):
        raise RequestError(f"{path.name} contains no mesh.", "Export the surface itself.")
    return objects


IMPORTERS: dict[str, Callable[..., Any]] = {
    ".glb": lambda **k: bpy.ops.import_scene.gltf(**k),
    ".gltf": lambda **k: bpy.ops.import_scene.gltf(**k),
    ".obj": lambda **k: bpy.ops.wm.obj_import(**k),
    ".ply": lambda **k: bpy.ops.wm.ply_import(**k),
    ".stl": lambda **k: bpy.ops.wm.stl_import(**k),
}
