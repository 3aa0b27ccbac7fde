"""What a job is made from: the scene's pictures, a folder's, or what a script hands over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import bpy
import numpy as np

from ...backend.contract.camera_files import read_posed_images, views_of
from ...backend.contract.cameras import resized
from ...backend.contract.errors import RequestError
from ...backend.contract.image_files import image_file, image_size
from ...backend.contract.protocol import CameraData, ViewData
from . import cameras as scene_cameras
from . import evaluation, pixels
from . import images as scene_images
from .pixels import Content
from .scene_source import Frames, scene_views, used_cameras
from .scene_source import chosen_cameras as chosen_cameras
from .scene_source import scene_cameras_of as scene_cameras_of

Picture: TypeAlias = str | PathLike[str] | bpy.types.Image | np.ndarray
Camera: TypeAlias = bpy.types.Object | CameraData | None


@dataclass(frozen=True)
class Source:
    """What to reconstruct from.

    Attributes
    ----------
    views : pictures, with their cameras where those are known
    world_from_volume : (4, 4) float64 where the object is, if the source says so; else None
    pictures : what each view's picture was given as, where that may be shown behind a camera
    of_scene : the views are the scene's cameras, by their names
    volume_from : "file" where a file says where the object is, else empty
    remarks : sentences about how the source was understood, what was left out or may be wrong
    world_offset : local origin of the views' world in their file's, see `PosedFiles`; the scene's
        world is the views'
    """

    views: tuple[ViewData, ...]
    world_from_volume: np.ndarray | None = None
    pictures: tuple[Picture, ...] = ()
    of_scene: bool = False
    volume_from: str = ""
    remarks: tuple[str, ...] = ()
    world_offset: tuple[float, float, float] = (0.0, 0.0, 0.0)


def scene_source(
    scene: bpy.types.Scene,
    chosen: Sequence[bpy.types.Object] | None = None,
    frames: Frames = None,
) -> Source:
    """Return the views of the ticked cameras, or of the chosen ones, as `scene_views` does."""
    views, remarks = scene_views(scene, chosen, frames)
    cameras, _ = used_cameras(scene, chosen)
    return Source(
        views,
        remarks=(*scene_cameras.source_remarks(cameras), *remarks),
        world_offset=scene_cameras.world_offset(cameras),
        of_scene=True,
    )


def render_view(
    content: Content,
    camera: bpy.types.Object,
    scene: bpy.types.Scene,
    depsgraph: bpy.types.Depsgraph,
) -> ViewData:
    """Return the view of an image that is a render of the scene by `camera`, at any size.

    Raises
    ------
    RequestError
        If the camera can't be used, or the image is wider or taller than the scene renders.
    """
    width, height = pixels.content_size(content)
    data = scene_cameras.render_camera(camera, scene, depsgraph)
    if abs(width * data.h / (height * data.w) - 1.0) > scene_images.ASPECT_TOLERANCE:
        raise RequestError(
            f"The picture of {camera.name} is {width} x {height}, "
            f"but the scene renders {data.w} x {data.h}.",
            "Give the scene's render the proportions of the picture.",
        )
    mirrored = scene_cameras.mirroring(camera, None, depsgraph)
    return pixels.to_view(content, resized(data, width, height), camera.name, mirrored)


def folder_source(
    folder: str | PathLike[str], *, choose: Sequence[int] | int | None = None
) -> Source:
    """Return the posed images that a file of cameras, or that of a folder, lists.

    Parameters
    ----------
    choose
        Which frames: their indices; or how many, spread evenly; None: all.
    """
    posed = read_posed_images(Path(folder), choose=choose)
    return Source(
        views_of(posed),
        posed.world_from_volume,
        volume_from=posed.volume_from,
        remarks=posed.remarks,
        world_offset=posed.world_offset,
    )


def given_source(
    images: Picture | Iterable[Picture] | None,
    cameras: Camera | str | PathLike[str] | Iterable[Camera] | None,
    scene: bpy.types.Scene,
    frames: Frames = None,
) -> Source:
    """Return what a script hands over.

    Parameters
    ----------
    images
        Paths, Blender's images or (H, W, 3 or 4) arrays, sRGB, row 0 at the top; one or several.
        None: each camera's own picture.
    cameras
        Camera objects or `CameraData`, one for each image; or a file of cameras or its folder, with
        posed pictures. None: the scene's ticked cameras if there are no images either, else none.
    frames
        Of cameras whose image is a sequence or a movie, see `scene_views`.
    """
    if frames is not None and (images is not None or isinstance(cameras, str | PathLike)):
        raise RequestError(
            "Frames are asked for, but the images are given.",
            "Leave the images out, so that the scene's cameras are used.",
        )
    if isinstance(cameras, str | PathLike):
        if images is not None:
            raise RequestError("Give either images or a folder of posed pictures, not both.")
        return folder_source(cameras)
    if images is None:
        chosen = None if cameras is None else _objects(_listed(cameras))
        return scene_source(scene, chosen, frames)
    pictures = _listed(images)
    given = _listed(cameras) if cameras is not None else [None] * len(pictures)
    if not pictures:
        raise RequestError("There are no pictures to reconstruct from.")
    if len(given) != len(pictures):
        raise RequestError(
            f"There are {len(pictures)} pictures but {len(given)} cameras.",
            "Give one camera for each picture, in the same order.",
        )
    objects = [camera for camera in given if isinstance(camera, bpy.types.Object)]
    with evaluation.evaluated(objects, scene) as depsgraph:
        views = tuple(
            _given_view(picture, camera, number, scene, depsgraph)
            for number, (picture, camera) in enumerate(zip(pictures, given, strict=True))
        )
    return Source(views, pictures=tuple(pictures))


def picture_image(picture: Picture) -> bpy.types.Image | None:
    """Return a picture as an image of Blender's that can be shown; None for an array."""
    if isinstance(picture, bpy.types.Image):
        return picture
    if isinstance(picture, str | PathLike):
        path = bpy.path.abspath(str(picture))
        return bpy.data.images.load(path, check_existing=True)
    return None


