"""The public functions for scripts and Blender's console; every button calls one of them.

    from bl_ext.user_default.levelform import api

    api.reconstruct(resolution=256)                              # the scene's cameras
    api.reconstruct(cameras="/photos/chair/transforms.json")     # a folder of posed images
    api.reconstruct(["a.png", "b.png"], cameras=[cam_a, cam_b])  # images and their cameras

Every call blocks until it is done, in a window and in the background.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from functools import wraps
from os import PathLike
from typing import Any, ParamSpec

import bpy
import numpy as np

from ..backend.contract.checks import check_told
from ..backend.contract.errors import RequestError
from ..backend.contract.protocol import Background, MeshUpdate, MethodInfo, Progress
from ..backend.contract.settings import COLOR, FUSE, METHOD, RESOLUTION, SEED
from ..backend.contract.settings import Settings as Settings
from .backend_setup import interpreter
from .data import frames
from .data.batch import batch as batch
from .data.blending import blend as blend
from .data.blocking import get_weights as get_weights
from .data.blocking import render_dataset as render_dataset
from .data.compare import compare as compare
from .data.morphing import animate as animate
from .data.morphing import morph as morph
from .data.saved import open_result as open_result
from .data.showing import save_code as save_code
from .data.showing import show as show
from .data.showing import shows as shows
from .jobs.camera_estimates import find_cameras as find_cameras
from .jobs.camera_estimates import refine_cameras as refine_cameras
from .jobs.camera_estimates import restore_cameras as restore_cameras
from .jobs.camera_previews import find_drawings as find_drawings
from .jobs.camera_previews import find_masks as find_masks
from .jobs.camera_ring import add_camera_ring as add_camera_ring
from .jobs.camera_sources import cameras_from_drawings as cameras_from_drawings
from .jobs.camera_sources import cameras_from_photographs as cameras_from_photographs
from .jobs.improving import improve as improve
from .jobs.improving import stop as stop
from .jobs.painting import SHARP_ANGLE, TEXTURED_FACES, begin_quads, begin_texture
from .jobs.requests import (
    DEFAULT_NAME,
    background_of,
    begin,
    begin_check,
    begin_remesh,
    checked,
)
from .jobs.session import exhaust, live
from .jobs.stage import add_cameras as add_cameras
from .jobs.stage import planned_pairs as planned_pairs
from .jobs.stage import render_pictures as render_pictures
from .jobs.stage import show_volume as show_volume
from .jobs.stage import use_images as use_images
from .jobs.volume_placing import volume_from_cameras as volume_from_cameras
from .scene.export import export_mesh as export_mesh
from .scene.scene_source import Frames
from .scene.views import Camera, ImageLike, given_source

P = ParamSpec("P")


def stream(
    images: ImageLike | Iterable[ImageLike] | None = None,
    cameras: Camera | str | PathLike[str] | Iterable[Camera] | None = None,
    *,
    volume: bpy.types.Object | np.ndarray | None = None,
    front: float | None = None,
    frames: Frames = None,
    name: str = DEFAULT_NAME,
    background: Background | str = "auto",
    method: str = METHOD.default,
    weights: str | None = None,
    resolution: int = RESOLUTION.default,
    level: float | None = None,
    color: bool = COLOR.default,
    seed: int = SEED.default,
    device: str | None = None,
    options: Mapping[str, Any] | None = None,
    cures: Iterable[str] = (),
    fuse: bool = FUSE.default,
    texture: int | None = None,
    quads: int | None = None,
    **unknown: Any,
) -> Generator[Progress | MeshUpdate, None, bpy.types.Object]:
    """Reconstruct one object and add it to the scene; `stream` yields progress on the way.

    Parameters
    ----------
    images
        Paths, Blender's images or (H, W, 3 or 4) arrays (sRGB, row 0 at the top), one or several.
        None: each camera's own image.
    cameras
        Camera objects or `CameraData`, one for each image; or a file of cameras or its folder, with
        posed images. None: the scene's ticked cameras if there are no images either, else none.
    volume
        An Empty, or (4, 4) world_from_volume of the cube [-1, 1]^3. None: estimated from the
        cameras.
    front
        Direction of the object's front in degrees about +Z from -Y, if no `volume` is given. None:
        estimated from the images if a network needs it.
    frames
        For cameras whose image is a sequence or a movie: a number of frames, spread evenly over the
        scene's range, or the frames (a list, or "1-48:6"), each a view. None: the current frame.
    name
        Name of the new object.
    background
        "auto", "alpha", "corner", a colour as "#rrggbb", or a `Background`.
    method, weights, resolution, level, color, seed, device, fuse, texture, quads
        As in `Settings`; `methods` lists the methods, and what the level of each means.
    options
        Further options of the method and of the meshing by name, as `methods` lists them.
    cures
        What to do about views that disagree, see `check_views`.
    unknown
        Any other name is refused, and the closest setting is suggested.

    Returns
    -------
    The new object; its custom property "levelform" stores how it was made.

    Yields
    ------
    `Progress`, and each `MeshUpdate` after its mesh was added to the scene, coarse to fine. Closing
    the generator early cancels the job and leaves the scene unchanged.

    Raises
    ------
    RequestError
        If the request is invalid; the scene is unchanged.
    WorkError
        If the work failed; the scene is unchanged.
    """
    scene = _scene()
    settings = Settings.of(
        method=method,
        weights=weights,
        resolution=resolution,
        level=level,
        background=background_of(background),
        color=color,
        seed=seed,
        device=device,
        options=options or {},
        cures=tuple(cures),
        fuse=fuse,
        texture=texture,
        quads=quads,
        **unknown,
    )
    chosen = checked(settings)
    source = given_source(images, cameras, scene, frames)
    running = begin(source, chosen, volume=volume, front=front, name=name)
    return (yield from live.drive(running))


def _to_the_end(
    steps: Callable[P, Generator[Any, None, bpy.types.Object]], name: str
) -> Callable[P, bpy.types.Object]:
    """Return the function `name` of the same parameters, which returns the generator's object."""

    @wraps(steps)
    def run(*args: P.args, **kwargs: P.kwargs) -> bpy.types.Object:
        return exhaust(steps(*args, **kwargs))

    run.__name__ = run.__qualname__ = name
    return run


