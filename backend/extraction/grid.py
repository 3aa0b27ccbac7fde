"""The grid over the box: cubic cells, nested from level to level."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..contract.errors import RequestError

logger = logging.getLogger(__name__)

COARSEST = 32
"""Coarsest resolution; all others are this times a power of two."""
FINEST = 1024
BOX = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))

Box = tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True)
class NestedGrid:
    """A box covered by cubic cells, `n` along its longest side, for any level `n`.

    The grid is anchored at `lower`. Along a shorter side whole cells cover the box, so the last
    nodes may lie up to a cell past `upper`; the cap lies on the box itself. Node i of level n is
    node 2 i of level 2 n, at exactly the same float32 position.

    Attributes
    ----------
    lower, upper : corners of the box, volume frame, float32
    """

    lower: tuple[float, float, float]
    upper: tuple[float, float, float]

    @classmethod
    def over(cls, box: Box | None) -> "NestedGrid":
        """Return the grid over `box`, (lower, upper) corners; None: the volume's cube.

        Raises
        ------
        RequestError
            If the box is not two finite corners with lower < upper.
        """
        try:
            lower, upper = np.asarray(BOX if box is None else box, np.float64)
        except (TypeError, ValueError) as error:
            raise RequestError(
                f"The box must be two corners of three numbers, not {box!r}.",
                "Give the lower and the upper corner.",
            ) from error
        if lower.shape != (3,) or not np.isfinite([lower, upper]).all() or (lower >= upper).any():
            raise RequestError(
                f"The box from {lower.tolist()} to {upper.tolist()} has no inside.",
                "Give a lower and an upper corner, (x, y, z) each.",
            )
        low, high = (tuple(corner.astype(np.float32).tolist()) for corner in (lower, upper))
        return cls(low, high)

    @property
    def side(self) -> float:
        """The box's longest side."""
        return max(float(np.float32(b) - np.float32(a)) for a, b in self._sides)

    @property
    def _sides(self) -> list[tuple[float, float]]:
        return list(zip(self.lower, self.upper, strict=True))

    def step(self, n: int) -> float:
        """Return the side of a cell at level `n`."""
        return self.side / n

    def shape(self, n: int) -> tuple[int, int, int]:
        """Return the number of cells along x, y, z at level `n`."""
        x, y, z = (max(1, math.ceil((b - a) / self.step(n) - 1e-4)) for a, b in self._sides)
        return x, y, z

    def margin(self, n: int) -> float:
        """Return the minimum distance of a vertex from a node, as a fraction of the edge.

        Large enough for float32 to separate the vertices of a cell, too small to be visible. It
        excludes degenerate triangles: the three vertices lie strictly inside three edges of a
        cube, and no line meets the interiors of three.

        Raises
        ------
        RequestError
            If the cells are too small for float32 positions.
        """
        reach = max(abs(c) for c in (*self.lower, *self.upper))
        margin = max(1e-3, 16 * float(np.spacing(np.float32(reach))) / self.step(n))
        if margin > 0.25:
            raise RequestError(
                f"Cells of {self.step(n):.3g} at {reach:.3g} from the origin are too small for "
                "single precision.",
                "Choose a lower resolution or a larger box.",
            )
        return margin


def round_up(resolution: int, *, what: str = "resolution") -> tuple[int, str]:
    """Return the next of 32, 64, ... 1024, and a remark if that differs from `resolution`.

    Raises
    ------
    RequestError
        If it is not a positive number, or above the finest level.
    """
    if isinstance(resolution, bool) or resolution != resolution or resolution < 1:
        raise RequestError(
            f"The {what} must be a positive number, not {resolution}.", "Choose another one."
        )
    if resolution > FINEST:
        raise RequestError(
            f"A {what} of {resolution} is too fine.", f"The finest is {FINEST} cells a side."
        )
    rounded = COARSEST
    while rounded < resolution:
        rounded *= 2
    if rounded == resolution:
        return rounded, ""
    remark = (
        f"The {what} {resolution} was raised to {rounded}, the next of 32, 64, 128, ... {FINEST}."
    )
    logger.warning(remark)
    return rounded, remark
