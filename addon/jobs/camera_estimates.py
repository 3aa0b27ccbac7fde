"""Jobs that refine the scene's cameras, or estimate those of image files."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import bpy

from ...backend.contract.camera_estimates import WAYS, in_order
from ...backend.contract.cures import check_cures
from ...backend.contract.errors import RequestError
from ...backend.contract.image_files import image_file, image_size
from ...backend.contract.limits import check
from ...backend.contract.protocol import (
    Background,
    CameraData,
    CameraEstimates,
    FindCameras,
    RefineCameras,
    ViewData,
)
from ..scene import around, camera_estimates
from ..scene import volume as scene_volume
from ..scene.scene_source import used_cameras
from ..scene.views import scene_source
from .image_paths import image_paths
from .requests import background_of
from .results import Deleted, Handle, MeshlessResult
from .running import Running
from .session import exhaust, live

SIDE = 2.0  # metres; longest side of an object in a scene without a volume


class _Estimate(MeshlessResult, ABC):
    """A job with cameras as its answer; it shows no mesh.

    Attributes
    ----------
    running : the job, once begun
    """

    promise = "The cameras will appear in a moment"

    def __init__(self, job: str, scene: bpy.types.Scene) -> None:
        super().__init__(job, scene)
        self.running: Running | None = None

    def finish(self, provenance: Mapping[str, Any]) -> Any:
        """Write the cameras into the scene, and return it."""
        scene = self.scene
        if scene is None:
            raise Deleted
        assert self.running is not None  # it was begun
        answer = self.running.job.cameras
        assert answer is not None  # the job has finished
        self.write(scene, answer)
        camera_estimates.remember(scene, answer.facts)
        return scene

    @abstractmethod
    def write(self, scene: bpy.types.Scene, answer: CameraEstimates) -> None:
        """Write the answer into the scene."""


class RefinedCameras(_Estimate):
    """New values of the scene's cameras."""

    label = "Refine Cameras"

    def __init__(
        self,
        job: str,
        scene: bpy.types.Scene,
        cameras: Sequence[bpy.types.Object],
        given: Sequence[CameraData | None],
    ) -> None:
        super().__init__(job, scene)
        self._cameras = [Handle.of(camera) for camera in cameras]
        self._given = tuple(given)

    def write(self, scene: bpy.types.Scene, answer: CameraEstimates) -> None:
        """Move the cameras that are still there, if the new values are better."""
        cameras = [handle.find(scene.objects) for handle in self._cameras]
        if any(camera is None for camera in cameras):
            raise Deleted
        if answer.facts["better"]:
            camera_estimates.move_cameras(cameras, self._given, answer.cameras)


class AddedCameras(_Estimate):
    """New cameras with their images.

    Attributes
    ----------
    added : the cameras' names, once they are there
    """

    label = "Find Cameras"

    def __init__(self, job: str, scene: bpy.types.Scene, paths: Sequence[str]) -> None:
        super().__init__(job, scene)
        self._paths = list(paths)
        self.added: list[str] = []

    def write(self, scene: bpy.types.Scene, answer: CameraEstimates) -> None:
        """Add the cameras."""
        added = camera_estimates.add_cameras(
            self._paths, answer.cameras, answer.world_from_volume, scene
        )
        self.added = [camera.name for camera in added]
        around.forget(scene)


def refine_cameras(
    cameras: Iterable[bpy.types.Object] | None = None,
    *,
    focal: bool = True,
    background: Background | str = "auto",
    cures: Iterable[str] = (),
) -> dict[str, Any]:
    """Refine cameras until the silhouettes of their images agree; nothing is reconstructed.

    Former values are stored, see `restore_cameras`; cameras without a better estimate stay.

    Parameters
    ----------
    cameras
        Camera objects with images. None: the scene's ticked ones.
    focal
        Whether to estimate one factor of all focal lengths too.
    background, cures
        As in `reconstruct`.

    Returns
    -------
    The mean residuals "before" and "after" in pixels of 224, whether the cameras are "better", the
    "focal_factor", and "views" with each view's residuals.

    Raises
    ------
    RequestError
        If the cameras or images can't be used, or images seem to be exchanged.
    WorkError
        If the work failed.
    """
    running = begin_refine(
        bpy.context.scene,
        None if cameras is None else list(cameras),
        background=background_of(background),
        cures=tuple(cures),
        focal=focal,
    )
    return _driven(running)


def restore_cameras(scene: bpy.types.Scene | None = None) -> list[bpy.types.Object]:
    """Give refined cameras the pose and lens that they had before; return them."""
    scene = scene or bpy.context.scene
    cameras = camera_estimates.refined_cameras(scene)
    camera_estimates.restore_cameras(cameras)
    camera_estimates.forget(scene)
    return cameras


