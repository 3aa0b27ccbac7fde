"""Parses one camera of a `transforms.json` with the keys of nerfstudio, instant-ngp and COLMAP.

`camera_model` is COLMAP's (`src/colmap/sensor/models.h`), in any case; nerfstudio writes `OPENCV`
and `OPENCV_FISHEYE` (docs: "Data conventions"), instant-ngp `is_fisheye` (`src/nerf_loader.cu`).
"""

import math
from typing import Any

from ..cameras import CameraData, Distortion, rigid_pose
from ..errors import RequestError
from .numbers import flag, matrix, number
from .types import Keys

HINT = "Correct it, or export the cameras again."
# Distortion coefficients of each model.
_BROWN = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
_COEFFICIENTS = {
    "SIMPLE_PINHOLE": (),
    "PINHOLE": _BROWN,  # nerfstudio applies them whatever the model
    "PERSPECTIVE": _BROWN,
    "SIMPLE_RADIAL": ("k1",),
    "RADIAL": ("k1", "k2"),
    "OPENCV": _BROWN,
    "FULL_OPENCV": _BROWN,
    "SIMPLE_RADIAL_FISHEYE": ("k1",),
    "RADIAL_FISHEYE": ("k1", "k2"),
    "OPENCV_FISHEYE": ("k1", "k2", "k3", "k4"),
    "ORTHOGRAPHIC": (),
}
_ALIASES = {"FISHEYE": "OPENCV_FISHEYE", "ORTHO": "ORTHOGRAPHIC"}
_REFUSED_FLAGS = {"ftheta_p0": "an F-theta", "is_equirectangular": "an equirectangular"}
NEGLIGIBLE = 1e-12


def camera_of(
    keys: Keys, label: str, size: tuple[int, int] | None
) -> tuple[CameraData, tuple[str, ...]]:
    """Return a camera, and remarks on how its keys were interpreted.

    Parameters
    ----------
    keys
        `transform_matrix` (world_from_camera, Blender's axes); `fl_x fl_y cx cy w h`, or
        `camera_angle_x`, `camera_angle_y` (radians), `x_fov`, `y_fov` (degrees); `camera_model`;
        `k1` to `k6`, `p1`, `p2`; `ortho_scale`. Numbers may be strings; null counts as missing.
    label
        Name of the frame in messages.
    size
        The image's width and height, for files that omit them.

    Raises
    ------
    RequestError
        If a number is missing or invalid, the model is unknown, or the pose is not rigid; the
        message names the frame, the key and the value.
    """
    model = _model(keys, label)
    width, height = _size(keys, label, size)
    fl_x, fl_y = _focal(keys, model, width, height, label)
    bent, remarks = _distortion(keys, model, label)
    pose = matrix(keys.get("transform_matrix"), "transform_matrix", label, ((4, 4), (3, 4)))
    camera = CameraData(
        transform_matrix=rigid_pose(pose, f"transform_matrix of {label}"),
        fl_x=fl_x,
        fl_y=fl_y,
        cx=_number(keys, "cx", label, width / 2),
        cy=_number(keys, "cy", label, height / 2),
        w=width,
        h=height,
        camera_model="ORTHOGRAPHIC" if model == "ORTHOGRAPHIC" else "PINHOLE",
        distortion=bent,
    )
    return camera, remarks


def needs_size(keys: Keys) -> bool:
    """Tell whether the size must be read from the image."""
    return keys.get("w") is None or keys.get("h") is None


def _model(keys: Keys, label: str) -> str:
    """Return the camera model in upper case; PINHOLE if the file has none."""
    for key, words in _REFUSED_FLAGS.items():
        if flag(keys.get(key)):
            raise RequestError(
                f"{label[0].upper()}{label[1:]} has {words} camera ({key}).",
                "Convert the image to a perspective one; Levelform undoes the distortion of "
                "OPENCV and OPENCV_FISHEYE cameras.",
            )
    given = keys.get("camera_model")
    if given is None or given == "":
        return "OPENCV_FISHEYE" if flag(keys.get("is_fisheye")) else "PINHOLE"
    name = str(given).strip().upper().replace("-", "_").replace(" ", "_")
    name = _ALIASES.get(name, name)
    if name not in _COEFFICIENTS:
        raise RequestError(
            f"camera_model of {label} is {given!r}, which is not supported.",
            f"Use one of {', '.join(_COEFFICIENTS)}.",
        )
    perspective = not name.endswith("FISHEYE") and name != "ORTHOGRAPHIC"
    return "OPENCV_FISHEYE" if perspective and flag(keys.get("is_fisheye")) else name


def _size(keys: Keys, label: str, size: tuple[int, int] | None) -> tuple[int, int]:
    """Return the image width and height of the intrinsics."""
    result = []
    for axis, key in enumerate(("w", "h")):
        value = number(keys, key, label, None if size is None else size[axis])
        if value is None:
            raise RequestError(f"{key} of {label} is missing.", "Give the image's size in pixels.")
        if round(value) < 1 or value > 1e6:
            raise RequestError(f"{key} of {label} is {value:g} pixels.", HINT)
        result.append(round(value))
    return result[0], result[1]