def _given_view(
    picture: Picture,
    camera: Camera,
    number: int,
    scene: bpy.types.Scene,
    depsgraph: bpy.types.Depsgraph,
) -> ViewData:
    content, name = _content(picture, number)
    if isinstance(camera, bpy.types.Object):
        return render_view(content, camera, scene, depsgraph)
    return pixels.to_view(content, camera, name)


def _content(picture: Picture, number: int) -> tuple[Content, str]:
    """Return what the worker is to read of a picture, and what to call it."""
    if isinstance(picture, bpy.types.Image):
        return pixels.content_of(picture), picture.name
    if isinstance(picture, str | PathLike):
        path = bpy.path.abspath(str(picture))
        image_size(path)  # says in words what is wrong with it
        return image_file(path), Path(path).name
    return _rgba(np.asarray(picture), number), f"image {number}"


def _rgba(array: np.ndarray, number: int) -> np.ndarray:
    """Return an array as (H, W, 4) uint8 or float32; without alpha it is opaque."""
    if array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise RequestError(
            f"Image {number} is an array of shape {array.shape}.",
            "Give height x width x 3 or 4 channels.",
        )
    if array.dtype != np.uint8:
        array = array.astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            raise RequestError(f"Image {number} holds numbers that are not finite.")
    if array.shape[2] == 3:
        opaque = np.full((*array.shape[:2], 1), 255 if array.dtype == np.uint8 else 1, array.dtype)
        array = np.concatenate([array, opaque], axis=2)
    return np.ascontiguousarray(array)


def _listed(given: Any) -> list[Any]:
    """Return one or several as a list."""
    alone = isinstance(given, str | PathLike | np.ndarray | bpy.types.ID | CameraData)
    return [given] if alone else list(given)


def _objects(cameras: list[Any]) -> list[bpy.types.Object]:
    strange = [camera for camera in cameras if not isinstance(camera, bpy.types.Object)]
    if strange:
        raise RequestError(
            f"A {type(strange[0]).__name__} has no picture of its own.", "Give the images too."
        )
    return cameras
