"""Correct a common error of all focal lengths by the silhouettes.

Seen from all around, wrong focal lengths mostly scale the object; only perspective distinguishes
them, by less than a pixel, which exact silhouettes show. The mean residual of the contours (see
`residual`) is minimised over one factor, which is used only if the residual falls much.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..geometry.views import View
from ..ticket import Ticket
from .correcting import FEWEST
from .outlines import trace_all
from .residual import Residual, Rig

LARGEST = 0.05  # maximum error searched for
TRIED = 11  # evenly spaced factors
ROUNDS = 2  # of searches, each finer and around the best
SMALLEST = 0.006  # minimum error to be corrected
BETTER = 0.7  # maximum fraction of the residual left
EXACT = 0.012  # maximum residual left, pixels of 224: inexact masks look like other focal lengths
GAIN = 0.004  # minimum decrease of the residual, pixels of 224: round objects tell nothing
SAMPLES = 1 << 14  # contour points times views, about
FEWEST_POINTS = 24  # per view


@dataclass(frozen=True)
class FocalCorrection:
    """Views with their focal lengths multiplied by `factor`."""

    views: list[View]
    factor: float

    @property
    def remark(self) -> str:
        """A sentence about the correction."""
        what = "short" if self.factor > 1 else "long"
        return (
            f"All focal lengths were {abs(self.factor - 1):.1%} too {what}, by the silhouettes, "
            f"and were corrected."
        )


def focal_corrected(views: Sequence[View], ticket: Ticket | None = None) -> FocalCorrection | None:
    """Return the views with corrected focal lengths; None if not needed or not possible.

    Parameters
    ----------
    views : all with perspective cameras, in one frame
    """
    outlines = [o for o in trace_all(views) if o is not None]
    cameras = [view.camera for view in views if view.camera is not None]
    usable = len(outlines) == len(cameras) == len(views) >= FEWEST
    if not usable or any(camera.orthographic for camera in cameras):
        return None
    count = max(SAMPLES // (40 * len(views)), FEWEST_POINTS)
    residual = Residual(outlines).thinned(count)

    def left(factor: float) -> float:
        if ticket is not None:
            ticket.check()
        scaled = [replace(c, fx=c.fx * factor, fy=c.fy * factor) for c in cameras]
        return float(residual(Rig.of(scaled)).mean())

    before, factor, reach = left(1.0), 1.0, LARGEST
    if before <= GAIN:  # it can't fall by that much
        return None
    for _ in range(1 + ROUNDS):
        factors = np.linspace(factor - reach, factor + reach, TRIED)
        factor = float(min(factors, key=left))
        reach = 2.0 * reach / (TRIED - 1)
    at_the_end = abs(factor - 1.0) > 0.98 * LARGEST
    most = min(BETTER * before, before - GAIN, EXACT)
    if abs(factor - 1.0) < SMALLEST or at_the_end or left(factor) > most:
        return None
    scaled = [replace(c, fx=c.fx * factor, fy=c.fy * factor) for c in cameras]
    moved = [replace(v, camera=c) for v, c in zip(views, scaled, strict=True)]
    return FocalCorrection(moved, factor)
