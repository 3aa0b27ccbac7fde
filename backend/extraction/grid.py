"""The grid over the box: cubes, nested from level to level."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..contract.errors import RequestError

logger = logging.getLogger(__name__)

COARSEST = 32
"""The coarsest resolution; all others are this times a power of two."""
FINEST = 1024
BOX = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))

Box = tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True)
class Grid:
    """A box covered with cubes, `n` of them along its longest side, for any `n`.

    The grid is anchored at `lower`. Along a shorter side it has as many whole cells as cover the
    box, so that its last nodes lie less than a cell beyond `upper`; the cap is at the box itself.
    Node i of level n is node 2 i of level 2 n, at the very same float32 position.

    Attributes
    ----------
    lower, upper : corners of the box, volume frame, float32 numbers
    """

    lower: tuple[float, float, float]
    upper: tuple[float, float, float]

    @classmethod
    def over(cls, box: Box | None) -> "Grid":
        """Return the grid over `box`, (lower, upper) corners; None: the volume's cube.

        Raises
        ------
        RequestError
            If the box is not two finite corners with room between them.
        """
        try:
            lower, upper = np.asarray(BOX if box is None else box, np.float64)
        except (TypeError, ValueError) as error:
            raise RequestError(
                f"The box must be two corners of three numbers, not {box!r}."
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
        """Return how near to a node a vertex may come, as a share of an edge.

        Far enough for float32 to tell the vertices of one cell apart, and near enough to move none
        visibly. With it no triangle is degenerate: its three vertices lie strictly inside three
        edges of a cube, and no line meets three of those.

        Raises
        ------
        RequestError
            If the cells are so small that float32 can't hold positions in them.
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
    """Return the next of 32, 64, ... 1024, and a sentence when that is another number.

    Raises
    ------
    RequestError
        If it is no number or beyond the finest level.
    """
    if isinstance(resolution, bool) or resolution != resolution or resolution < 1:
        raise RequestError(f"The {what} must be a positive number, not {resolution}.")
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
