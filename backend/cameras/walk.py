"""Walk-round by hand: cameras of images taken while walking once around an object.

A turntable is the starting value; then every pose is free. If the residual stays large, other rings
are tried as starting values, in both directions and at several elevations, and the lowest residual
wins. Silhouettes of a hand-held walk hardly determine the focal length, so it comes from the file
(EXIF), or starts at 1.2 widths of the image with a prior there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ..geometry.cameras import Camera
from ..silhouettes import Outline, Residual
from ..silhouettes.poses import Deviations, FreePoses
from ..silhouettes.solving import Stage, affordable, solve_stages
from ..ticket import Ticket
from .turntable import fit_ring, ring_starts

USUAL_FOCAL = 1.2  # widths of the image, if the file does not say it
HAND = Deviations(rotation=np.radians(6.0), position=0.1, focal=0.2)
STAGES = (
    Stage(40, 0.1, 20, soft=True),
    Stage(40, 0.03, 20, soft=True, subset=1),
    Stage(80, 0.01, 40, soft=True),
)
DOUBTFUL = 0.05  # loss (pixels of 224) above which other starts are tried
STARTS, FINALISTS = 10, 3  # other starting values: tried, and converged
FINE_POINTS = 80  # contour points per view


@dataclass(frozen=True)
class Walked:
    """Cameras of a walk-round.

    Attributes
    ----------
    cameras : one for each image, the axis of the walk is z
    loss : mean residual, pixels of 224
    started : loss of the initial turntable
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
    residual = affordable(Residual(outlines), 2 * FINE_POINTS)
    best = _freed(residual, ring.cameras, STAGES, focal is None, ticket, (0.6, 0.7))
    if best.loss > DOUBTFUL:
        other = _other(residual, outlines, focal, ticket)
        best = other if other.loss < best.loss else best
    return replace(best, started=ring.loss)


def _other(
    residual: Residual, outlines: Sequence[Outline], focal: float | None, ticket: Ticket
) -> Walked:
    """Return the best walk from other starting values: all solved roughly, the best converged."""
    silent = Ticket(cancelled=ticket.cancelled)  # the coarse search starts from zero again
    starts = ring_starts(outlines, focal or USUAL_FOCAL, silent)[:STARTS]
    rough = [
        _freed(residual, start, STAGES[:1], focal is None, ticket, part)
        for start, part in zip(starts, _parts(0.7, 0.9, len(starts)), strict=True)
    ]
    rough.sort(key=lambda walked: walked.loss)
    best = None
    finalists = rough[:FINALISTS]
    for walked, part in zip(finalists, _parts(0.9, 1.0, len(finalists)), strict=True):
        final = _freed(residual, walked.cameras, STAGES[1:], focal is None, ticket, part)
        best = final if best is None or final.loss < best.loss else best
        if best.loss <= DOUBTFUL:
            break
    assert best is not None  # there are starts in both directions
    return best


def _parts(start: float, stop: float, count: int) -> list[tuple[float, float]]:
    """Return the ends of `count` equal parts of an interval."""
    edges = np.linspace(start, stop, count + 1).tolist()
    return list(pairwise(edges))


def _freed(
    residual: Residual,
    start: Sequence[Camera],
    stages: Sequence[Stage],
    free_focal: bool,
    ticket: Ticket,
    part: tuple[float, float],
) -> Walked:
    """Return the walk with free poses near a starting value; `part` of the progress is its own."""
    model = FreePoses(start, focal=free_focal)
    solution = solve_stages(
        residual,
        model,
        np.zeros(model.count),
        stages,
        lambda pull: model.prior(HAND, pull),
        ticket=ticket,
        advance=lambda done: ticket.advance(part[0] + (part[1] - part[0]) * done),
    )
    return Walked(tuple(model.solved(solution.numbers)), solution.loss, solution.loss)