def find_cameras(
    images: str | PathLike[str] | Iterable[str | PathLike[str]],
    way: str = "turntable",
    *,
    step: float | None = None,
    focal: float | None = None,
    side: float | None = None,
    background: Background | str = "auto",
    as_given: bool = False,
) -> tuple[list[bpy.types.Object], dict[str, Any]]:
    """Add cameras for images taken around an object, from their silhouettes alone.

    Parameters
    ----------
    images
        Image files, or a folder of them.
    way
        "turntable": the object turned by equal steps before one camera; "walk": by hand, walking
        once around the object.
    step
        Degrees between two images of a turntable. None: they go once around.
    focal
        Focal length in widths of the image. None: from the file, else estimated.
    side
        The object's longest side. None: that of the scene's volume, else 2 m.
    background
        As in `reconstruct`.
    as_given
        Keep the order of the images; else they are sorted by the numbers in their names.

    Returns
    -------
    The camera objects, each with its image as background image, and the facts: "confidence"
    ("right", "usable" or "doubtful"), "loss" in pixels of 224, "focal", "elevation", "direction",
    "suspects" and "remarks".

    Raises
    ------
    RequestError
        If the images can't be used: too few, all alike, cut off, empty, of mixed sizes, unordered.
    WorkError
        If the work failed.
    """
    running = begin_find(
        image_paths(images),
        bpy.context.scene,
        way,
        background=background_of(background),
        step=step,
        focal=focal,
        side=side,
        as_given=as_given,
    )
    facts = _driven(running)
    result = running.result
    assert isinstance(result, AddedCameras)
    return [bpy.data.objects[name] for name in result.added], facts


def _driven(running: Running) -> dict[str, Any]:
    """Run a job to its end; return the facts."""
    exhaust(live.drive(running))
    assert running.job.cameras is not None  # otherwise `drive` raises
    return running.job.cameras.facts


def begin_refine(
    scene: bpy.types.Scene,
    chosen: Sequence[bpy.types.Object] | None = None,
    *,
    background: Background | None = None,
    cures: tuple[str, ...] = (),
    focal: bool = True,
) -> Running:
    """Begin to refine cameras of the scene.

    Parameters
    ----------
    chosen : these cameras; None: the ticked ones
    background, cures : as in `Settings`
    focal : whether to estimate one factor of all focal lengths too

    Raises
    ------
    RequestError
        If a camera can't be used or moved; nothing was begun.
    """
    cameras, _ = used_cameras(scene, chosen)
    camera_estimates.check_movable(cameras)
    source = scene_source(scene, chosen)
    check_cures(cures, len(source.views))
    job = uuid.uuid4().hex
    background = background or scene.levelform.background_data()
    request = RefineCameras(job, source.views, background, cures, focal)
    given = [view.camera for view in source.views]
    return _begin(request, RefinedCameras(job, scene, cameras, given))


def begin_find(
    images: Sequence[str | PathLike[str]],
    scene: bpy.types.Scene,
    way: str,
    *,
    background: Background | None = None,
    step: float | None = None,
    focal: float | None = None,
    side: float | None = None,
    as_given: bool = False,
) -> Running:
    """Begin to find the cameras of image files.

    Parameters
    ----------
    way, step, focal : as in `FindCameras`
    side : the object's longest side; None: that of the scene's volume, else `SIDE`
    as_given : keep the order of the images; else they are sorted by the numbers in their names

    Raises
    ------
    RequestError
        If the images can't be used or sorted; nothing was begun.
    """
    if way not in WAYS:
        raise RequestError(f"{way!r} is not a way to find cameras.", f"Choose {' or '.join(WAYS)}.")
    paths = image_paths(images)
    if not as_given:
        paths = [paths[index] for index in in_order([Path(path).name for path in paths])]
    for path in paths:
        image_size(path)  # raises with a sentence about what is wrong with it
    views = tuple(ViewData(None, None, Path(path).name, image_file(path)) for path in paths)
    center, volume_side = scene_volume.place_of_object(scene)
    job = uuid.uuid4().hex
    request = FindCameras(
        job,
        way,
        views,
        background=background or scene.levelform.background_data(),
        step=step,
        focal=focal,
        side=side or volume_side or SIDE,
        center=center,
    )
    for name, value in (("step", step), ("focal", focal), ("side", request.side)):
        if value is not None:
            check(name, value)
    return _begin(request, AddedCameras(job, scene, paths))


def _begin(request: RefineCameras | FindCameras, result: _Estimate) -> Running:
    running = live.begin(request, result, {})
    result.running = running
    return running
