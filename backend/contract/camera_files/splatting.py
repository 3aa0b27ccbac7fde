"""`cameras.json` of 3D Gaussian Splatting.

A list of `id, img_name, width, height, position, rotation, fx, fy`: `position` is the camera's
centre and `rotation` world_from_camera, row-major, with OpenCV's camera axes; the principal point
is the middle of the image (graphdeco-inria/gaussian-splatting, `utils/camera_utils.py`,
`camera_to_JSON`). The file is in the model's folder; `cfg_args` there names the image folder.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..cameras import FLIP_YZ
from ..errors import RequestError
from .numbers import matrix
from .types import Entry, Listing

_SOURCE = re.compile(r"source_path=['\"]([^'\"]+)['\"]")


def is_splatting(content: Any) -> bool:
    """Say whether a JSON file's content is this format."""
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, Mapping) and "rotation" in first and "position" in first


def read(file: Path, content: list[Any]) -> Listing:
    """Read the file; raise `RequestError` if a camera lacks its name or its pose."""
    entries = tuple(_entry(file, number, camera) for number, camera in enumerate(content))
    return Listing(file, entries, _folders(file.parent))


def _entry(file: Path, number: int, camera: Any) -> Entry:
    name = camera.get("img_name") if isinstance(camera, Mapping) else None
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise RequestError(f"Camera {number} of {file} has no img_name.", "Export it again.")
    label = f"camera {number} ({name})"
    pose = np.eye(4)
    pose[:3, :3] = matrix(camera.get("rotation"), "rotation", label, ((3, 3),))
    pose[:3, 3] = matrix(camera.get("position"), "position", label, ((3,),))
    keys = {
        "w": camera.get("width"),
        "h": camera.get("height"),
        "fl_x": camera.get("fx"),
        "fl_y": camera.get("fy"),
        "cx": camera.get("cx"),
        "cy": camera.get("cy"),
        "transform_matrix": pose * FLIP_YZ,
    }
    return Entry(number, str(name), keys)


def _folders(folder: Path) -> tuple[Path, ...]:
    """Return the folders to search for images: near the file, and the training's source."""
    places = [folder, folder / "images", folder / "input", folder.parent / "images", folder.parent]
    try:
        match = _SOURCE.search((folder / "cfg_args").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        match = None
    if match is not None:
        source = folder / match.group(1)
        places += [source / "images", source]
    return tuple(places)
