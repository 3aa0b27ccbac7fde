"""`transforms.json`: posed pictures as nerfstudio, instant-ngp and Blender add-ons write them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..contract.errors import RequestError
from ..contract.image_files import SUFFIXES, image_file, image_size
from ..contract.protocol import CameraData, ViewData
from ..contract.words import choose_views
from ..geometry.cameras import Camera
from ..geometry.writing import written_whole

NAME = "transforms.json"


@dataclass(frozen=True)
class PosedPictures:
    """What a `transforms.json` says.

    Attributes
    ----------
    views : pictures with cameras, in the file's order
    world_from_volume : (4, 4) float64 where the object is, when the file says so; else None
    """

    views: tuple[ViewData, ...]
    world_from_volume: np.ndarray | None


def read_transforms(
    path: str | Path, *, choose: Sequence[int] | int | None = None
) -> PosedPictures:
    """Read a `transforms.json` and the pictures it names.

    Poses are used as they stand; `applied_transform` only says how they got there. A camera whose
    size is not its picture's is fitted later, where the proportions agree.

    Parameters
    ----------
    path
        The file, or the folder that holds it.
    choose
        Which frames: their indices; or how many, spread evenly; None: all.

    Raises
    ------
    RequestError
        If the file is missing or garbled, lacks frames, pictures or numbers, or a lens is
        distorted.
    """
    path = Path(path)
    path = path / NAME if path.is_dir() else path
    content = _read_json(path)
    frames = content.get("frames")
    if not isinstance(frames, list) or not frames:
        raise RequestError(f"{path} lists no frames.", "Export the cameras again.")
    chosen = choose_views(len(frames), choose)
    views = tuple(_read_frame(path, index, frames[index], content) for index in chosen)
    return PosedPictures(views, volume_of(content))


def volume_of(content: Mapping[str, Any]) -> np.ndarray | None:
    """Return (4, 4) world_from_volume where a file says where the object is; else None.

    Levelform's own `world_from_volume`; instant-ngp's `aabb`, or its `scale` and `offset`, which
    take the world to a unit cube that `aabb_scale` widens about its middle.
    """
    try:
        if "world_from_volume" in content:
            return np.array(content["world_from_volume"], np.float64).reshape(4, 4)
        if "aabb" in content:
            lower, upper = np.array(content["aabb"], np.float64).reshape(2, 3)
            return _cube((lower + upper) / 2, float((upper - lower).max()) / 2)
        if "scale" in content and "offset" in content:
            scale = float(content["scale"])
            offset = np.array(content["offset"], np.float64).reshape(3)
            return _cube((0.5 - offset) / scale, 0.5 * float(content.get("aabb_scale", 1)) / scale)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise RequestError(
            f"The volume in the file is garbled: {error}.", "Correct it, or remove it."
        ) from error
    return None


def write_transforms(
    path: str | Path,
    frames: Sequence[tuple[str, Camera]],
    *,
    world_from_volume: np.ndarray | None = None,
) -> None:
    """Write cameras, posed in the world, each with the path of its picture relative to the file."""
    content: dict[str, Any] = {}
    if world_from_volume is not None:
        content["world_from_volume"] = np.asarray(world_from_volume, np.float64).tolist()
    content["frames"] = [{"file_path": file, **camera.to_transforms()} for file, camera in frames]
    with written_whole(path) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n")


# ---------------------------------------------------------------- inside


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise RequestError(
            f"There is no {path}.", f"Name a {NAME}, or a folder that holds one, or pictures."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RequestError(
            f"{path} is not readable as JSON: {error}.", "Export it again."
        ) from error
    if not isinstance(content, dict):
        raise RequestError(f"{path} holds no cameras.", "Export it again.")
    return content


def _read_frame(path: Path, index: int, frame: Any, shared: Mapping[str, Any]) -> ViewData:
    if not isinstance(frame, dict) or not isinstance(frame.get("file_path"), str):
        raise RequestError(f"{path}: frame {index} names no picture.", "Export it again.")
    picture = find_picture(path.parent, frame["file_path"])
    keys = {**shared, **frame}
    if "w" not in keys or "h" not in keys:
        keys["w"], keys["h"] = image_size(picture)
    try:
        camera = Camera.from_transforms(keys)
    except RequestError as error:
        raise RequestError(
            f"{path}: frame {index} ({picture.name}): {error.message}", error.hint
        ) from error
    return ViewData(None, to_camera_data(camera), picture.name, image_file(picture))


def find_picture(folder: Path, name: str) -> Path:
    """Return the file that a `file_path` means: relative to the folder, suffix optional.

    Raises
    ------
    RequestError
        If there is none.
    """
    plain = folder / name.replace("\\", "/")
    tries = [plain, *(plain.with_name(plain.name + suffix) for suffix in SUFFIXES)]
    for candidate in tries:
        if candidate.is_file():
            return candidate
    raise RequestError(
        f"The picture {plain} is missing.", "Put it beside the transforms.json, or leave it out."
    )


def to_camera_data(camera: Camera) -> CameraData:
    """Return a camera, posed in the world, as the contract has it."""
    frame = camera.to_transforms()
    frame.pop("ortho_scale", None)
    frame["transform_matrix"] = np.array(frame["transform_matrix"], np.float64)
    return CameraData(**frame)


def _cube(center: np.ndarray, half: float) -> np.ndarray:
    matrix = np.diag([half, half, half, 1.0])
    matrix[:3, 3] = center
    return matrix
