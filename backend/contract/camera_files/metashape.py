"""Camera XML of Agisoft Metashape (File > Export > Export Cameras).

`sensor` has `resolution` and `calibration` with f, cx, cy (from the middle of the image), b1, b2,
k1 to k4, p1, p2 (f, cx, cy, b1, b2 in pixels); `camera` has `transform`, chunk_from_camera in
row-major order with OpenCV's camera axes; the `transform` (rotation, translation, scale) of the
chunk, or of the camera's component, is world_from_chunk: geocentric for geographic coordinates.
Formulas: appendix "Camera models" of the manual. Metashape's p1 and p2 are OpenCV's p2 and p1;
its b1 widens the focal length along x, b2 is skew.
"""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np

from ..cameras import FLIP_YZ
from ..errors import RequestError
from .numbers import parsed
from .types import Entry, Listing

EARTH = 6e6  # metres: only geocentric coordinates are this far from the origin
_MODELS = {"frame": "OPENCV", "fisheye": "OPENCV_FISHEYE"}
_WORDS = ("f", "cx", "cy", "b1", "b2", "k1", "k2", "k3", "k4", "p1", "p2", "p3", "p4")


def is_metashape(text: bytes) -> bool:
    """Tell whether a file's first bytes are XML with a Metashape chunk."""
    return text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"<chunk" in text


def read(file: Path) -> Listing:
    """Read the file; skip unaligned cameras with a remark.

    Raises
    ------
    RequestError
        If it is not XML, no camera is aligned, or a camera has unsupported intrinsics.
    """
    try:
        root = ElementTree.fromstring(file.read_bytes())
    except (OSError, LookupError, ElementTree.ParseError) as error:
        raise RequestError(
            f"{file} is not readable as XML ({error}).", "Export it again."
        ) from error
    entries: list[Entry] = []
    geocentric = False
    loose: list[str] = []
    for chunk in root.iter("chunk"):
        worlds = {part.get("id"): _world(part, file) for part in chunk.iter("component")}
        whole = _world(chunk, file)
        whole = np.eye(4) if whole is None else whole
        geocentric |= bool(np.linalg.norm(whole[:3, 3]) > EARTH)
        sensors = {sensor.get("id", ""): sensor for sensor in chunk.iter("sensor")}
        for camera in chunk.iter("camera"):
            label = camera.get("label") or f"camera {camera.get('id')}"
            placed = camera.find("transform")
            if placed is None or camera.get("enabled", "true").lower() in ("false", "0"):
                loose.append(label)
                continue
            intrinsics = _sensor_keys(sensors.get(camera.get("sensor_id", "")), label, file)
            world = worlds.get(camera.get("component_id"))
            world = whole if world is None else world
            pose = world @ _numbers(placed.text, 16, f"transform of {label}", file).reshape(4, 4)
            keys = {**intrinsics, "transform_matrix": pose * FLIP_YZ}
            entries.append(Entry(len(entries), label, keys))
    if not entries:
        raise RequestError(
            f"{file} has no aligned cameras.", "Align the photos, then export again."
        )
    remarks = []
    if loose:
        names = ", ".join(loose[:3]) + (", ..." if len(loose) > 3 else "")
        remarks.append(f"Cameras without a pose were left out ({len(loose)}): {names}.")
    if geocentric:
        remarks.append(
            "The chunk has geocentric coordinates: +Z is the earth's axis, not up. For methods "
            "that need an upright object, export in a local or projected system."
        )
    folder = file.parent
    places = (folder, folder / "images", folder.parent, folder.parent / "images")
    return Listing(file, tuple(entries), places, None, tuple(remarks))


def _world(part: ElementTree.Element, file: Path) -> np.ndarray | None:
    """Return a chunk's or component's world_from_chunk, a (4, 4) similarity; None without."""
    placed = part.find("transform")
    if placed is None:
        return None
    matrix = np.eye(4)
    if (rotation := placed.find("rotation")) is not None:
        matrix[:3, :3] = _numbers(rotation.text, 9, "rotation of the chunk", file).reshape(3, 3)
    if (translation := placed.find("translation")) is not None:
        matrix[:3, 3] = _numbers(translation.text, 3, "translation of the chunk", file)
    if (scale := placed.find("scale")) is not None:
        matrix[:3, :3] *= _numbers(scale.text, 1, "scale of the chunk", file)[0]
    return matrix


def _sensor_keys(sensor: ElementTree.Element | None, label: str, file: Path) -> dict[str, Any]:
    """Return a sensor's intrinsics with the keys of a transforms.json."""
    kind = (sensor.get("type", "frame") if sensor is not None else "").lower()
    calibrations = sensor.findall("calibration") if sensor is not None else []
    # The adjusted calibration comes after the initial one.
    calibrations = [
        entry for entry in calibrations if entry.get("class") == "adjusted"
    ] or calibrations
    if sensor is None or not calibrations or kind not in _MODELS:
        seen = f"a {kind} sensor" if kind and kind not in _MODELS else "no calibration"
        raise RequestError(
            f"{file}: {label} has {seen}.", "Levelform reads calibrated frame and fisheye cameras."
        )
    calibration = calibrations[-1]
    values: dict[str, float] = dict.fromkeys(_WORDS, 0.0)
    for word in _WORDS:
        given = calibration.find(word)
        if given is not None:
            values[word] = float(_numbers(given.text, 1, f"{word} of {label}", file)[0])
    size = calibration.find("resolution")
    size = size if size is not None else sensor.find("resolution")
    width, height = (
        parsed(size.get(side, "") if size is not None else "") for side in ("width", "height")
    )
    if not width or not height or values["f"] <= 0:
        raise RequestError(
            f"{file}: the sensor of {label} has no resolution or f.", "Export it again."
        )
    if values["p3"] or values["p4"]:
        raise RequestError(
            f"{file}: {label} has the coefficients p3 and p4, which are not supported.",
            "Optimize the cameras without them, or export undistorted images.",
        )
    coefficients = {f"k{index}": values[f"k{index}"] for index in range(1, 5)}
    return {
        "camera_model": _MODELS[kind],
        "w": width,
        "h": height,
        "fl_x": values["f"] + values["b1"],
        "fl_y": values["f"],
        "cx": width / 2 + values["cx"],
        "cy": height / 2 + values["cy"],
        "skew": values["b2"],
        **coefficients,
        "p1": values["p2"],
        "p2": values["p1"],
        "k4_is_polynomial": True,
    }


def _numbers(text: str | None, count: int, what: str, file: Path) -> np.ndarray:
    words = (text or "").split()
    values = [parsed(word) for word in words]
    if len(values) != count or None in values:
        raise RequestError(
            f"{file}: the {what} is not {count} numbers: {(text or '')[:60]!r}.", "Export it again."
        )
    return np.array(values, np.float64)
