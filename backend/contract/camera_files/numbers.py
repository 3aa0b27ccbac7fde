"""Parses numbers of camera files: plain, as strings, null or invalid."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import RequestError

POSITIVE = ("w", "h", "fl_x", "fl_y", "ortho_scale", "camera_angle_x", "camera_angle_y")


def number(
    keys: Mapping[str, Any], key: str, label: str, default: float | None = None
) -> float | None:
    """Return a number; the default if the key is missing or null.

    Raises
    ------
    RequestError
        If the value is not finite, or not above zero for keys in `POSITIVE`; the message names the
        frame, the key and the value.
    """
    value = keys.get(key)
    if value is None:
        return default
    result = parsed(value)
    if result is None:
        raise RequestError(
            f"{key} of {label} is not a number: {_shown(value)}.", "Correct it, or export it again."
        )
    if key in POSITIVE and result <= 0:
        raise RequestError(
            f"{key} of {label} must be above zero, not {result:g}.",
            "Correct it, or export it again.",
        )
    return result


def parsed(value: Any) -> float | None:
    """Parse a finite number, also from a string; None if it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def matrix(value: Any, key: str, label: str, shapes: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Return a matrix of one of the shapes, float64.

    Raises
    ------
    RequestError
        If it is missing, has another shape, or contains a non-finite or invalid number.
    """
    wanted = " or ".join("x".join(map(str, shape)) for shape in shapes)
    if value is None:
        raise RequestError(f"{key} of {label} is missing.", f"Give it as {wanted} numbers.")
    try:
        result = np.array(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        result = None
    if result is None or result.shape not in shapes:
        seen = "something else" if result is None else "x".join(map(str, result.shape)) or "one"
        raise RequestError(
            f"{key} of {label} is not {wanted} numbers but {seen}: {_shown(value)}.",
            "Correct it, or export it again.",
        )
    if not np.isfinite(result).all():
        raise RequestError(
            f"{key} of {label} contains a non-finite number.", "Export the cameras again."
        )
    return result


def flag(value: Any) -> bool:
    """Tell whether a value is true: true, 1, "true", "yes"."""
    if isinstance(value, str):
        return value.strip().lower() in ("true", "yes", "1")
    return bool(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
