"""Batches in Blender: one worker reconstructs many objects, each to a mesh file.

`backend.contract.batch` defines sources, names and which results are kept, for the terminal too;
this module makes one object in Blender. The scene is left unchanged.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...backend.contract import batch_words
from ...backend.contract.batch import (
    BatchPlan,
    Item,
    ItemKind,
    check_cameras,
    find_items,
    parse_part,
)
from ...backend.contract.batch_run import Made, Shelf, run_batch
from ...backend.contract.camera_files import find_camera_file
from ...backend.contract.errors import RequestError
from ...backend.contract.image_files import list_images
from ...backend.contract.protocol import Background, Progress
from ...backend.contract.settings import Settings
from ..jobs.requests import absolute, background_of, begin, checked, panel_frames, scene_settings
from ..jobs.running import Running
from ..jobs.session import live
from ..scene import volume as scene_volume
from ..scene.export import MESH_SUFFIXES, check_textured, export_mesh
from ..scene.provenance import PROVENANCE
from ..scene.studio import nothing_kept
from ..scene.views import ViewSource, folder_source, given_source, scene_source

# Begins the job of an item whose .blend, if any, is open.
Begin = Callable[[Item, ViewSource], Running]
# Called with a title such as "Model 2 of 5", and the progress of its job.
Report = Callable[[str, Progress], None]


def batch(
    sources: Iterable[str | PathLike[str]],
    out: str | PathLike[str],
    *,
    suffix: str = ".glb",
    part: str | None = None,
    again: bool = False,
    volume: bpy.types.Object | np.ndarray | None = None,
    background: Background | str | None = None,
    method: str | None = None,
    weights: str | None = None,
    resolution: int | None = None,
    level: float | None = None,
    color: bool | None = None,
    seed: int | None = None,
    device: str | None = None,
    options: Mapping[str, Any] | None = None,
    cures: Iterable[str] | None = None,
    fuse: bool | None = None,
    texture: int | None = None,
    quads: int | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
    **unknown: Any,
) -> list[dict[str, Any]]:
    """Reconstruct many objects with one worker, each to a mesh file of its own.

    Every image, sub-folder and .blend of a folder without cameras makes one object; a folder with
    cameras, or a file of them, makes one. Objects that an earlier call finished are kept. An object
    that fails does not stop the others. The scene is left unchanged; only .blend sources, whose
    ticked cameras and settings are used, replace the open file, which is reopened at the end.

    Parameters
    ----------
    sources
        Images, files of cameras, .blend files, and folders.
    out
        Folder of the mesh files, and of a record beside each.
    suffix
        Of the mesh files: .glb .ply .obj .stl .npz.
    part
        "2/5" makes the second of five equal parts, for several machines; None: all.
    again
        Also remake finished objects that have not changed.
    volume
        As in `reconstruct`, the same for all.
    background, method, weights, resolution, level, color, seed, device, options, cures, fuse,
    texture, quads
        As in `reconstruct`; None: the default, or what a .blend says.
    report
        Called with each line as soon as it is known.
    unknown
        Any other name is refused, and the closest setting is suggested.

    Returns
    -------
    For each object `source`, `out`, `state` ("done", "kept" or "failed"), and the job's output of
    `--json`, or `error` and `hint`; at the end their counts.

    Raises
    ------
    RequestError
        If the request is wrong for all objects, or .blend files would replace unsaved changes.
    """
    named = {
        "background": None if background is None else background_of(background),
        "method": method,
        "weights": weights,
        "resolution": resolution,
        "level": level,
        "color": color,
        "seed": seed,
        "device": device,
        "options": options,
        "cures": None if cures is None else tuple(cures),
        "fuse": fuse,
        "texture": texture,
        "quads": quads,
    }
    given = {name: value for name, value in named.items() if value is not None} | unknown
    lines = []
    for line in _lines(sources, out, given, volume=volume, suffix=suffix, part=part, again=again):
        lines.append(line)
        if report is not None:
            report(line)
    return lines


def batch_lines(
    sources: Iterable[str | PathLike[str]],
    out: str | PathLike[str],
    begin_item: Begin,
    settings: dict[str, Any],
    *,
    method: str,
    suffix: str,
    fuse: bool = False,
    part: str | None = None,
    again: bool = False,
    report: Report | None = None,
    come_back: bool = True,
) -> Iterator[dict[str, Any]]:
    """Check a batch; then make its objects one after the other, and yield a line for each.

    Only .blend sources change the open file.

    Parameters
    ----------
    sources
        Images, files of cameras, .blend files, and folders.
    out
        Folder of the mesh files.
    begin_item
        Begins the job of one item.
    settings
        Everything that affects a result, so that a second run knows what to remake.
    method
        The method of all sources except .blend files.
    suffix, fuse, part, again
        As in `batch_words.add_arguments`.
    report
        Called at each step of each job.
    come_back
        Reopen the current file after .blend files were opened in its place.

    Raises
    ------
    RequestError
        If the request is wrong for all objects, or a .blend would replace unsaved changes in a
        window; nothing was made.
    """
    suffix = _checked_suffix(suffix)
    if settings.get("texture") is not None:
        check_textured(f"mesh{suffix}")
    if part is not None:
        parse_part(part)
    plan = find_items(
        [absolute(source) for source in sources],
        out=absolute(out),
        scenes=True,
        fuse=fuse,
        find_cameras=find_camera_file,
    )
    scenes = any(item.kind is ItemKind.SCENE for item in plan.items)
    _check_plan(plan, method, scenes=scenes)
    shelf = Shelf(absolute(out), suffix)  # creates the folder

    def make(item: Item, path: Path, title: str) -> Made:
        told = None if report is None else partial(report, title)
        return _make_item(item, path, begin_item, told)

    lines = run_batch(plan, shelf, make, settings, part=part, again=again)
    return _coming_back(lines) if scenes and come_back else lines


def _checked_suffix(suffix: str) -> str:
    suffix = batch_words.suffix_of(suffix)
    if suffix not in MESH_SUFFIXES:
        raise RequestError(
            f"{suffix} is not a mesh format known here.", f"Use one of {', '.join(MESH_SUFFIXES)}."
        )
    return suffix


def _check_plan(plan: BatchPlan, method: str, *, scenes: bool) -> None:
    """Refuse a plan whose images lack cameras, or that would discard the open file's changes."""
    known = {info.name: info for info in live.methods}
    if method in known:
        check_cameras(plan, method, needs_camera=known[method].needs_camera)
    if scenes and bpy.data.is_dirty and not bpy.app.background:
        raise RequestError("The open file has unsaved changes.", "Save it; then start the batch.")


