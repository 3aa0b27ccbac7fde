"""Check every number, word and array of a request on arrival, by name.

Imports numpy and the standard library alone: Blender's side and the worker's share this file.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from .errors import RequestError
from .limits import LIMITS, PATH, VIEWS, check, check_plain, check_words, shown

# Shapes of arrays, -1 for any length, by the field that holds them.
SHAPES: Mapping[str, tuple[int, ...]] = {
    "transform_matrix": (4, 4),
    "world_from_volume": (4, 4),
    "image": (-1, -1, 4),
    "mask": (-1, -1),
    "encoded": (-1,),
    "vertices": (-1, 3),
    "faces": (-1, 3),
    "uvs": (-1, 3, 2),
}
_PIXELS = ("image", "encoded", "mask")  # read and checked later, as images
_PATHS = ("path", "mask", "weights", "depth", "sources", "weights_file")


def check_request(request: Any) -> None:
    """Refuse a request with invalid values.

    Parameters
    ----------
    request
        A message of `protocol`, or a part of one.

    Raises
    ------
    RequestError
        Names the first invalid number, word or array, with the value seen.
    """
    _check_parts(request, "")


def _check_parts(part: Any, where: str) -> None:
    where = _name_of(part) or where
    if hasattr(part, "vertices") and hasattr(part, "faces"):
        _check_mesh(part)
    for entry in fields(part):
        _check_value(entry.name, getattr(part, entry.name), where)


def _check_value(name: str, value: Any, where: str) -> None:
    if value is None or isinstance(value, bool):
        return
    if is_dataclass(value):
        _check_parts(value, where)
    elif isinstance(value, np.ndarray):
        _check_array(name, value, where)
    elif isinstance(value, str):
        check_words(name, value, **({"most": PATH} if name in _PATHS else {}))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            check_words("option's name", key)
            check_plain(key, item)
    elif isinstance(value, tuple | list):
        if len(value) > VIEWS:
            raise RequestError(
                f"There are {len(value):,} {name}, more than {VIEWS:,}.",
                "Choose some of them: a few dozen views from all around are enough.",
            )
        for item in value:
            _check_value(name, item, where)
    else:
        check(name, value, where=where)


def _check_array(name: str, array: np.ndarray, where: str) -> None:
    shape = SHAPES.get(name, array.shape)
    fitting = len(shape) == array.ndim and all(
        wanted in (-1, seen) for wanted, seen in zip(shape, array.shape, strict=True)
    )
    if not fitting or 0 in array.shape[: 2 if name == "image" else 0]:
        sides = ("any" if side < 0 else str(side) for side in shape)
        raise RequestError(
            f"{f'{where}: the' if where else 'The'} {name} is an array of shape {array.shape}, "
            f"not ({', '.join(sides)}).",
            "Send it again.",
        )
    limit = LIMITS.get(name)
    if name in _PIXELS or limit is None or not array.size:
        return
    with np.errstate(invalid="ignore"):
        bad = ~((array >= limit.least) & (array <= limit.most))  # true of NaN too
    if bad.any():
        check(name, float(array[bad].flat[0]), where=where)


def _check_mesh(mesh: Any) -> None:
    """Refuse faces whose corners are not vertices."""
    faces, count = mesh.faces, len(mesh.vertices)
    if faces.dtype.kind not in "iu":
        raise RequestError("The mesh's faces are not whole numbers.", "Send it again.")
    if faces.size and (int(faces.min()) < 0 or int(faces.max()) >= count):
        bad = int(faces.min()) if int(faces.min()) < 0 else int(faces.max())
        raise RequestError(
            f"The mesh has {count:,} vertices, and a face uses number {bad:,}.",
            "Send it again.",
        )


def _name_of(part: Any) -> str:
    """Return a view's name for messages."""
    name = getattr(part, "name", "") if hasattr(part, "camera") else ""
    return shown(name).strip("'\"") if name else ""
