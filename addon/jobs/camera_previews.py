"""Jobs that show the input of camera estimation: masks of images, pieces of a sheet."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import bpy

from ...backend.contract.camera_estimates import check_count, in_order
from ...backend.contract.camera_files import read_posed_images
from ...backend.contract.errors import RequestError
from ...backend.contract.image_files import image_file, image_size
from ...backend.contract.protocol import Background, FindMasks, ViewData, ViewMask
from ..scene import around
from ..scene import drawings as scene_drawings
from ..scene.views import scene_source
from .camera_estimates import begin_find
from .camera_sources import FromFile, drawing_request, listed
from .image_paths import image_paths
from .mask_files import begin_view_masks, masks_of
from .requests import background_of
from .results import Checked, Deleted
from .running import Running
from .session import exhaust, live


class ShownImages(Checked):
    """Images with their masks' outlines, in the panel; no camera is made."""

    label = "Show Masks"
    promise = "The masks will appear in a moment"

    def __init__(self, job: str, scene: bpy.types.Scene, paths: Sequence[str]) -> None:
        super().__init__(job, scene)
        self._paths = list(paths)
        self.running: Running | None = None

    def finish(self, provenance: Mapping[str, Any]) -> Any:
        """Store the masks on the scene, and return it."""
        scene = self.scene
        if scene is None:
            raise Deleted
        around.remember(scene, self._paths, self.masks)
        return scene

    @property
    def masks(self) -> tuple[ViewMask, ...]:
        """The detected masks."""
        assert self.running is not None  # it was begun
        assert self.running.job.masks is not None  # the job has finished
        return self.running.job.masks.masks


def find_masks(
    images: str | PathLike[str] | Iterable[str | PathLike[str]] | None = None,
    *,
    background: Background | str = "auto",
    as_given: bool = False,
) -> list[ViewMask]:
    """Return the masks that cameras would be found from or refined by, to look at them first.

    Parameters
    ----------
    images
        Image files, four or more, or a folder of them. None: those of the scene's ticked cameras.
    background, as_given
        As in `find_cameras`.

    Returns
    -------
    For each image `name`, `mask` (H, W) uint8, `shown` (the image with the outline), `source`
    ("file", "alpha", "background" or "network") and `doubt`, why it may be wrong.

    Raises
    ------
    RequestError
        If the images can't be read or sorted.
    """
    if images is None:
        scene = bpy.context.scene
        views = scene_source(scene).views
        running = begin_view_masks(views, background_of(background), scene)
        exhaust(live.drive(running))
        return list(masks_of(running))
    running = begin_masks_of(
        image_paths(images),
        bpy.context.scene,
        background=background_of(background),
        as_given=as_given,
    )
    exhaust(live.drive(running))
    assert isinstance(running.result, ShownImages)
    return list(running.result.masks)


def begin_masks_of(
    images: Sequence[str | PathLike[str]],
    scene: bpy.types.Scene,
    *,
    background: Background | None = None,
    as_given: bool = False,
) -> Running:
    """Begin to find the masks of image files, to show them before their cameras are estimated.

    Raises
    ------
    RequestError
        If the images can't be used or sorted; nothing was begun.
    """
    paths = image_paths(images)
    check_count(len(paths))
    if not as_given:
        paths = [paths[index] for index in in_order([Path(path).name for path in paths])]
    for path in paths:
        image_size(path)  # raises with a sentence about what is wrong with it
    views = tuple(ViewData(None, None, Path(path).name, image_file(path)) for path in paths)
    job = uuid.uuid4().hex
    request = FindMasks(job, views, background or scene.levelform.background_data())
    result = ShownImages(job, scene, paths)
    result.running = live.begin(request, result, {})
    return result.running


def begin_find_shown(scene: bpy.types.Scene) -> Running:
    """Begin to estimate the cameras of the images shown in the panel.

    Raises
    ------
    RequestError
        If there are none, or they can't be used; nothing was begun.
    """
    paths, chosen = around.paths_of(scene), scene.levelform_around
    if not paths:
        raise RequestError("No images are shown.", "Choose the images of a turntable or a walk.")
    return begin_find(paths, scene, chosen.way, **chosen.settings(), as_given=True)


# ---------------------------------------------------------------- drawings


class SheetPieces(FromFile):
    """The pieces of a sheet, in the panel's list; no camera is made."""

    label = "Show Drawings"
    promise = "The drawings will appear in a moment"

    def __init__(self, job: str, scene: bpy.types.Scene, folder: str, paths: Sequence[str]) -> None:
        super().__init__(job, scene, folder)
        self._paths = list(paths)

    def _read(self, scene: bpy.types.Scene) -> None:
        frames = read_posed_images(self.facts["out"]).frames
        files = [str(frame.path) for frame in frames]
        scene_drawings.show(scene, self._paths, self.facts, files)


def find_drawings(
    images: str | PathLike[str] | Iterable[str | PathLike[str]],
    names: Sequence[str] = (),
    *,
    background: Background | str = "auto",
    preview: str | PathLike[str] = "",
) -> dict[str, Any]:
    """Cut a sheet, to look at its drawings and their sides first; no camera is made.

    Parameters
    ----------
    images, names, background, preview
        As in `cameras_from_drawings`.

    Returns
    -------
    The facts, as of `cameras_from_drawings`.

    Raises
    ------
    RequestError
        As `cameras_from_drawings`.
    """
    running = begin_pieces(
        listed(images),
        bpy.context.scene,
        names,
        background=background_of(background),
        preview=preview,
    )
    exhaust(live.drive(running))
    assert isinstance(running.result, SheetPieces)
    return {name: value for name, value in running.result.facts.items() if name != "out"}


def begin_pieces(
    paths: Sequence[str | PathLike[str]],
    scene: bpy.types.Scene,
    names: Sequence[str] = (),
    *,
    background: Background | None = None,
    preview: str | PathLike[str] = "",
) -> Running:
    """Begin to cut a sheet, or to name separate drawings, for the panel's list alone.

    `begin_again` makes the cameras of the list. Parameters as of `begin_drawings`.

    Raises
    ------
    RequestError
        As `begin_drawings`.
    """
    request, files, folder = drawing_request(paths, scene, names, None, background, preview)
    return live.begin(request, SheetPieces(request.job, scene, folder, files), {})