def _lines(
    sources: Iterable[str | PathLike[str]],
    out: str | PathLike[str],
    given: Mapping[str, Any],
    *,
    volume: bpy.types.Object | np.ndarray | None,
    suffix: str,
    part: str | None,
    again: bool,
) -> Iterator[dict[str, Any]]:
    """Make a batch with settings for all sources; a .blend supplies the remaining ones.

    Parameters
    ----------
    given
        The fields of `Settings` given by a script, by name.

    Raises
    ------
    RequestError
        If there is no such setting, or as `batch_lines`.
    """
    live.ask_methods()  # to refuse unknown options before any work
    chosen = checked(Settings.of(**given))
    place = scene_volume.matrix_of(volume) if isinstance(volume, bpy.types.Object) else volume

    def begin_one(item: Item, source: ViewSource) -> Running:
        own, scene, box = chosen, bpy.context.scene, place
        if item.kind is ItemKind.SCENE:
            own = replace(scene_settings(scene), **given)
            box = scene.levelform.volume if place is None else place
        own = replace(own, fuse=own.fuse or item.kind is ItemKind.IMAGES)
        return begin(source, own, volume=box, name=item.name)

    return batch_lines(
        sources,
        out,
        begin_one,
        batch_words.settings_of(chosen, volume=place),
        method=chosen.method,
        suffix=suffix,
        fuse=chosen.fuse,
        part=part,
        again=again,
    )


def _coming_back(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the lines; at the end reopen the current file, or the start-up file."""
    path = bpy.data.filepath
    try:
        yield from lines
    finally:
        if path:
            bpy.ops.wm.open_mainfile(filepath=path)
        else:
            bpy.ops.wm.read_homefile()


# ---------------------------------------------------------------- one item


def _make_item(
    item: Item, path: Path, begin_item: Begin, report: Callable[[Progress], None] | None
) -> Made:
    """Reconstruct one object and write its mesh."""
    with _room(item):
        source = _source_of(item)
        running = begin_item(item, source)
        for _ in live.drive(running):
            if report is not None and running.job.progress is not None:
                report(running.job.progress)
        assert running.outcome is not None  # otherwise `drive` raises
        export_mesh(running.outcome, path)
        stats = running.outcome[PROVENANCE].to_dict()
    live.forget(stats.pop("keep", ""))  # it will not be meshed again
    return Made(stats, _files_of(source))


def _room(item: Item) -> AbstractContextManager[None]:
    """Open an item's .blend, or make sure that the open file stays unchanged."""
    if item.kind is not ItemKind.SCENE:
        return nothing_kept()
    try:
        bpy.ops.wm.open_mainfile(filepath=str(item.source), load_ui=False)
    except RuntimeError as error:  # raised by an operator that fails
        reason = str(error).strip().removeprefix("Error: ").rstrip(".")
        raise RequestError(
            f"{item.source} can't be opened: {reason}.", "Open it in Blender and save it again."
        ) from error
    return nullcontext()


def _source_of(item: Item) -> ViewSource:
    scene = bpy.context.scene
    if item.kind is ItemKind.SCENE:
        return scene_source(scene, frames=panel_frames(scene))
    if item.kind is ItemKind.CAMERAS:
        return folder_source(item.source)
    images = [item.source] if item.kind is ItemKind.IMAGE else list_images(item.source)
    return given_source(images, None, scene)


def _files_of(source: ViewSource) -> tuple[str, ...]:
    """Return the files that the views are read from."""
    files = [view.file for view in source.views if view.file is not None]
    paths = [
        file.path for file in files if file.encoded is None
    ]  # the others are packed in the .blend
    return (*paths, *(file.mask for file in files if file.mask))
