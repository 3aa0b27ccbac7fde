"""Reads posed images from a path: detects the format, finds the images, sets a local origin."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..cameras import CameraData
from ..errors import RequestError
from ..image_files import image_size
from ..words import choose_views
from . import colmap, metashape, realityscan, sdfstudio, splatting, transforms_json
from .intrinsics import camera_of, needs_size
from .origin import local_origin, moved_cameras, moved_volume
from .paths import ImageFinder
from .types import Entry, Listing, PosedFiles, PosedFrame

TRANSFORMS = "transforms.json"
# Searched for in a folder, in this order; `transforms_val.json` and similar must be named.
CAMERA_FILES = (TRANSFORMS, "transforms_train.json", "meta_data.json", "cameras.json")
KINDS = (
    f"{TRANSFORMS}, 3D Gaussian Splatting's cameras.json, sdfstudio's meta_data.json, a COLMAP "
    "model, Metashape's XML or RealityScan's CSV"
)
_HEAD = 1 << 16  # bytes read to tell XML from CSV


def read_posed_images(
    path: str | PathLike[str], *, choose: Sequence[int] | int | None = None
) -> PosedFiles:
    """Read a camera file, or the one in a folder.

    No image is decoded; headers are read for sizes that the file omits.

    Parameters
    ----------
    path
        A file or a folder, see `KINDS`; a COLMAP model by its folder or one of its files.
    choose
        Indices of frames, or a number of frames spread evenly; None: all.

    Raises
    ------
    RequestError
        If the file does not exist or has an unknown format, or a chosen frame lacks an image, a
        number or a rigid pose.
    """
    listing = _listing(Path(path))
    entries = [listing.entries[index] for index in choose_views(len(listing.entries), choose)]
    finder = ImageFinder(listing.folders)
    remarks: list[str] = []
    frames: list[PosedFrame] = []
    for entry in entries:
        frame, said = _frame(entry, finder)
        remarks += said
        frames.append(frame)
    frames, doubles = _without_doubles(frames)
    offset = local_origin([frame.camera for frame in frames])
    cameras = moved_cameras([frame.camera for frame in frames], offset)
    names = _names([frame.path for frame in frames])
    return PosedFiles(
        frames=tuple(
            replace(frame, camera=camera, name=name)
            for frame, camera, name in zip(frames, cameras, names, strict=True)
        ),
        world_from_volume=moved_volume(listing.world_from_volume, offset),
        volume_from="" if listing.world_from_volume is None else "file",
        remarks=tuple(dict.fromkeys([*listing.remarks, *finder.remarks, *remarks, *doubles])),
        world_offset=offset,
    )


def find_camera_file(path: str | PathLike[str]) -> Path | None:
    """Return the camera file at a path or in a folder; None if there is none.

    For a COLMAP model, return the model's folder.
    """
    path = Path(path)
    if not path.is_dir():
        known = path.suffix.lower() in (".json", ".xml", ".csv", ".bin", ".txt")
        return path if known and path.is_file() else None
    try:
        listed = {entry.name.lower(): entry for entry in sorted(path.iterdir()) if entry.is_file()}
    except OSError as error:
        raise RequestError(
            f"The folder {path} can't be read ({error.strerror}).", "Check its permissions."
        ) from error
    for name in CAMERA_FILES:
        if name in listed and not (name == CAMERA_FILES[-1] and _is_other_json(listed[name])):
            return listed[name]
    model = colmap.model_folder(path)
    if model is not None:
        return model
    for suffix, check in ((".xml", metashape.is_metashape), (".csv", realityscan.is_realityscan)):
        entries = [entry for name, entry in listed.items() if name.endswith(suffix)]
        for entry in entries:
            if check(_head(entry)):
                return entry
    return None


# ---------------------------------------------------------------- formats


def _listing(path: Path) -> Listing:
    """Read a file, or the one in a folder; raise `RequestError` for an unknown format."""
    if not path.exists():
        raise RequestError(f"{path} does not exist.", f"Name a {TRANSFORMS}, or a folder with one.")
    file = find_camera_file(path) if path.is_dir() else path
    if file is None:
        raise RequestError(
            f"The folder {path} contains no camera file.", f"Levelform reads {KINDS}."
        )
    if file.is_dir():
        return colmap.read(file)
    if file.suffix.lower() in (".bin", ".txt"):
        model = colmap.model_folder(file.parent)
        if model is not None and model == file.parent:
            return colmap.read(model)
    head = _head(file)
    if metashape.is_metashape(head):
        return metashape.read(file)
    if realityscan.is_realityscan(head):
        return realityscan.read(file)
    return _json_listing(file)


def _json_listing(file: Path) -> Listing:
    content = _json(file)
    if sdfstudio.is_sdfstudio(content):
        return sdfstudio.read(file, content)
    if transforms_json.is_transforms(content):
        return transforms_json.read(file, content)
    if splatting.is_splatting(content):
        return splatting.read(file, content)
    raise RequestError(
        f"{file} contains no cameras in a known format.", f"Levelform reads {KINDS}."
    )


def _json(file: Path) -> Any:
    """Return a JSON file's content; byte order marks and UTF-16 are accepted."""
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise RequestError(f"{file} can't be read ({error.strerror}).", "Check it.") from error
    except (ValueError, RecursionError) as error:
        raise RequestError(
            f"{file} is not readable as JSON: {error}.", "Export it again."
        ) from error


