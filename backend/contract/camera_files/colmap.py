"""COLMAP models: `cameras` and `images`, binary or text.

A camera has one of COLMAP's models and its parameters; an image has `camera_from_world` as a
quaternion (w first) and a translation, OpenCV's axes, and a name relative to the folder of the
images. Pixel centres are at +0.5, as here. Layouts: colmap.github.io/format.html; models and the
order of their parameters: `src/colmap/sensor/models.h`.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..cameras import FLIP_YZ, pose_of
from ..errors import RequestError
from .types import Entry, Listing

# COLMAP's model id -> its name, and its parameters as keys of a transforms.json.
_MODELS = {
    0: ("SIMPLE_PINHOLE", "f cx cy"),
    1: ("PINHOLE", "fl_x fl_y cx cy"),
    2: ("SIMPLE_RADIAL", "f cx cy k1"),
    3: ("RADIAL", "f cx cy k1 k2"),
    4: ("OPENCV", "fl_x fl_y cx cy k1 k2 p1 p2"),
    5: ("OPENCV_FISHEYE", "fl_x fl_y cx cy k1 k2 k3 k4"),
    6: ("FULL_OPENCV", "fl_x fl_y cx cy k1 k2 p1 p2 k3 k4 k5 k6"),
    7: ("FOV", "fl_x fl_y cx cy omega"),
    8: ("SIMPLE_RADIAL_FISHEYE", "f cx cy k1"),
    9: ("RADIAL_FISHEYE", "f cx cy k1 k2"),
    10: ("THIN_PRISM_FISHEYE", "fl_x fl_y cx cy k1 k2 p1 p2 k3 k4 sx1 sy1"),
}
_WORDS = dict(_MODELS.values())
_UP = (
    "The scale and up axis of COLMAP's world are unknown; +Z is used as up. For methods that need "
    "an upright object, align the model first (colmap model_orientation_aligner)."
)


def model_folder(folder: Path) -> Path | None:
    """Return the folder of the model in a project's folder; None if there is none."""
    for place in (folder, folder / "sparse" / "0", folder / "sparse", folder / "colmap/sparse/0"):
        for suffix in (".bin", ".txt"):
            if all((place / (name + suffix)).is_file() for name in ("cameras", "images")):
                return place
    return None


def read(folder: Path) -> Listing:
    """Read the model in a folder; binary files take precedence over text.

    Raises
    ------
    RequestError
        If a file is truncated or corrupt, a camera is missing, or no image has a pose.
    """
    binary = all((folder / f"{name}.bin").is_file() for name in ("cameras", "images"))
    suffix = ".bin" if binary else ".txt"
    file = folder / f"images{suffix}"
    try:
        cameras_of, images_of = (
            (_cameras_bin, _images_bin) if binary else (_cameras_txt, _images_txt)
        )
        cameras = dict(cameras_of(folder / f"cameras{suffix}"))
        images = sorted(images_of(file), key=lambda image: image[2])
    except OSError as error:
        raise RequestError(
            f"{folder} can't be read ({error.strerror}).", "Check the folder's permissions."
        ) from error
    except (struct.error, ValueError, IndexError, KeyError) as error:
        raise RequestError(
            f"The COLMAP model in {folder} is truncated or corrupt ({error}).", "Export it again."
        ) from error
    if not images:
        raise RequestError(f"{file} lists no images with a pose.", "Export the model again.")
    entries = tuple(_entry(file, number, image, cameras) for number, image in enumerate(images))
    return Listing(file, entries, _image_folders(folder), None, (_UP,))


def _entry(
    file: Path, number: int, image: tuple[np.ndarray, int, str], cameras: dict[int, dict[str, Any]]
) -> Entry:
    pose, camera, name = image
    if camera not in cameras:
        raise RequestError(
            f"{file}: {name} belongs to camera {camera}, which is not in the model.",
            "Export the model again.",
        )
    return Entry(number, name, {**cameras[camera], "transform_matrix": pose})


def _image_folders(folder: Path) -> tuple[Path, ...]:
    """Return the folders to search for images: `images` or `input` of the project."""
    above = list(folder.parents)[:3]
    near = [parent for parent in (folder, *above) if parent != Path(parent.anchor)]
    named = [parent / name for parent in near for name in ("images", "input")]
    return (*(place for place in named if place.is_dir()), folder, *above[:2])


# ---------------------------------------------------------------- cameras


def _keys(model: str, width: int, height: int, values: list[float]) -> dict[str, Any]:
    """Return a camera with the keys of a transforms.json.

    Raises `RequestError` for an unsupported model, `ValueError` for a wrong number of parameters.
    """
    if model not in _WORDS or model in ("FOV", "THIN_PRISM_FISHEYE"):
        raise RequestError(
            f"The COLMAP camera model {model} is not supported.",
            "Undistort the images with COLMAP (image_undistorter), which writes PINHOLE cameras.",
        )
    names = _WORDS[model].split()
    if len(values) != len(names):
        raise ValueError(f"{model} has {len(names)} parameters, not {len(values)}")
    keys: dict[str, Any] = dict(zip(names, values, strict=True))
    if "f" in keys:
        keys["fl_x"] = keys["fl_y"] = keys.pop("f")
    return {**keys, "camera_model": model, "w": width, "h": height}


def _cameras_bin(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    data, at = file.read_bytes(), 8
    (count,) = struct.unpack_from("<Q", data)
    for _ in range(count):
        camera, model, width, height = struct.unpack_from("<iiQQ", data, at)
        if model not in _MODELS:
            raise ValueError(f"camera model {model}")
        name, words = _MODELS[model]
        values = struct.unpack_from(f"<{len(words.split())}d", data, at + 24)
        at += 24 + 8 * len(values)
        yield camera, _keys(name, width, height, list(values))


def _cameras_txt(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for line in _lines(file):
        camera, model, width, height, *values = line.split()
        yield int(camera), _keys(model, int(width), int(height), [float(v) for v in values])


# ---------------------------------------------------------------- images


def _images_bin(file: Path) -> Iterator[tuple[np.ndarray, int, str]]:
    data, at = file.read_bytes(), 8
    (count,) = struct.unpack_from("<Q", data)
    for _ in range(count):
        _, *pose, camera = struct.unpack_from("<i7di", data, at)
        end = data.index(b"\0", at + 64)
        name = data[at + 64 : end].decode("utf-8", "surrogateescape")
        (points,) = struct.unpack_from("<Q", data, end + 1)
        at = end + 9 + 24 * points
        if at > len(data):
            raise ValueError(f"{name} has {points} points")
        yield _pose(pose), camera, name


def _images_txt(file: Path) -> Iterator[tuple[np.ndarray, int, str]]:
    """Each image has two lines: its pose, and its points, possibly empty."""
    lines = [line for line in _raw_lines(file) if not line.startswith("#")]
    while lines and not lines[0].strip():
        lines.pop(0)
    for line in lines[::2]:
        if not line.strip():
            continue
        _, *pose, camera, name = line.split(maxsplit=9)
        yield _pose([float(value) for value in pose]), int(camera), name.strip()


def _pose(values: list[float]) -> np.ndarray:
    """Return world_from_camera, Blender's axes, from COLMAP's quaternion and translation."""
    length = np.linalg.norm(values[:4])
    if not 0 < length < np.inf:
        raise ValueError("a quaternion has no direction")
    w, x, y, z = np.array(values[:4]) / length
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return pose_of(rotation, np.array(values[4:7])) * FLIP_YZ


def _raw_lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()


def _lines(file: Path) -> list[str]:
    return [line for line in _raw_lines(file) if line.strip() and not line.startswith("#")]
