"""Places of a batch's objects: rows of cells from a corner, wide enough for each object."""

import math
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix, Vector

UNIT_CELL = 2.2  # side of the cell of an object of the unit volume, [-1, 1]^3
MARGIN = 1.2  # cell of another object, in longest horizontal sides


@dataclass
class ResultGrid:
    """The next free cell; cells are square, and rows run along +X, one behind the other in +Y.

    Attributes
    ----------
    corner : (3,) where the first cell begins; its height is that of the objects' centres
    columns : cells in a row
    """

    corner: tuple[float, float, float]
    columns: int
    _x: float = 0.0
    _y: float = 0.0
    _depth: float = 0.0  # of the current row
    _count: int = 0

    @classmethod
    def for_count(cls, count: int, corner: tuple[float, float, float]) -> "ResultGrid":
        """Return a grid about as wide as deep."""
        return cls(corner, max(1, math.ceil(math.sqrt(count))))

    def center(self, side: float) -> np.ndarray:
        """Return the centre, (3,), of the next cell, if it is `side` wide."""
        return np.array(self.corner) + np.array((self._x + side / 2, self._y + side / 2, 0.0))

    def take(self, side: float) -> None:
        """Fill the next cell, `side` wide."""
        self._x += side
        self._depth = max(self._depth, side)
        self._count += 1
        if self._count % self.columns == 0:
            self._x, self._y, self._depth = 0.0, self._y + self._depth, 0.0

    def unit_volume(self) -> np.ndarray:
        """Return world_from_volume, (4, 4), of an object of the unit volume in the next cell."""
        matrix = np.eye(4)
        matrix[:3, 3] = self.center(UNIT_CELL)
        return matrix

    def put(self, obj: bpy.types.Object) -> None:
        """Move an object into the next cell, and fill that."""
        lower, upper = bounds(obj)
        side = MARGIN * float((upper - lower)[:2].max())
        offset = self.center(side) - (lower + upper) / 2
        obj.matrix_world = Matrix.Translation(Vector(offset)) @ obj.matrix_world
        self.take(side)


def bounds(obj: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners, (3,) each, world frame, of the bounding box of an object's mesh."""
    local = np.zeros(len(obj.data.vertices) * 3, np.float32)
    obj.data.vertices.foreach_get("co", local)
    matrix = np.array(obj.matrix_world, np.float64)
    points = local.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    return points.min(0), points.max(0)
