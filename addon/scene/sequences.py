"""Objects that show one of several meshes: by a slider, which may be animated, or by the frame.

The meshes are data-blocks of the .blend, or files in a folder that are read when they are shown.
Drivers and keyframes set the slider without calling its `update` function, so handlers compare it
with its last value. They run around the evaluation of a frame, so renders are correct too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.app.handlers import persistent

from ...backend.contract.protocol import MeshUpdate
from . import meshes

SEQUENCE = "levelform_sequence"  # custom property of the object
FILES = "{:05d}.npz"  # of a folder, by step
TEMPORARY = "levelform-frames-"  # begins the name of a temporary folder

_seen: dict[int, int] = {}  # the slider's last value, by the object's `session_uid`


def make_sequence(
    target: bpy.types.Object,
    shown: Sequence[bpy.types.Mesh],
    labels: Sequence[str],
    *,
    start: int | None = None,
    every: int = 1,
) -> None:
    """Make an object show one of several meshes.

    Parameters
    ----------
    labels
        Names of the meshes.
    start
        Frame at which the first one is shown when the animation plays; None: the slider alone.
    every
        Frames per mesh.
    """
    target[SEQUENCE] = {
        "meshes": {f"{index:05d}": mesh for index, mesh in enumerate(shown)},
        "labels": list(labels),
        "plays": start is not None,
        "start": start or 0,
        "every": max(every, 1),
    }


def make_folder_sequence(
    target: bpy.types.Object, folder: str, count: int, *, start: int, every: int = 1
) -> None:
    """Make an object show the meshes of a folder's files, one a step; see `write_step`."""
    target[SEQUENCE] = {
        "folder": folder,
        "labels": [f"step {index}" for index in range(count)],
        "plays": True,
        "start": start,
        "every": max(every, 1),
    }


def sequence_of(target: bpy.types.Object | None) -> dict[str, Any] | None:
    """Return an object's sequence; None if it shows a single mesh."""
    stored = target.get(SEQUENCE) if target is not None else None
    return stored if hasattr(stored, "to_dict") else None


def shown_label(target: bpy.types.Object) -> str:
    """Return the label of the mesh that a sequence shows now, by its slider or by the frame."""
    stored = sequence_of(target)
    if stored is None:
        return ""
    if "folder" in stored:
        names = [FILES.format(step) for step in range(len(stored["labels"]))]
        shown = target.data.get("levelform_file")
        step = names.index(shown) if shown in names else 0
    else:
        meshes_by_step = stored["meshes"].to_dict()
        step = next((int(s) for s, mesh in meshes_by_step.items() if mesh == target.data), 0)
    return str(stored["labels"][step])


def sequence_remark(target: bpy.types.Object) -> str:
    """Return what an artist has to know about a sequence's files, in a sentence; may be empty."""
    stored = sequence_of(target)
    if stored is None or "folder" not in stored:
        return ""
    folder = Path(bpy.path.abspath(stored["folder"]))
    if not folder.is_dir():
        return f"The folder of its meshes is gone: {folder}. Animate the images again."
    if folder.name.startswith(TEMPORARY):
        return (
            "Its meshes are in a temporary folder. To keep them, save this file and animate the "
            "images again."
        )
    return ""


def length_of(target: bpy.types.Object) -> int:
    """Return the number of meshes of an object's sequence; 0 without one."""
    stored = sequence_of(target)
    return 0 if stored is None else len(stored["labels"])


def show_step(target: bpy.types.Object, step: int) -> None:
    """Show a mesh of a sequence, the nearest one available."""
    stored = sequence_of(target)
    if stored is None or target.mode != "OBJECT":
        return
    step = min(max(step, 0), len(stored["labels"]) - 1)
    if "folder" in stored:
        _show_file(target, Path(bpy.path.abspath(stored["folder"])) / FILES.format(step))
        return
    mesh = stored["meshes"].get(f"{step:05d}")
    if mesh is not None and target.data != mesh:
        target.data = mesh


def _show_file(target: bpy.types.Object, path: Path) -> None:
    """Fill the object's mesh from a file; it stays as it is if the file is gone."""
    if target.data.get("levelform_file") == path.name or not path.is_file():
        return
    with np.load(path) as arrays:
        colors = arrays["colors"] if "colors" in arrays.files else None
        update = MeshUpdate(
            "", arrays["vertices"], arrays["faces"], None, colors, np.eye(4), 1.0, 1, True
        )
    mesh: Any = target.data
    if meshes.refill(target, update):
        mesh["levelform_file"] = path.name


def write_step(folder: Path, step: int, mesh: bpy.types.Mesh) -> None:
    """Write a mesh of triangles as a step of a folder's sequence, atomically."""
    vertices = np.zeros((len(mesh.vertices), 3), np.float32)
    mesh.vertices.foreach_get("co", vertices.ravel())
    mesh.calc_loop_triangles()
    faces = np.zeros((len(mesh.loop_triangles), 3), np.int32)
    mesh.loop_triangles.foreach_get("vertices", faces.ravel())
    arrays = {"vertices": vertices, "faces": faces}
    attribute: Any = mesh.color_attributes.get(meshes.COLOR_ATTRIBUTE)
    if attribute is not None:
        colors = np.zeros((len(vertices), 4), np.float32)
        attribute.data.foreach_get("color", colors.ravel())
        arrays["colors"] = colors
    path = folder / FILES.format(step)
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as file:
        np.savez(file, **arrays)
    partial.replace(path)


def step_at(stored: Any, frame: int) -> int:
    """Return the step that plays at a frame."""
    return (frame - int(stored["start"])) // int(stored["every"])


def follow_slider(target: bpy.types.Object, step: int) -> None:
    """Show the slider's step, if it has moved since the last call.

    An object that plays follows the frame until something moves its slider.
    """
    stored = sequence_of(target)
    if stored is None:
        return
    before = _seen.get(target.session_uid)
    _seen[target.session_uid] = step
    if step != before and not (before is None and stored["plays"]):
        show_step(target, step)


@persistent
def _on_frame(scene: bpy.types.Scene, *_: Any) -> None:
    """Show the step of this frame, before the frame is evaluated."""
    for target in scene.objects:
        stored = sequence_of(target)
        if stored is not None and stored["plays"]:
            show_step(target, step_at(stored, scene.frame_current))


@persistent
def _on_evaluated(_scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> None:
    """Follow sliders that a driver or a keyframe has moved."""
    for update in graph.updates:
        if isinstance(update.id, bpy.types.Object):
            follow_slider(update.id.original, update.id.levelform_step)


@persistent
def _on_load(*_: Any) -> None:
    _seen.clear()


def _handlers() -> list[tuple[list, Any]]:
    handlers = bpy.app.handlers
    return [
        (handlers.frame_change_pre, _on_frame),
        (handlers.frame_change_post, _on_evaluated),
        (handlers.depsgraph_update_post, _on_evaluated),
        (handlers.load_post, _on_load),
    ]


def register() -> None:
    """Follow the animation."""
    for listeners, listener in _handlers():
        listeners.append(listener)


def unregister() -> None:
    """Stop following it."""
    for listeners, listener in _handlers():
        listeners.remove(listener)
