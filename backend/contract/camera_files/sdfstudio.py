"""`meta_data.json` of sdfstudio.

`frames` with `rgb_path`, `camtoworld` (4x4, OpenCV's camera axes) and `intrinsics` (3x3 or 4x4),
optionally `foreground_mask`; shared `width` and `height` (autonomousvision/sdfstudio, docs
"sdfstudio-data.md" and `sdfstudio_dataparser.py`). `worldtogt` and `scene_box` are ignored: the
result is in the world of the poses, and the box bounds the scene, not the object.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..cameras import FLIP_YZ
from ..errors import RequestError
from .numbers import matrix
from .types import Entry, Listing


def is_sdfstudio(content: Any) -> bool:
    """Say whether a JSON file's content is this format."""
    frames = content.get("frames") if isinstance(content, Mapping) else None
    first = frames[0] if isinstance(frames, list) and frames else None
    return isinstance(first, Mapping) and "camtoworld" in first


def read(file: Path, content: Mapping[str, Any]) -> Listing:
    """Read the file; raise `RequestError` if a frame lacks an image, a pose or intrinsics."""
    entries = tuple(
        _entry(file, number, frame, content) for number, frame in enumerate(content["frames"])
    )
    return Listing(file, entries, (file.parent, file.parent / "image", file.parent / "images"))


def _entry(file: Path, number: int, frame: Any, shared: Mapping[str, Any]) -> Entry:
    name = frame.get("rgb_path") if isinstance(frame, Mapping) else None
    if not isinstance(name, str):
        raise RequestError(f"Frame {number} of {file} has no rgb_path.", "Export it again.")
    label = f"frame {number} ({name})"
    pose = matrix(frame.get("camtoworld"), "camtoworld", label, ((4, 4),))
    given = frame.get("intrinsics", shared.get("intrinsics"))
    intrinsics = matrix(given, "intrinsics", label, ((3, 3), (4, 4), (3, 4)))
    keys = {
        "w": frame.get("width", shared.get("width")),
        "h": frame.get("height", shared.get("height")),
        "fl_x": float(intrinsics[0, 0]),
        "fl_y": float(intrinsics[1, 1]),
        "cx": float(intrinsics[0, 2]),
        "cy": float(intrinsics[1, 2]),
        "skew": float(intrinsics[0, 1]),
        "transform_matrix": pose * FLIP_YZ,
    }
    mask = frame.get("foreground_mask") or frame.get("mask_path") or ""
    return Entry(number, name, keys, mask if isinstance(mask, str) else "")
