"""Many objects one after the other by one worker: each becomes a mesh file, the scene stays.

What the sources are, what results are called and which are kept is `backend.contract.batch`, for
the terminal too; here is how one object is made in Blender.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from pathlib import Path
from typing import Any

import bpy

from ...backend.contract import batch_words
from ...backend.contract.batch import Item, ItemKind, check_cameras, find_items, parse_part
from ...backend.contract.batch_run import Made, Shelf, run_batch
from ...backend.contract.camera_files import find_camera_file
from ...backend.contract.errors import LevelformError, RequestError
from ...backend.contract.image_files import list_images
from ...backend.contract.protocol import Progress
from ..jobs.requests import absolute, panel_frames
from ..jobs.results import PROVENANCE
from ..jobs.session import Running, live
from ..scene.export import MESH_SUFFIXES, export_mesh
from ..scene.studio import nothing_kept
from ..scene.views import ViewSource, folder_source, given_source, scene_source

# Begins the job of an item, whose .blend is open.
Begin = Callable[[Item, ViewSource], Running]
# Is told the title, "Model 2 of 5", and where its job stands.
Report = Callable[[str, Progress], None]


def batch_lines(
    sources: Iterable[str | PathLike[str]],
    out: str | PathLike[str],
    begin: Begin,
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
    """Check a batch; then make its objects one after the other, and yield a line of each.

    Other sources than .blend files leave the open file as it was.

    Parameters
    ----------
    sources
        Images, files of cameras, .blend files, and folders.
    out
        Folder of the mesh files.
    begin
        Begins the job of one item.
    settings
        Whatever changes a result, so that a second run knows what to make again.
    method
        Of all sources but .blend files.
    suffix, fuse, part, again
        As `batch_words.add_arguments` has them.
    report
        Is told of each step of each job.
    come_back
        Open the file that is open now again after .blend files were opened in its place.

    Raises
    ------
    RequestError
        If the request is wrong whatever the objects, or a window's file has unsaved changes that a
        .blend would replace; nothing was made.
    """
    suffix = batch_words.suffix_of(suffix)
    if suffix not in MESH_SUFFIXES:
        raise RequestError(
            f"{suffix} is not a mesh format known here.", f"Use one of {', '.join(MESH_SUFFIXES)}."
        )
    if part is not None:
        parse_part(part)
    paths, folder = [absolute(source) for source in sources], absolute(out)
    plan = find_items(paths, out=folder, scenes=True, fuse=fuse, find_cameras=find_camera_file)
    known = {info.name: info for info in live.methods}
    if method in known:
        check_cameras(plan, method, needs_camera=known[method].needs_camera)
    scenes = any(item.kind is ItemKind.SCENE for item in plan.items)
    if scenes and bpy.data.is_dirty and not bpy.app.background:
        raise RequestError("The open file has unsaved changes.", "Save it; then start the batch.")

    def make(item: Item, path: Path, title: str) -> Made:
        with _room(item):
            source = _source_of(item)
            running = begin(item, source)
            for _ in live.drive(running):
                if report is not None and running.job.progress is not None:
                    report(title, running.job.progress)
            assert running.outcome is not None  # `drive` raises where there is none
            export_mesh(running.outcome, path)
            stats = running.outcome[PROVENANCE].to_dict()
        live.forget(stats.pop("keep", ""))  # nobody will mesh it again
        return Made(stats, _files_of(source))

    lines = run_batch(
        plan, Shelf(folder, suffix), make, settings, part=part, again=again, explain=in_words
    )
    return _coming_back(lines) if scenes and come_back else lines


def _coming_back(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the lines; at the end open again what is open now, or the start-up file."""
    path = bpy.data.filepath
    try:
        yield from lines
    finally:
        if path:
            bpy.ops.wm.open_mainfile(filepath=path)
        else:
            bpy.ops.wm.read_homefile()


def in_words(error: Exception) -> LevelformError:
    """Return an unforeseen error as a sentence."""
    return LevelformError(
        f"Internal error of Levelform: {type(error).__name__}: {error}.",
        "Report it, with the image or file.",
    )


# ---------------------------------------------------------------- one item


def _room(item: Item) -> AbstractContextManager[None]:
    """Give an item a place to be made in: its own file, or the open one, which stays as it was."""
    if item.kind is not ItemKind.SCENE:
        return nothing_kept()
    try:
        bpy.ops.wm.open_mainfile(filepath=str(item.source), load_ui=False)
    except RuntimeError as error:  # what an operator that fails raises
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
    paths = [file.path for file in files if file.encoded is None]  # others are in the .blend
    return (*paths, *(file.mask for file in files if file.mask))
