"""The record of one shape in a data set: arrays with fixed names and meanings."""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...contract.errors import RequestError
from ...geometry.frames import OBJECT_SIDE

VOXELS = 32  # cells along an axis of the stored occupancy grid
VOXEL_HALF = OBJECT_SIDE / 2  # the grid covers [-0.9, 0.9]^3 of the object frame, as in R2N2

# Arrays by name: dtype and trailing shape (None: free, the same for all shapes of a data set). The
# first axis counts points, vertices, views... and may differ between shapes. "*" is the name of
# a set of points: "uniform", "near", or one of a paper's.
SCHEMA: dict[str, tuple[str, tuple[int | None, ...]]] = {
    "*.points": ("<f4", (3,)),
    "*.distance": ("<f4", ()),
    "*.inside": ("|u1", ()),
    "*.time": ("<f4", ()),
    "surface.points": ("<f4", (3,)),
    "surface.normals": ("<f4", (3,)),
    "voxels": ("|u1", (VOXELS**3 // 8,)),
    "mesh.vertices": ("<f4", (3,)),
    "mesh.faces": ("<i4", (3,)),
    "mesh.colors": ("<f4", (4,)),
    "views.images": ("|u1", (None, None, 4)),
    "views.depth": ("<f2", (None, None)),
    "views.normals": ("|i1", (None, None, 3)),
    "views.albedo": ("|u1", (None, None, 3)),
    "views.poses": ("<f8", (4, 4)),
    "views.intrinsics": ("<f8", (4,)),
    "views.orthographic": ("|u1", ()),
    "views.time": ("<f4", ()),
    "source_from_object": ("<f8", (4, 4)),
}
NAME = re.compile(r"[\w.+-]+(/[\w.+-]+)*")


@dataclass(frozen=True)
class Record:
    """The data of one shape, to be written to a data set.

    id : unique in the data set; letters, digits and `. _ + - /`
    category : its class, for means over classes
    arrays : by the names of `SCHEMA`
    split : "train", "val", "test", or "": assigned at random
    info : further facts for people (file, licence, notes); stored as JSON
    """

    id: str
    category: str
    arrays: dict[str, np.ndarray]
    split: str = ""
    info: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.id):
            raise RequestError(
                f"{self.id!r} is not a valid name for a shape.",
                "Use letters, digits, dots, dashes and slashes.",
            )
        if not self.arrays:
            raise RequestError(f"{self.id}: a shape without arrays.", "Leave it out.")
        for name, array in self.arrays.items():
            _check(self.id, name, array)
        _same_length(self.id, self.arrays)


def rule_of(name: str) -> tuple[str, tuple[int | None, ...]]:
    """Return dtype and trailing shape of the array `name`.

    Raises
    ------
    RequestError
        If the format has no such array.
    """
    generic = "*." + name.partition(".")[2]
    rule = SCHEMA.get(name) or SCHEMA.get(generic)
    if rule is None:
        raise RequestError(
            f"The format has no array {name!r}.", f"Choose one of {', '.join(SCHEMA)}."
        )
    return rule


def _check(shape: str, name: str, array: np.ndarray) -> None:
    dtype, trailing = rule_of(name)
    if array.dtype != np.dtype(dtype):
        raise RequestError(
            f"{shape}: {name} is {array.dtype}, not {np.dtype(dtype)}.",
            "Convert the array to this type.",
        )
    fits = array.ndim == len(trailing) + 1 and all(
        want in (None, have) for have, want in zip(array.shape[1:], trailing, strict=True)
    )
    if not fits:
        raise RequestError(
            f"{shape}: {name} has the shape {array.shape}, not (n, *{trailing}).",
            "Give one row for each element.",
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise RequestError(
            f"{shape}: {name} holds numbers that are not finite.", "Remove or repair this shape."
        )


def _same_length(shape: str, arrays: dict[str, np.ndarray]) -> None:
    """Refuse a set of points, or views, whose arrays differ in length."""
    for name, array in arrays.items():
        group = name.partition(".")[0]
        if group in ("mesh", "voxels", "source_from_object"):
            continue
        others = {n: len(a) for n, a in arrays.items() if n.startswith(group + ".")}
        if any(length != len(array) for length in others.values()):
            raise RequestError(
                f"{shape}: the arrays of {group!r} differ in length: {others}.",
                "Give arrays of one length.",
            )


def pack_voxels(grid: np.ndarray) -> np.ndarray:
    """Return (1, 4096) uint8: a grid [x, y, z], (32, 32, 32) bool, as the format stores it."""
    if grid.shape != (VOXELS,) * 3:
        raise RequestError(
            f"The format keeps grids of {VOXELS}^3 cells, not {grid.shape}.", "Resample the grid."
        )
    return np.packbits(grid.astype(bool).reshape(1, -1), axis=1)


def unpack_voxels(packed: np.ndarray) -> np.ndarray:
    """Return (32, 32, 32) bool [x, y, z] from the output of `pack_voxels`."""
    return np.unpackbits(packed.reshape(-1)).astype(bool).reshape((VOXELS,) * 3)
