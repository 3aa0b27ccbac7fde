"""CSV of RealityScan (formerly RealityCapture): "Internal/External camera parameters".

One row per camera, with the header `#name,x,y,alt,heading,pitch,roll,f,px,py,k1,k2,k3,k4,t1,t2`
(or `yaw`, `f_35mm`, `px_norm`, `py_norm`). f is the focal length in millimetres of a 36 mm wide
image; px, py are the principal point from the middle of the image, in fractions of its longer side;
x, y, alt are the camera's centre, +Z up. Rz(-heading) Rx(pitch) Ry(roll), degrees, maps Blender's
camera axes to the world. Distortion is Brown's with t1, t2 as OpenCV's p1, p2. Sources:
RealityScan's help "Camera Geometry" and its export template; nerfstudio, `realitycapture_utils.py`.
"""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RequestError
from .numbers import parsed
from .types import Entry, Listing

_ALIASES = {"yaw": "heading", "z": "alt", "f_35mm": "f", "px_norm": "px", "py_norm": "py"}
_NEEDED = ("name", "x", "y", "alt", "heading", "pitch", "roll", "f")
_CLEARED = ("px", "py", "k1", "k2", "k3", "k4", "t1", "t2")


def is_realityscan(text: bytes) -> bool:
    """Tell whether a file starts with the header of such a table."""
    line = text.lstrip(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8", "replace")
    return set(_NEEDED) <= {_column(word) for word in line.split(_separator(line))}


def read(file: Path) -> Listing:
    """Read the file; raise `RequestError` for a row without a required number."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{file} can't be read ({error}).", "Export it again.") from error
    header, *rows = csv.reader(io.StringIO(text), delimiter=_separator(text.split("\n", 1)[0]))
    columns = [_column(word) for word in header]
    entries = []
    for row in rows:
        if any(word.strip() for word in row):
            cells = dict(zip(columns, (word.strip() for word in row), strict=False))
            entries.append(_entry(file, len(entries), cells))
    if not entries:
        raise RequestError(f"{file} lists no cameras.", "Align the images, then export it again.")
    folder = file.parent
    places = (folder, folder / "images", folder.parent, folder.parent / "images")
    return Listing(file, tuple(entries), places)


def _entry(file: Path, number: int, cells: Mapping[str, str]) -> Entry:
    name = cells.get("name") or f"row {number + 1}"
    values = {}
    for key in (*_NEEDED[1:], *_CLEARED):
        given = cells.get(key, "" if key in _NEEDED else "0") or ("" if key in _NEEDED else "0")
        value = parsed(given)
        if value is None:
            raise RequestError(
                f"{file}: {key} of {name} is not a number: {given!r}.", "Export it again."
            )
        values[key] = value
    pose = np.eye(4)
    pose[:3, :3] = _rotation(-values["heading"], values["pitch"], values["roll"])
    pose[:3, 3] = values["x"], values["y"], values["alt"]

    def keys(width: int, height: int) -> dict[str, Any]:
        longer = max(width, height)
        return {
            "camera_model": "OPENCV",
            "w": width,
            "h": height,
            "fl_x": values["f"] * longer / 36,
            "cx": width / 2 + values["px"] * longer,
            "cy": height / 2 + values["py"] * longer,
            **{key: values[key] for key in ("k1", "k2", "k3", "k4")},
            "p1": values["t1"],
            "p2": values["t2"],
            "transform_matrix": pose,
            "k4_is_polynomial": True,
        }

    return Entry(number, name, keys)


def _rotation(heading: float, pitch: float, roll: float) -> np.ndarray:
    """Return Rz(heading) Rx(pitch) Ry(roll), (3, 3); degrees, counter-clockwise."""
    (a, b, c), (ca, cb, cc) = (f(np.radians([heading, pitch, roll])) for f in (np.sin, np.cos))
    about_z = np.array([[ca, -a, 0], [a, ca, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, cb, -b], [0, b, cb]])
    about_y = np.array([[cc, 0, c], [0, 1, 0], [-c, 0, cc]])
    return about_z @ about_x @ about_y


def _column(word: str) -> str:
    name = word.strip().strip('"').lstrip("#").strip().lower()
    return _ALIASES.get(name, name)


def _separator(line: str) -> str:
    return ";" if line.count(";") > line.count(",") else ","
