"""Refit poses: the residual left after small corrections of all cameras.

With cameras that are all a degree off, correct and wrong orders of the images have nearly the same
residual. A few least-squares steps of all poses remove the part caused by small camera errors; the
rest distinguishes the orders.
"""

from collections.abc import Sequence

import numpy as np
import torch

from ..geometry.cameras import Camera
from .outlines import Outline
from .poses import Deviations, FreePoses
from .residual import Residual
from .solving import solve

EXPECTED = Deviations(rotation=np.radians(1.5), position=0.025)
PULL = 0.1  # weight of the prior at the given cameras, pixels at one standard deviation


def refitted(
    outlines: Sequence[Outline], cameras: Sequence[Camera], *, points: int, steps: int
) -> float:
    """Return the mean residual after the poses were refitted, pixels of 224.

    Parameters
    ----------
    points : contour points of a view that are fitted; the residual is that of others, if there are
        enough
    steps : of the least squares, at most
    """
    model, whole = FreePoses(cameras, focal=False), Residual(outlines)
    solution = solve(
        whole.thinned(points),
        model,
        np.zeros(model.count),
        steps=steps,
        prior=model.prior(EXPECTED, PULL),
        soft=True,
    )
    with torch.no_grad():
        return float(whole.thinned(points, 1)(model.rig(solution.numbers)).mean())