def _focal(keys: Keys, model: str, w: int, h: int, label: str) -> tuple[float, float]:
    """Return focal lengths in pixels, or pixels per unit for orthographic cameras."""
    if model == "ORTHOGRAPHIC":
        zoom = _ortho_zoom(keys, w, h, label)
        if zoom is not None:
            return zoom
    across, down = number(keys, "fl_x", label), number(keys, "fl_y", label)
    across = across if across is not None else _from_angle(keys, "x", w, label)
    down = down if down is not None else _from_angle(keys, "y", h, label)
    if across is None and down is None:
        wanted = "ortho_scale" if model == "ORTHOGRAPHIC" else "fl_x (pixels) or camera_angle_x"
        raise RequestError(
            f"{label[0].upper()}{label[1:]} has no focal length.", f"Give {wanted} in the file."
        )
    both = [value for value in (across, down) if value is not None]
    return both[0], both[-1]


def _ortho_zoom(keys: Keys, w: int, h: int, label: str) -> tuple[float, float] | None:
    """Return pixels per unit from `ortho_scale`; `fl_x` and `fl_y` if they agree with it."""
    scale = number(keys, "ortho_scale", label)
    if scale is None:
        return None
    across, down = number(keys, "fl_x", label), number(keys, "fl_y", label)
    if across and down and math.isclose(max(w / across, h / down), scale, rel_tol=1e-6):
        return across, down
    return max(w, h) / scale, max(w, h) / scale


def _from_angle(keys: Keys, axis: str, size: int, label: str) -> float | None:
    """Return the focal length from a field of view in radians or degrees; None without one."""
    angle = number(keys, f"camera_angle_{axis}", label)
    if angle is None:
        degrees = number(keys, f"{axis}_fov", label)
        angle = None if degrees is None else math.radians(degrees)
    if angle is None:
        return None
    if not 0 < angle < math.pi:
        raise RequestError(
            f"The field of view of {label} is {math.degrees(angle):g} degrees.",
            f"camera_angle_{axis} is in radians, above 0 and below pi.",
        )
    return size / 2 / math.tan(angle / 2)


def _distortion(keys: Keys, model: str, label: str) -> tuple[Distortion | None, tuple[str, ...]]:
    """Return the distortion, None if all coefficients are zero, and remarks."""
    values = {key: _number(keys, key, label, 0.0) for key in _BROWN}
    if values["k1"] == 0.0:
        values["k1"] = _number(keys, "k", label, 0.0) if model.startswith("SIMPLE") else 0.0
    skew = _number(keys, "skew", label, 0.0)
    known = _COEFFICIENTS[model]
    bent = [key for key, value in values.items() if abs(value) > NEGLIGIBLE]
    strange = [key for key in bent if key not in known]
    if strange:
        raise RequestError(
            f"{strange[0]} of {label} is {values[strange[0]]:g}, but a {model} camera has no "
            f"{strange[0]}.",
            "Correct camera_model, or remove the coefficient.",
        )
    if not bent and not skew and "FISHEYE" not in model:
        return None, ()
    k = [values[f"k{index}"] for index in range(1, 7)]
    if "FISHEYE" in model:
        return Distortion("OPENCV_FISHEYE", tuple(k[:4]), (0.0, 0.0), skew), ()
    p = (values["p1"], values["p2"])
    return _radial(keys, model, k, p, skew)


def _radial(
    keys: Keys, model: str, k: list[float], p: tuple[float, float], skew: float
) -> tuple[Distortion, tuple[str, ...]]:
    """Return OpenCV's rational distortion, or a polynomial up to r^8 if only k4 is given.

    In OpenCV, k4 to k6 form a denominator and come together (COLMAP's FULL_OPENCV); nerfstudio's
    OPENCV has k1 to k4, and k4 is the coefficient of r^8 (its pull request 3131). Readers of other
    formats set `k4_is_polynomial`.
    """
    if flag(keys.get("k4_is_polynomial")):
        return Distortion("BROWN", tuple(k[:4]), p, skew), ()
    alone = keys.get("k5") is None and keys.get("k6") is None
    if k[3] and alone and model != "FULL_OPENCV":
        remark = (
            "k4 without k5 and k6 is read as nerfstudio's coefficient of r^8; for OpenCV's "
            "denominator give k5 and k6 too, 0 if necessary."
        )
        return Distortion("BROWN", tuple(k[:4]), p, skew), (remark,)
    return Distortion("OPENCV", tuple(k), p, skew), ()


def _number(keys: Keys, key: str, label: str, default: float) -> float:
    result: Any = number(keys, key, label, default)
    return float(result)
