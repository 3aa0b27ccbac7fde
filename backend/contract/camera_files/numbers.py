"""Numbers as files have them: plain, in quotes, null, or wrong."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import RequestError

POSITIVE = ("w", "h", "fl_x", "fl_y", "ortho_scale", "camera_angle_x", "camera_angle_y")


def number(
    keys: Mapping[str, Any], key: str, label: str, default: float | None = None
) -> float | None:
    """Return a number; the default where the key is missing or null.

    Raises
    ------
    RequestError
        If the value is not a finite number, or not above zero where it must be; the message names
        frame, key and value.
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
    """Return a value as a finite number, also one in quotes; None if it is not one."""
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
        If it is missing, of another shape, or holds what is not a finite number.
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
            f"{key} of {label} holds a number that is not finite.", "Export the cameras again."
        )
    return result


def flag(value: Any) -> bool:
    """Return whether a value means yes: true, 1, "true", "yes"."""
    if isinstance(value, str):
        return value.strip().lower() in ("true", "yes", "1")
    return bool(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
