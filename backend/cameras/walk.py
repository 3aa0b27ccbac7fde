"""Walk-round by hand: cameras of images taken while walking once around an object.

A turntable is the start; then every pose is free. The focal length is the weak number: silhouettes
of a hand-held walk hardly say it, so it comes from the file (EXIF) or starts at 1.2 widths of the
image and is pulled there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry.cameras import Camera
from ..silhouettes import Outline, Residual
from ..silhouettes.poses import Deviations, FreePoses
from ..silhouettes.solving import Stage, affordable, solve_stages
from ..ticket import Ticket
from .turntable import fit_ring

USUAL_FOCAL = 1.2  # widths of the image, where the file says nothing
HAND = Deviations(rotation=np.radians(6.0), position=0.1, focal=0.2)
STAGES = (
    Stage(40, 0.1, 20, soft=True),
    Stage(40, 0.03, 20, soft=True, shift=1),
    Stage(80, 0.01, 40, soft=True),
)
FINE_POINTS = 80  # contour points of a view that a walk wants


@dataclass(frozen=True)
class Walked:
    """Cameras of a walk-round.

    Attributes
    ----------
    cameras : one for each image, the axis of the walk is z
    loss : mean residual, pixels of 224
    started : that of the turntable which was the start
    """

    cameras: tuple[Camera, ...]
    loss: float
    started: float


def solve_walk(
    outlines: Sequence[Outline], *, focal: float | None = None, ticket: Ticket | None = None
) -> Walked:
    """Return the cameras of a walk once around the object.

    Parameters
    ----------
    outlines : in the order in which the images were taken, all of one size; `FINE_POINTS` points
        each are enough
    focal : in widths of the image, if it is known
    """
    ticket = ticket or Ticket()
    ring = fit_ring(outlines, focal=focal or USUAL_FOCAL, ticket=ticket)
    model = FreePoses(ring.cameras, focal=focal is None)
    residual = affordable(Residual(outlines), 2 * FINE_POINTS)
    solution = solve_stages(
        residual,
        model,
        np.zeros(model.count),
        STAGES,
        lambda pull: model.prior(HAND, pull),
        ticket=ticket,
        advance=lambda part: ticket.advance(0.7 + 0.3 * part),
    )
    return Walked(tuple(model.solved(solution.numbers)), solution.loss, ring.loss)
