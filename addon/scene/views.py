"""The source of a job: the scene's images, a folder's, or those that a script passes."""

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

ImageLike: TypeAlias = str | PathLike[str] | bpy.types.Image | np.ndarray
Camera: TypeAlias = bpy.types.Object | CameraData | None


@dataclass(frozen=True)
class ViewSource:
    """What to reconstruct from.

    Attributes
    ----------
    views : images, with their cameras if known
    world_from_volume : (4, 4) float64 volume of the object, if the source states it; else None
    images : each view's image as it was given, if it can be displayed behind a camera
    of_scene : the views are the scene's cameras, by their names
    volume_from : "file" if a file states the volume, else empty
    remarks : sentences about how the source was interpreted, what was left out or may be wrong
    world_offset : local origin of the views' world in that of their file, see `PosedFiles`; the
        scene's world is the views'
    """

    views: tuple[ViewData, ...]
    world_from_volume: np.ndarray | None = None
    images: tuple[ImageLike, ...] = ()
    of_scene: bool = False
    volume_from: str = ""
    remarks: tuple[str, ...] = ()
    world_offset: tuple[float, float, float] = (0.0, 0.0, 0.0)


def scene_source(
    scene: bpy.types.Scene,
    chosen: Sequence[bpy.types.Object] | None = None,
    frames: Frames = None,
) -> ViewSource:
    """Return the source of the ticked cameras, or of the chosen ones, see `scene_views`."""
    views, remarks = scene_views(scene, chosen, frames)
    cameras, _ = used_cameras(scene, chosen)
    return ViewSource(
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
    """Return the view of an image that is a render of the scene by `camera`, of any size.

    Raises
    ------
    RequestError
        If the camera can't be used, or the image has another aspect ratio than the scene's render.
    """
    width, height = pixels.content_size(content)
    data = scene_cameras.render_camera(camera, scene, depsgraph)
    if abs(width * data.h / (height * data.w) - 1.0) > scene_images.ASPECT_TOLERANCE:
        raise RequestError(
            f"The image of {camera.name} is {width} x {height}, "
            f"but the scene renders {data.w} x {data.h}.",
            "Give the scene's render the proportions of the image.",
        )
    mirrored = scene_cameras.mirroring(camera, None, depsgraph)
    view = pixels.to_view(content, resized(data, width, height), camera.name, mirrored)
    return pixels.with_depth(view, camera)


def folder_source(
    folder: str | PathLike[str], *, choose: Sequence[int] | int | None = None
) -> ViewSource:
    """Return the source of the posed images in a file of cameras, or in that of a folder.

    Parameters
    ----------
    choose
        Indices of frames; or a number of frames, spread evenly; None: all.
    """
    posed = read_posed_images(Path(folder), choose=choose)
    return ViewSource(
        views_of(posed),
        posed.world_from_volume,
        volume_from=posed.volume_from,
        remarks=posed.remarks,
        world_offset=posed.world_offset,
    )


def given_source(
    images: ImageLike | Iterable[ImageLike] | None,
    cameras: Camera | str | PathLike[str] | Iterable[Camera] | None,
    scene: bpy.types.Scene,
    frames: Frames = None,
) -> ViewSource:
    """Return the source of the images and cameras that a script passes.

    Parameters
    ----------
    images
        Paths, Blender's images or (H, W, 3 or 4) arrays, sRGB, row 0 at the top; one or several.
        None: each camera's own image.
    cameras
        Camera objects or `CameraData`, one for each image; or a file of cameras or its folder, with
        posed images. None: the scene's ticked cameras if there are no images either, else none.
    frames
        For cameras whose image is a sequence or a movie, see `scene_views`.
    """
    if frames is not None and (images is not None or isinstance(cameras, str | PathLike)):
        raise RequestError(
            "Frames are requested, but images are given.",
            "Omit the images to use the scene's cameras.",
        )
    if isinstance(cameras, str | PathLike):
        if images is not None:
            raise RequestError(
                "Give either images or a folder of posed images, not both.",
                "Leave one of them out.",
            )
        return folder_source(cameras)
    if images is None:
        chosen = None if cameras is None else _objects(_listed(cameras))
        return scene_source(scene, chosen, frames)
    given_images = _listed(images)
    given = _listed(cameras) if cameras is not None else [None] * len(given_images)
    if not given_images:
        raise RequestError(
            "No images are given.",
            "Give images, or cameras with background images.",
        )
    if len(given) != len(given_images):
        raise RequestError(
            f"There are {len(given_images)} images but {len(given)} cameras.",
            "Give one camera for each image, in the same order.",
        )
    objects = [camera for camera in given if isinstance(camera, bpy.types.Object)]
    with evaluation.evaluated(objects, scene) as depsgraph:
        views = tuple(
            _given_view(image, camera, number, scene, depsgraph)
            for number, (image, camera) in enumerate(zip(given_images, given, strict=True))
        )
    return ViewSource(views, images=tuple(given_images))


def blender_image(image: ImageLike) -> bpy.types.Image | None:
    """Return an image as a Blender image that can be displayed; None for an array."""
    if isinstance(image, bpy.types.Image):
        return image
    if isinstance(image, str | PathLike):
        path = bpy.path.abspath(str(image))
        return bpy.data.images.load(path, check_existing=True)
    return None


def _given_view(
    image: ImageLike,
    camera: Camera,
    number: int,
    scene: bpy.types.Scene,
    depsgraph: bpy.types.Depsgraph,
) -> ViewData:
    content, name = _content(image, number)
    if isinstance(camera, bpy.types.Object):
        return render_view(content, camera, scene, depsgraph)
    return pixels.to_view(content, camera, name)


def _content(image: ImageLike, number: int) -> tuple[Content, str]:
    """Return an image's data for the worker, and its name."""
    if isinstance(image, bpy.types.Image):
        return pixels.content_of(image), image.name
    if isinstance(image, str | PathLike):
        path = bpy.path.abspath(str(image))
        image_size(path)  # raises with a sentence about what is wrong with it
        return image_file(path), Path(path).name
    return _rgba(np.asarray(image), number), f"image {number}"


def _rgba(array: np.ndarray, number: int) -> np.ndarray:
    """Return an array as (H, W, 4) uint8 or float32; opaque if it has no alpha."""
    if array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise RequestError(
            f"Image {number} is an array of shape {array.shape}.",
            "Give height x width x 3 or 4 channels.",
        )
    if array.dtype != np.uint8:
        array = array.astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            raise RequestError(
                f"Image {number} contains non-finite numbers.", "Replace NaN and infinity before."
            )
    if array.shape[2] == 3:
        opaque = np.full((*array.shape[:2], 1), 255 if array.dtype == np.uint8 else 1, array.dtype)
        array = np.concatenate([array, opaque], axis=2)
    return np.ascontiguousarray(array)


def _listed(given: Any) -> list[Any]:
    """Return one item or several as a list."""
    alone = isinstance(given, str | PathLike | np.ndarray | bpy.types.ID | CameraData)
    return [given] if alone else list(given)


def _objects(cameras: list[Any]) -> list[bpy.types.Object]:
    strange = [camera for camera in cameras if not isinstance(camera, bpy.types.Object)]
    if strange:
        raise RequestError(
            f"A {type(strange[0]).__name__} has no image of its own.", "Give the images too."
        )
    return cameras
