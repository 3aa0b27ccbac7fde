"""Posed pictures on disk as nerfstudio and instant-ngp keep them: `transforms.json` and pictures.

Only what Blender's side needs: camera and file of each frame. Standard library and numpy.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..backend.contract.errors import RequestError
from ..backend.contract.protocol import CameraData

FILE_NAME = "transforms.json"
_DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
_MODELS = ("PINHOLE", "OPENCV", "ORTHOGRAPHIC")
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".exr")


@dataclass(frozen=True)
class Frame:
    """One posed picture: the file, and its camera once the picture's size is known."""

    path: Path
    values: Mapping[str, Any]

    def camera(self, width: int, height: int) -> CameraData:
        """Return the camera for a picture of `width` x `height` pixels.

        Intrinsics that were written for another size of the same picture are scaled along.

        Raises
        ------
        RequestError
            If an entry is missing, no number, or describes a lens that is not straight.
        """
        model = str(self.values.get("camera_model", "PINHOLE")).upper()
        if model not in _MODELS:
            raise RequestError(
                f"{self.path.name} was taken with a {model} camera.",
                "Levelform needs pictures without lens distortion: undistort them first.",
            )
        if model != "ORTHOGRAPHIC":
            self._refuse_distortion()
        w, h = self._number("w", width), self._number("h", height)
        fl_x, fl_y = self._focal(model, w, h)
        to_x, to_y = width / w, height / h
        return CameraData(
            transform_matrix=self._matrix(),
            fl_x=fl_x * to_x,
            fl_y=fl_y * to_y,
            cx=self._number("cx", w / 2) * to_x,
            cy=self._number("cy", h / 2) * to_y,
            w=width,
            h=height,
            camera_model="ORTHOGRAPHIC" if model == "ORTHOGRAPHIC" else "PINHOLE",
        )

    def _focal(self, model: str, w: float, h: float) -> tuple[float, float]:
        if model == "ORTHOGRAPHIC" and "ortho_scale" in self.values:
            pixels = max(w, h) / self._number("ortho_scale")
            return pixels, pixels
        if "fl_x" in self.values:
            fl_x = self._number("fl_x")
            return fl_x, self._number("fl_y", fl_x)
        if "camera_angle_x" in self.values:
            fl_x = w / 2 / math.tan(self._number("camera_angle_x") / 2)
            angle_y = self.values.get("camera_angle_y")
            return fl_x, fl_x if angle_y is None else h / 2 / math.tan(float(angle_y) / 2)
        raise RequestError(
            f"The camera of {self.path.name} has no focal length.",
            f"Give fl_x (pixels) or camera_angle_x in {FILE_NAME}.",
        )

    def _matrix(self) -> np.ndarray:
        try:
            matrix = np.array(self.values.get("transform_matrix"), dtype=np.float64)
        except (TypeError, ValueError):
            matrix = np.zeros(0)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise RequestError(
                f"The transform_matrix of {self.path.name} is not 4x4 finite numbers.",
                f"Correct it in {FILE_NAME}.",
            )
        return matrix

    def _number(self, key: str, default: float | None = None) -> float:
        value = self.values.get(key, default)
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if not numeric or not math.isfinite(value):
            raise RequestError(f"{key} of {self.path.name} is no number: {value!r}.")
        if key in {"w", "h", "fl_x", "fl_y", "ortho_scale", "camera_angle_x"} and value <= 0:
            raise RequestError(f"{key} of {self.path.name} must be positive, not {value}.")
        return float(value)

    def _refuse_distortion(self) -> None:
        bent = [key for key in _DISTORTION if self.values.get(key)]
        if bent:
            raise RequestError(
                f"{self.path.name} has lens distortion ({', '.join(bent)}).",
                "Undistort the pictures first; COLMAP and nerfstudio both can.",
            )


@dataclass(frozen=True)
class Transforms:
    """What a `transforms.json` says.

    Attributes
    ----------
    frames : the posed pictures, in the file's order
    world_from_volume : (4, 4) float64 where the object is, if the file says so; else None
    """

    frames: tuple[Frame, ...]
    world_from_volume: np.ndarray | None


def read_transforms(source: Path) -> Transforms:
    """Read a `transforms.json`, or that of a folder.

    Raises
    ------
    RequestError
        If the file is missing, unreadable, without frames, or names pictures that are not there.
    """
    file = source / FILE_NAME if source.is_dir() else source
    content = _read_json(file)
    frames = content.get("frames")
    if not isinstance(frames, list) or not frames:
        raise RequestError(f"{file} lists no frames.", "It needs one entry for each picture.")
    shared = {key: value for key, value in content.items() if key != "frames"}
    listed = (_frame(file, shared, entry, number) for number, entry in enumerate(frames))
    return Transforms(tuple(listed), _volume(file, content))


def _volume(file: Path, content: Mapping[str, Any]) -> np.ndarray | None:
    """Return where the object is: Levelform's `world_from_volume`, or instant-ngp's words for it.

    Those are `aabb`, or `scale` and `offset`, which take the world to a unit cube that
    `aabb_scale` widens about its middle.
    """
    try:
        if "world_from_volume" in content:
            return np.array(content["world_from_volume"], np.float64).reshape(4, 4)
        if "aabb" in content:
            lower, upper = np.array(content["aabb"], np.float64).reshape(2, 3)
            return _cube((lower + upper) / 2, float((upper - lower).max()) / 2)
        if "scale" in content and "offset" in content:
            scale, offset = float(content["scale"]), np.array(content["offset"], np.float64)
            half = 0.5 * float(content.get("aabb_scale", 1)) / scale
            return _cube((0.5 - offset.reshape(3)) / scale, half)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise RequestError(
            f"The volume in {file} is garbled: {error}.", "Correct it, or remove it."
        ) from error
    return None


def _cube(center: np.ndarray, half: float) -> np.ndarray:
    matrix = np.diag([half, half, half, 1.0])
    matrix[:3, 3] = center
    return matrix


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RequestError(
            f"There is no {file}.", f"Choose a {FILE_NAME}, or the folder it is in."
        ) from error
    except OSError as error:
        raise RequestError(f"{file} can't be read: {error.strerror}.") from error
    except ValueError as error:
        raise RequestError(f"{file} is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise RequestError(f"{file} is not a table of cameras.")
    return content


def _frame(file: Path, shared: Mapping[str, Any], entry: object, number: int) -> Frame:
    if not isinstance(entry, dict) or not isinstance(entry.get("file_path"), str):
        raise RequestError(f"Frame {number} of {file} names no picture.", "Give it a file_path.")
    return Frame(_picture(file.parent / entry["file_path"]), {**shared, **entry})


def _picture(path: Path) -> Path:
    """Return the picture's file; NeRF's synthetic scenes leave out the suffix."""
    path = Path(str(path).replace("\\", "/"))
    candidates = [path, *(path.with_name(path.name + suffix) for suffix in _PICTURES)]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise RequestError(f"The picture {path} is missing.", "Put it there, or correct its file_path.")