reconstruct = _to_the_end(stream, "reconstruct")


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
        Corrections to the views before the comparison, such as "leave-out=3", "swap=2,5" or
        "convention=opencv".

    Returns
    -------
    "agree" (None if no two views can be compared), "views_checked" with each view's name, residual
    (in pixels of an image 224 pixels wide) and remark, "cures" that would make them agree, each
    with its name for `cures` here and in `reconstruct`, and "remarks".

    Raises
    ------
    RequestError
        If the request is invalid.
    WorkError
        If the work failed.
    """
    chosen = Settings(background=background_of(background), cures=tuple(cures))
    source = given_source(images, cameras, bpy.context.scene)
    running = begin_check(source, chosen)
    exhaust(live.drive(running))
    assert running.job.checked is not None  # otherwise `drive` raises
    return check_told(running.job.checked, source.remarks)


def remesh(
    target: bpy.types.Object,
    *,
    resolution: int = 128,
    level: float | None = None,
    color: bool = True,
    options: Mapping[str, Any] | None = None,
) -> bpy.types.Object:
    """Mesh a reconstruction again from the field kept by the worker, without running the method.

    Parameters
    ----------
    target
        An object that `reconstruct` made; its mesh is replaced, the object and its modifiers stay.
    resolution, level, color, options
        As in `Settings`; only options of the meshing, see `options.REMESH`.

    Raises
    ------
    RequestError
        If the object is not a reconstruction, or is being edited.
    WorkError
        If its field is no longer kept; its mesh is unchanged.
    """
    running = begin_remesh(target, resolution=resolution, level=level, color=color, options=options)
    return exhaust(live.drive(running))


def texture(
    target: bpy.types.Object, size: int = 2048, *, faces: int = TEXTURED_FACES
) -> bpy.types.Object:
    """Unwrap a reconstruction and bake its texture from the images, with a material that shows it.

    Re-meshing bakes it again. The image is packed into the .blend; .glb and .obj files take it.

    Parameters
    ----------
    target
        An object that `reconstruct` made; the object and its modifiers stay.
    size
        Pixels along a side, 256 to 8192.
    faces
        Maximum number of triangles; a larger mesh is simplified first.

    Raises
    ------
    RequestError
        If the object is not a reconstruction, or is being edited.
    WorkError
        If its images are not kept any more, or say nothing of the mesh; it is as it was.
    """
    return exhaust(live.drive(begin_texture(target, size, faces=faces)))


def quads(
    target: bpy.types.Object, count: int, *, sharp_angle: float = SHARP_ANGLE
) -> bpy.types.Object:
    """Rebuild a reconstruction of quads by QuadriFlow, its colours or texture taken anew.

    Parameters
    ----------
    target
        An object that `reconstruct` made; the object and its modifiers stay.
    count
        About how many quads.
    sharp_angle
        Radians: edges between faces that meet at this angle or more are sharp; by default none.

    Raises
    ------
    RequestError
        If the object is not a reconstruction, or is being edited.
    WorkError
        If QuadriFlow made no quads, or the images are not kept any more; the mesh is as it was.
    """
    return exhaust(live.drive(begin_quads(target, count, sharp_angle=sharp_angle)))


def methods() -> tuple[MethodInfo, ...]:
    """Return the worker's methods; start the worker if necessary."""
    return live.ask_methods()


def doctor() -> dict[str, Any]:
    """Return what each candidate Python has, and what it lacks, for running the backend."""
    return interpreter.doctor()


def _scene() -> bpy.types.Scene:
    """Return the context's scene; raise `RequestError` if the extension is not registered."""
    if not hasattr(bpy.types.Scene, "levelform"):
        raise RequestError("Levelform is not enabled.", "Enable it in Preferences > Add-ons.")
    return bpy.context.scene


def animate_images(
    images: Iterable[ImageLike] | str | PathLike[str],
    *,
    folder: str | PathLike[str] | None = None,
    smooth: float = 0.0,
    start: int = 1,
    every: int = 1,
    name: str = "Animation",
    resolution: int = 64,
    **settings: Any,
) -> bpy.types.Object:
    """Reconstruct each image of a sequence; add one object that plays a mesh a frame.

    Parameters
    ----------
    images
        Paths or Blender's images in the order of time; or a folder.
    folder
        Where the meshes are cached (.npz); None: beside the .blend, or a temporary folder.
    smooth
        Standard deviation, in frames, of the Gaussian that smooths the codes over time; 0: none.
    start, every
        First frame, and frames an image.
    settings
        As in `reconstruct`: method, weights, background, ...

    Raises
    ------
    RequestError
        If the request is invalid.
    WorkError
        If an image could not be reconstructed; nothing is added.
    """
    chosen = images if isinstance(images, str | PathLike) else list(images)
    return frames.animate_images(
        reconstruct,
        chosen,
        folder=folder,
        smooth=smooth,
        start=start,
        every=every,
        name=name,
        resolution=resolution,
        **settings,
    )