def _is_other_json(file: Path) -> bool:
    """Tell whether a `cameras.json` is of an unrelated format: the name is common."""
    try:
        return not splatting.is_splatting(_json(file))
    except RequestError:
        return True


def _head(file: Path) -> bytes:
    try:
        with open(file, "rb") as opened:
            return opened.read(_HEAD)
    except OSError as error:
        raise RequestError(f"{file} can't be read ({error.strerror}).", "Check it.") from error


# ---------------------------------------------------------------- frames


def _frame(entry: Entry, finder: ImageFinder) -> tuple[PosedFrame, tuple[str, ...]]:
    """Locate a frame's files and check its camera; also return remarks."""
    image = finder.find(entry.image, entry.label)
    mask = finder.find(entry.mask, entry.label, "mask_path") if entry.mask else ""
    depth, missing = _depth(entry, finder)
    keys, size = entry.keys, None
    if callable(keys):
        keys = keys(*image_size(image))
    elif needs_size(keys):
        size = image_size(image)
    camera, remarks = camera_of(keys, entry.label, size)
    frame = PosedFrame(image, str(mask), camera, image.name, depth, entry.depth_scale)
    return frame, (*remarks, *missing)


def _depth(entry: Entry, finder: ImageFinder) -> tuple[str, tuple[str, ...]]:
    """Return the file of a frame's depth map, empty for none, and a remark if it is missing."""
    if not entry.depth:
        return "", ()
    try:
        return str(finder.find(entry.depth, entry.label, "depth_file_path")), ()
    except RequestError:
        return "", ("A depth map that the file names is missing; it was not used.",)


def _without_doubles(frames: list[PosedFrame]) -> tuple[list[PosedFrame], list[str]]:
    """Remove frames that repeat the image and camera of another; also return remarks."""
    kept: dict[Path, list[CameraData]] = {}
    result, remarks = [], []
    for frame in frames:
        before = kept.setdefault(frame.path, [])
        if any(_same(frame.camera, camera) for camera in before):
            remarks.append(f"{frame.name} is listed twice with the same camera; it counts once.")
            continue
        if before:
            remarks.append(f"{frame.name} is listed with {len(before) + 1} different cameras.")
        before.append(frame.camera)
        result.append(frame)
    return result, remarks


def _same(one: CameraData, other: CameraData) -> bool:
    numbers = [(c.fl_x, c.fl_y, c.cx, c.cy, c.w, c.h) for c in (one, other)]
    return (
        np.array_equal(one.transform_matrix, other.transform_matrix)
        and numbers[0] == numbers[1]
        and one.distortion == other.distortion
    )


def _names(paths: list[Path]) -> list[str]:
    """Return each image's display name: its file name, with its folder if not unique."""
    different: dict[str, set[Path]] = {}
    for path in paths:
        different.setdefault(path.name, set()).add(path)
    count = Counter(name for name, values in different.items() for _ in values)
    return [
        f"{path.parent.name}/{path.name}" if count[path.name] > 1 else path.name for path in paths
    ]
