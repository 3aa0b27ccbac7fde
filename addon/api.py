"""What scripts and Blender's console call; every button does something that is here.

    from bl_ext.user_default.levelform import api

    api.reconstruct(resolution=256)                              # the scene's cameras
    api.reconstruct(cameras="/photos/chair/transforms.json")     # a folder of posed images
    api.reconstruct(["a.png", "b.png"], cameras=[cam_a, cam_b])  # images and their cameras

Every call blocks until it is done, in a window and in the background alike.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import bpy
import numpy as np

from ..backend.contract import batch_words
from ..backend.contract.batch import Item, ItemKind
from ..backend.contract.checks import check_told
from ..backend.contract.errors import RequestError
from ..backend.contract.protocol import Background, MeshUpdate, MethodInfo, Progress
from ..backend.contract.settings import Settings as Settings
from ..backend.contract.words import parse_background
from .backend_setup import interpreter
from .data import dataset_render
from .data.batch import batch_lines
from .data.compare import COMPARISON, DEFAULT_PROTOCOL, begin_compare
from .jobs.requests import (
    DEFAULT_NAME,
    absolute,
    begin,
    begin_check,
    begin_remesh,
    checked,
    scene_settings,
)
from .jobs.session import Running, live
from .jobs.stage import add_cameras as add_cameras
from .jobs.stage import render_pictures as render_pictures
from .jobs.stage import show_volume as show_volume
from .jobs.stage import use_images as use_images
from .jobs.stage import volume_from_cameras as volume_from_cameras
from .scene import volume as scene_volume
from .scene.export import export_mesh as export_mesh
from .scene.scene_source import Frames
from .scene.views import Camera, ImageLike, ViewSource, given_source


def reconstruct(
    images: ImageLike | Iterable[ImageLike] | None = None,
    cameras: Camera | str | PathLike[str] | Iterable[Camera] | None = None,
    *,
    volume: bpy.types.Object | np.ndarray | None = None,
    front: float | None = None,
    frames: Frames = None,
    name: str = DEFAULT_NAME,
    background: Background | str = "auto",
    **settings: Any,
) -> bpy.types.Object:
    """Reconstruct one object and add it to the scene.

    Parameters
    ----------
    images
        Paths, Blender's images or (H, W, 3 or 4) arrays (sRGB, row 0 at the top), one or several.
        None: each camera's own image.
    cameras
        Camera objects or `CameraData`, one for each image; or a file of cameras or its folder, with
        posed images. None: the scene's ticked cameras if there are no images either, else none.
    volume
        An Empty, or (4, 4) world_from_volume of the cube [-1, 1]^3. None: what the cameras see.
    front
        Degrees about +Z from -Y to where the object's front looks, where `volume` does not say it.
        None: what a network needs is found from the images.
    frames
        Of cameras whose image is a sequence or a movie: how many, spread evenly over the scene's
        range, or which (a list, or "1-48:6"), each a view. None: the current frame.
    name
        What to call the object.
    background
        "auto", "alpha", "corner", a colour as "#rrggbb", or a `Background`.
    settings
        Fields of `Settings`: method, weights, resolution, level, color, seed, device, options, and
        cures (what to do about views that disagree, see `check_views`);
        `methods` lists what a method takes as options, and what its level is.

    Returns
    -------
    The new object; what made it is in its custom property "levelform".

    Raises
    ------
    RequestError
        If something asked for can't be had; the scene is as it was.
    WorkError
        If the work failed; the scene is as it was.
    """
    return _exhaust(
        stream(
            images,
            cameras,
            volume=volume,
            front=front,
            frames=frames,
            name=name,
            background=background,
            **settings,
        )
    )


def stream(
    images: ImageLike | Iterable[ImageLike] | None = None,
    cameras: Camera | str | PathLike[str] | Iterable[Camera] | None = None,
    *,
    volume: bpy.types.Object | np.ndarray | None = None,
    front: float | None = None,
    frames: Frames = None,
    name: str = DEFAULT_NAME,
    background: Background | str = "auto",
    **settings: Any,
) -> Generator[Progress | MeshUpdate, None, bpy.types.Object]:
    """Reconstruct as `reconstruct` does, telling what happens; the generator returns the object.

    Yields
    ------
    `Progress`, and each `MeshUpdate` after its mesh was put into the scene, coarse to fine. Closing
    the generator before its end cancels the job and leaves the scene as it was.
    """
    if isinstance(background, str):
        background = parse_background(background)
    scene = _scene()
    chosen = checked(Settings.of(background=background, **settings))
    source = given_source(images, cameras, scene, frames)
    running = begin(source, chosen, volume=volume, front=front, name=name)
    return (yield from live.drive(running))


def check_views(
    images: ImageLike | Iterable[ImageLike] | None = None,
    cameras: Camera | str | PathLike[str] | Iterable[Camera] | None = None,
    *,
    background: Background | str = "auto",
    cures: Iterable[str] = (),
) -> dict[str, Any]:
    """Compare the silhouettes of all views; nothing is reconstructed.

    Parameters
    ----------
    images, cameras, background
        As in `reconstruct`.
    cures
        What is done about views before they are compared, such as "leave-out=3", "swap=2,5" or
        "convention=opencv".

    Returns
    -------
    "agree" (None where no two views can be compared), "views_checked" with each view's name,
    residual in pixels of 224 and remark, "cures" that would make them agree, each with its name for
    `cures` here and in `reconstruct`, and "remarks".

    Raises
    ------
    RequestError
        If something asked for can't be had.
    WorkError
        If the work failed.
    """
    if isinstance(background, str):
        background = parse_background(background)
    chosen = Settings.of(background=background, cures=tuple(cures))
    source = given_source(images, cameras, bpy.context.scene)
    running = begin_check(source, chosen)
    _exhaust(live.drive(running))
    assert running.job.checked is not None  # `drive` raises where there is none
    return check_told(running.job.checked, source.remarks)


def batch(
    sources: Iterable[str | PathLike[str]],
    out: str | PathLike[str],
    *,
    suffix: str = ".glb",
    part: str | None = None,
    again: bool = False,
    volume: bpy.types.Object | np.ndarray | None = None,
    background: Background | str | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
    **settings: Any,
) -> list[dict[str, Any]]:
    """Reconstruct many objects, each to a mesh file of its own, by one worker.

    Every image, sub-folder and .blend of a folder without cameras makes one object; a folder with
    cameras, or a file of them, makes one. What an earlier call finished is kept. An object that
    fails stops no other. The scene is left as it was; only .blend sources, whose ticked cameras and
    settings count, are opened in place of the open file, which is opened again at the end.

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
        Make also what is there and has not changed.
    volume
        As in `reconstruct`, the same for all.
    background
        As in `reconstruct`; None: "auto", or what a .blend says.
    report
        Is called with each line as soon as it is there.
    settings
        Fields of `Settings`, as in `reconstruct`.

    Returns
    -------
    For each object `source`, `out`, `state` ("done", "kept" or "failed") and what `--json` prints
    of a job, or `error` and `hint`; at the end their counts.

    Raises
    ------
    RequestError
        If the request is wrong whatever the objects, or .blend files would replace unsaved changes.
    """
    given: dict[str, Any] = dict(settings)
    if background is not None:
        named = isinstance(background, str)
        given["background"] = parse_background(background) if named else background
    live.ask_methods()  # so that what no method takes is refused before any work
    chosen = checked(Settings.of(**given))
    place = scene_volume.matrix_of(volume) if isinstance(volume, bpy.types.Object) else volume

    def begin_one(item: Item, source: ViewSource) -> Running:
        own, scene = chosen, bpy.context.scene
        if item.kind is ItemKind.SCENE:
            own = replace(scene_settings(scene), **given)
        own = replace(own, fuse=own.fuse or item.kind is ItemKind.IMAGES)
        box = scene.levelform.volume if place is None and item.kind is ItemKind.SCENE else place
        return begin(source, own, volume=box, name=item.name)

    wishes = batch_words.settings_of(chosen, volume=place)
    lines = []
    for line in batch_lines(
        sources,
        out,
        begin_one,
        wishes,
        method=chosen.method,
        suffix=suffix,
        fuse=chosen.fuse,
        part=part,
        again=again,
    ):
        lines.append(line)
        if report is not None:
            report(line)
    return lines


def remesh(
    target: bpy.types.Object,
    *,
    resolution: int = 128,
    level: float | None = None,
    color: bool = True,
    options: Mapping[str, Any] | None = None,
) -> bpy.types.Object:
    """Mesh a reconstruction again from the field that the worker kept; the method does not run.

    Parameters
    ----------
    target
        An object that `reconstruct` made; its mesh is replaced, the object and its modifiers stay.
    resolution, level, color, options
        As in `Settings`; options of the meshing alone, see `options.REMESH`.

    Raises
    ------
    RequestError
        If the object is no reconstruction, or is being edited.
    WorkError
        If its field is not kept any more; its mesh is as it was.
    """
    running = begin_remesh(target, resolution=resolution, level=level, color=color, options=options)
    return _exhaust(live.drive(running))


def compare(
    result: bpy.types.Object,
    reference: bpy.types.Object,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    seed: int = 0,
    heat: bool = True,
) -> dict[str, Any]:
    """Measure how near a mesh is to a reference, both with their modifiers, where they stand.

    Parameters
    ----------
    protocol
        "levelform": IoU, Chamfer, F-scores and normal consistency, lengths in percent of the
        reference's longest side; or a method's name, for the numbers as its paper defines them.
    heat
        Colour `result` by its distances: red is outside the reference, blue inside.

    Returns
    -------
    `metrics` by name, and how they were measured; the same is in the custom property
    "levelform_comparison" of `result`, and each vertex's distance in its attribute
    "levelform_distance" where modifiers leave the vertices alone.

    Raises
    ------
    RequestError
        If these can't be compared.
    WorkError
        If the work failed or was cancelled; nothing was changed.
    """
    running = begin_compare(result, reference, protocol=protocol, seed=seed, heat=heat)
    return _exhaust(live.drive(running))[COMPARISON].to_dict()


def render_dataset(
    source: bpy.types.Collection | str | PathLike[str],
    out: str | PathLike[str],
    **settings: Any,
) -> dict[str, Any]:
    """Render training images of every mesh object of a collection, or mesh file of a folder.

    Parameters
    ----------
    out
        A folder; each shape gets one in it, with its images and a `transforms.json`. What an
        earlier call finished there is kept.
    settings
        Fields of `dataset_render.RenderSettings`: engine, views, size, cameras, seed,
        samples, passes.

    Returns
    -------
    What there is: `out`, how many `shapes` and `views`, and why which were `skipped`.

    Raises
    ------
    LevelformError
        As `dataset_render.render_dataset`; the scene is as it was.
    """
    if isinstance(source, bpy.types.Collection):
        targets = dataset_render.targets_of_collection(source)
    else:
        targets = dataset_render.targets_of_folder(absolute(source))
    chosen, place = dataset_render.RenderSettings(**settings), absolute(out)
    outcome = dataset_render.Outcome(place, chosen.views)
    for step in dataset_render.render_dataset(targets, place, chosen):
        outcome.take(step)
    return outcome.to_json()


def methods() -> tuple[MethodInfo, ...]:
    """Return the methods that the worker runs; starts it if need be."""
    return live.ask_methods()


def doctor() -> dict[str, Any]:
    """Return what was found and what is missing for the backend to run, candidate by candidate."""
    return interpreter.doctor()


def _scene() -> bpy.types.Scene:
    """Return the context's scene; refuse where the extension is not registered."""
    if not hasattr(bpy.types.Scene, "levelform"):
        raise RequestError("Levelform is not enabled.", "Enable it in Preferences > Add-ons.")
    return bpy.context.scene


def _exhaust(events: Generator[Any, None, bpy.types.Object]) -> bpy.types.Object:
    """Run a generator to its end and return what it returns."""
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value
