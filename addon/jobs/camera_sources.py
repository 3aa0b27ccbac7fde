"""Jobs that place cameras for drawings and for photographs."""

import os
import shutil
import tempfile
import uuid
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import bpy

from ...backend.contract.camera_files import read_posed_images
from ...backend.contract.drawings import SIZE, check_names
from ...backend.contract.errors import RequestError
from ...backend.contract.image_files import image_size
from ...backend.contract.limits import check
from ...backend.contract.photographs import FRAMES
from ...backend.contract.protocol import Background, PlaceDrawings, PlacePhotographs
from ..scene import cameras as scene_cameras
from ..scene import drawings as scene_drawings
from ..scene import ground
from ..scene import volume as scene_volume
from .requests import absolute, background_of
from .results import Deleted, Handle, MeshlessResult
from .running import Running
from .session import exhaust, live
from .stage import add_cameras

PHOTOGRAPHS = "Levelform Photographs"  # the collection
FILE = "cameras.json"


class FromFile(MeshlessResult):
    """A job whose answer is a file in a folder of its own, which is removed at the end.

    Attributes
    ----------
    facts : what the worker says
    """

    def __init__(self, job: str, scene: bpy.types.Scene, folder: str) -> None:
        super().__init__(job, scene)
        self._folder = folder
        self.facts: dict[str, Any] = {}

    def finish(self, provenance: Mapping[str, Any]) -> Any:
        """Read the file, and return the scene."""
        try:
            if self.scene is None:
                raise Deleted
            self.facts = dict(provenance)
            self._read(self.scene)
        finally:
            self.discard()
        return self.scene

    def discard(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @abstractmethod
    def _read(self, scene: bpy.types.Scene) -> None:
        """Store the file's contents in the scene."""


class FileCameras(FromFile):
    """A job whose file holds cameras, which are added to the scene.

    Attributes
    ----------
    added : the cameras' names, once they are there
    """

    promise = "The cameras will appear in a moment"

    def __init__(self, job: str, scene: bpy.types.Scene, folder: str) -> None:
        super().__init__(job, scene, folder)
        self.added: list[str] = []

    def _read(self, scene: bpy.types.Scene) -> None:
        center = scene_volume.place_of_object(scene)[0]
        cameras = add_cameras(self.facts["out"])
        self._equip(scene, cameras)
        self._place(scene, cameras, center)
        scene.levelform.source = "CAMERAS"
        self.added = [camera.name for camera in cameras]

    def _place(
        self,
        scene: bpy.types.Scene,
        cameras: Sequence[bpy.types.Object],
        center: tuple[float, float, float] | None,
    ) -> None:
        """Move the new cameras around the scene's volume; a new volume stands beside meshes.

        Parameters
        ----------
        center : of the volume that the scene had before
        """
        if center is None:
            if scene.levelform.volume is not None:
                ground.move_aside(scene.levelform.volume, cameras, scene)
            return
        made = read_posed_images(self.facts["out"]).world_from_volume
        if made is not None:
            shift = [new - old for new, old in zip(center, made[:3, 3].tolist(), strict=True)]
            ground.shift_all(cameras, shift)

    @abstractmethod
    def _equip(self, scene: bpy.types.Scene, cameras: Sequence[bpy.types.Object]) -> None:
        """Put the new cameras into their collection, with what belongs to them."""


class DrawingCameras(FileCameras):
    """Cameras of drawings; the cameras that they replace are removed."""

    label = "Cameras of Drawings"

    def __init__(
        self,
        job: str,
        scene: bpy.types.Scene,
        folder: str,
        paths: Sequence[str],
        replaced: Sequence[bpy.types.Object],
    ) -> None:
        super().__init__(job, scene, folder)
        self._paths = list(paths)
        self._replaced = [Handle.of(camera) for camera in replaced]

    def _read(self, scene: bpy.types.Scene) -> None:
        old = [handle.find(bpy.data.objects) for handle in self._replaced]
        scene_drawings.remove_cameras([camera for camera in old if camera is not None])
        super()._read(scene)

    def _equip(self, scene: bpy.types.Scene, cameras: Sequence[bpy.types.Object]) -> None:
        scene_drawings.pack_images(cameras)
        scene_drawings.gather(cameras, scene, scene_drawings.COLLECTION)
        scene_drawings.remember(scene, self._paths, self.facts, cameras)


class PhotographCameras(FileCameras):
    """Cameras of photographs."""

    label = "Cameras of Photographs"

    def _equip(self, scene: bpy.types.Scene, cameras: Sequence[bpy.types.Object]) -> None:
        scene_drawings.gather(cameras, scene, PHOTOGRAPHS)
        for camera in cameras:
            scene_cameras.tell_source(camera, (0.0, 0.0, 0.0), self.facts["remarks"])
        scene_drawings.remember_photographs(scene, self.facts)


# ---------------------------------------------------------------- public functions


def cameras_from_drawings(
    images: str | PathLike[str] | Iterable[str | PathLike[str]],
    names: Sequence[str] = (),
    *,
    side: float = SIZE,
    background: Background | str = "auto",
    preview: str | PathLike[str] = "",
) -> tuple[list[bpy.types.Object], dict[str, Any]]:
    """Add an orthographic camera for each drawing of a sheet, or for each of several images.

    The drawings are packed into the .blend.

    Parameters
    ----------
    images
        One image is a sheet with several drawings on a plain background; several are one each.
    names
        The sides that they show, see `contract.drawings.SIDES`, row by row; "-" leaves one out.
        Empty: by position on the sheet, or by the words in the files' names.
    side
        The object's longest side.
    background
        As in `reconstruct`.
    preview
        A PNG to write: the sheet with a frame at each drawing, see also `find_drawings`.

    Returns
    -------
    The camera objects, and the facts: "views" with each drawing's name and place on the sheet,
    "sides" (the object's width, depth and height), "residual" and "remarks".

    Raises
    ------
    RequestError
        If a sheet can't be cut, or sides are missing or contradictory; the scene is unchanged.
    """
    running = begin_drawings(
        listed(images),
        bpy.context.scene,
        names,
        side=side,
        background=background_of(background),
        preview=preview,
    )
    return _driven(running)


def cameras_from_photographs(
    source: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    masks: str = "auto",
    distortion: bool = True,
    side: float = SIZE,
    frames: int = FRAMES,
    seed: int = 0,
) -> tuple[list[bpy.types.Object], dict[str, Any]]:
    """Add a camera for each photograph of an object, found by structure from motion (pycolmap).

    Parameters
    ----------
    source
        A folder, a video, or image files. Frames of a video are written into a folder beside it.
    masks
        "use" them to ignore the background, if it does not move with the object; "ignore" them;
        "auto": use them only if the cameras can't be estimated without them.
    distortion
        Find and undo the lens distortion.
    side
        The object's longest side.
    frames
        How many frames of a video are taken.

    Returns
    -------
    The camera objects, and the facts: "placed" of "images", "missing", "error", "box_from",
    "remarks" and others.

    Raises
    ------
    RequestError
        If a source can't be used, or pycolmap is not installed.
    WorkError
        If the cameras can't be found, or are probably wrong; the scene is unchanged.
    """
    running = begin_photographs(
        listed(source),
        bpy.context.scene,
        masks=masks,
        distortion=distortion,
        side=side,
        frames=frames,
        seed=seed,
    )
    return _driven(running)


# ---------------------------------------------------------------- jobs


def begin_drawings(
    paths: Sequence[str | PathLike[str]],
    scene: bpy.types.Scene,
    names: Sequence[str] = (),
    *,
    side: float | None = None,
    background: Background | None = None,
    replaced: Sequence[bpy.types.Object] = (),
    preview: str | PathLike[str] = "",
) -> Running:
    """Begin to cut and place drawings.

    Parameters
    ----------
    replaced : cameras to remove once the new ones are known
    preview : a PNG to write, see `PlaceDrawings`

    Raises
    ------
    RequestError
        If a value is invalid; nothing was begun.
    """
    request, files, folder = drawing_request(paths, scene, names, side, background, preview)
    result = DrawingCameras(request.job, scene, folder, files, replaced)
    return live.begin(request, result, {})


def drawing_request(
    paths: Sequence[str | PathLike[str]],
    scene: bpy.types.Scene,
    names: Sequence[str] = (),
    side: float | None = None,
    background: Background | None = None,
    preview: str | PathLike[str] = "",
) -> tuple[PlaceDrawings, list[str], str]:
    """Return a request, its files, and the folder that it writes to.

    Raises
    ------
    RequestError
        As `begin_drawings`.
    """
    check_names([name for name in names if name != "-"])
    if preview and len(paths) > 1:
        raise RequestError("A preview shows one sheet.", "Leave it out for separate images.")
    files = [absolute(path) for path in paths]
    for path in files:
        image_size(path)  # raises with a sentence about what is wrong with it
    side = side or scene_volume.place_of_object(scene)[1] or SIZE
    check("side", side)
    folder = tempfile.mkdtemp(prefix="levelform-")
    request = PlaceDrawings(
        uuid.uuid4().hex,
        tuple(files),
        os.path.join(folder, FILE),
        tuple(names),
        side,
        background or scene.levelform.background_data(),
        absolute(preview) if preview else "",
    )
    return request, files, folder


def begin_again(scene: bpy.types.Scene) -> Running:
    """Begin to place the listed drawings again, under the list's current names.

    Raises
    ------
    RequestError
        If there are none, or their files are gone.
    """
    paths = scene_drawings.paths_of(scene)
    if not paths:
        raise RequestError("No drawings were cut yet.", "Choose a sheet of drawings.")
    names = scene_drawings.names_of(scene)
    kept = [(path, name) for path, name in zip(paths, names, strict=False) if name != "-"]
    if len(paths) > 1:  # separate drawings: omitted ones are not read
        paths, names = [path for path, _ in kept], tuple(name for _, name in kept)
    replaced = scene_drawings.cameras_of(scene)
    return begin_drawings(paths, scene, names, replaced=replaced)


def begin_photographs(
    paths: Sequence[str | PathLike[str]],
    scene: bpy.types.Scene,
    *,
    masks: str = "auto",
    distortion: bool = True,
    side: float | None = None,
    frames: int = FRAMES,
    seed: int = 0,
) -> Running:
    """Begin to find the cameras of photographs.

    Raises
    ------
    RequestError
        If a source does not exist, or a value is invalid; nothing was begun.
    """
    files = [absolute(path) for path in paths]
    for path in files:
        if not os.path.exists(path):
            raise RequestError(f"{path} does not exist.", "Choose a folder, a video, or images.")
    side = side or SIZE
    check("side", side)
    folder = tempfile.mkdtemp(prefix="levelform-")
    first = Path(files[0])
    job = uuid.uuid4().hex
    request = PlacePhotographs(
        job,
        tuple(files),
        os.path.join(folder, FILE),
        str(first.with_name(f"{first.stem}-frames")) if first.is_file() else "",
        masks,
        distortion,
        side,
        frames,
        seed,
    )
    return live.begin(request, PhotographCameras(job, scene, folder), {})


def listed(
    given: str | PathLike[str] | Iterable[str | PathLike[str]],
) -> list[str | PathLike[str]]:
    """Return the paths that a person gave, one or several.

    Raises
    ------
    RequestError
        If there are none.
    """
    paths = [given] if isinstance(given, str | PathLike) else list(given)
    if not paths:
        raise RequestError("No image is given.", "Choose one or more.")
    return paths


def _driven(running: Running) -> tuple[list[bpy.types.Object], dict[str, Any]]:
    """Run a job to its end; return the new cameras and the facts."""
    exhaust(live.drive(running))
    result = running.result
    assert isinstance(result, FileCameras)
    facts = {name: value for name, value in result.facts.items() if name != "out"}
    return [bpy.data.objects[name] for name in result.added], facts
