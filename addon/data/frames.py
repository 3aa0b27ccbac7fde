"""Reconstruct an image sequence as one animated object: one mesh per frame, cached on disk."""

import tempfile
from collections.abc import Callable, Sequence
from itertools import count
from os import PathLike
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...backend.contract.errors import RequestError
from ...backend.contract.image_files import list_images
from ..jobs.requests import absolute
from ..jobs.results import CAMERAS
from ..scene.provenance import PROVENANCE
from ..scene.sequences import TEMPORARY, make_folder_sequence, show_step, write_step
from ..scene.views import ImageLike
from .blending import blend
from .series import Steps, finished

REACH = 3.0  # standard deviations within which frames are averaged
Reconstruct = Callable[..., bpy.types.Object]


def animate_images(
    reconstruct: Reconstruct,
    images: Sequence[ImageLike] | str | PathLike[str],
    *,
    folder: str | PathLike[str] | None = None,
    smooth: float = 0.0,
    start: int = 1,
    every: int = 1,
    name: str = "Animation",
    resolution: int = 64,
    **settings: Any,
) -> bpy.types.Object:
    """Add one object whose mesh follows the images of a sequence; see `api.animate_images`."""
    steps = image_steps(
        lambda image, name: reconstruct(image, name=name, resolution=resolution, **settings),
        lambda near, weights: blend(near, weights, resolution=resolution),
        images_of(images),
        folder=folder,
        smooth=smooth,
        start=start,
        every=every,
        name=name,
    )
    return finished(steps, lambda made: made)


def image_steps(
    reconstruct: Callable[[ImageLike, str], Any],
    mean: Callable[[Sequence[bpy.types.Object], list[float]], Any],
    images: Sequence[ImageLike],
    *,
    folder: str | PathLike[str] | None = None,
    smooth: float = 0.0,
    start: int = 1,
    every: int = 1,
    name: str = "Animation",
    arrange: Callable[[bpy.types.Object], object] | None = None,
) -> Steps:
    """Yield the job that `reconstruct` begins for each image; return the animated object.

    Parameters
    ----------
    reconstruct : begins the object of an image, by the image and a name
    mean : begins the weighted mean of objects
    arrange : moves the animated object

    Raises
    ------
    RequestError
        If the smoothing is not a number of frames.
    """
    if not 0 <= smooth < np.inf:
        raise RequestError(f"The smoothing is {smooth:g} frames.", "Give 0 or more.")
    cache = _cache(folder)
    made: list[bpy.types.Object] = []
    try:
        for image in images:
            one = yield reconstruct(image, f"{name} frame")
            one.hide_set(True)
            made.append(one)
            if not smooth:
                write_step(cache, len(made) - 1, one.data)
        for step in range(len(made) if smooth else 0):
            one = yield mean(*_near(made, step, smooth))
            write_step(cache, step, one.data)
            _remove(one)
        played = _played(made, name, cache, start=start, every=every, smooth=smooth)
        for one in made:  # it shall not be moved past them
            _remove(one)
        made.clear()
        if arrange is not None:
            bpy.context.view_layer.update()
            arrange(played)
        return played
    finally:
        for one in made:
            _remove(one)


def images_of(images: Sequence[ImageLike] | str | PathLike[str]) -> list[ImageLike]:
    """Return the images of a sequence: the given ones, or those of a folder in natural order."""
    if isinstance(images, str | PathLike):
        folder = Path(absolute(images))
        listed: list[ImageLike] = [str(path) for path in list_images(folder)]
        if not listed:
            raise RequestError(f"The folder {folder} holds no images.", "Name another folder.")
        return listed
    if not images:
        raise RequestError("No images are given.", "Give the images of a sequence.")
    return list(images)


def _cache(folder: str | PathLike[str] | None) -> Path:
    """Return an empty folder for the meshes: the given one, else a new one beside the .blend."""
    if folder is None and not bpy.data.filepath:
        return Path(tempfile.mkdtemp(prefix=TEMPORARY))
    if folder is None:
        beside = Path(bpy.data.filepath).with_suffix("") / "levelform"
        names = (beside / f"animation-{number}" for number in count(1))
        cache = next(path for path in names if not path.exists())  # others play older ones
    else:
        cache = Path(absolute(folder))
        for old in cache.glob("[0-9]*.npz"):
            old.unlink()
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def _stored(cache: Path) -> str:
    """Return a cache's path as objects store it: relative to the .blend if it is beside it."""
    if not bpy.data.filepath or not cache.is_relative_to(Path(bpy.data.filepath).parent):
        return str(cache)
    return bpy.path.relpath(str(cache))


def _near(
    made: Sequence[bpy.types.Object], step: int, std: float
) -> tuple[list[bpy.types.Object], list[float]]:
    """Return the frames around one, and their weights in its Gaussian mean."""
    reach = int(np.ceil(REACH * std))
    near = range(max(0, step - reach), min(len(made), step + reach + 1))
    weights = np.exp(-0.5 * ((np.array(near) - step) / std) ** 2)
    return [made[index] for index in near], (weights / weights.sum()).tolist()


def _played(
    made: Sequence[bpy.types.Object],
    name: str,
    cache: Path,
    *,
    start: int,
    every: int,
    smooth: float,
) -> bpy.types.Object:
    """Return the object that plays the cache's files, placed like the first frame."""
    mesh = made[0].data.copy()
    mesh.name = name
    played = bpy.data.objects.new(name, mesh)
    made[0].users_collection[0].objects.link(played)
    played.matrix_world = made[0].matrix_world
    facts = made[0][PROVENANCE].to_dict()
    played["levelform_frames"] = {
        "frames": len(made),
        "smooth": smooth,
        "method": facts.get("method", ""),
        "weights": facts.get("weights", ""),
    }
    make_folder_sequence(played, _stored(cache), len(made), start=start, every=every)
    show_step(played, 0)
    return played


def _remove(target: bpy.types.Object) -> None:
    """Remove the object of one image, and the cameras that were estimated for it."""
    for name in target.get(CAMERAS, ()):
        camera = bpy.data.objects.get(name)
        if camera is not None and isinstance(camera.data, bpy.types.Camera):
            bpy.data.cameras.remove(camera.data)  # and the object with it
    data = target.data
    bpy.data.objects.remove(target)
    if isinstance(data, bpy.types.Mesh) and not data.users:
        bpy.data.meshes.remove(data)
