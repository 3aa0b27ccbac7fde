"""Refit poses: the residual that is left once all cameras may move a little.

With cameras that are all a degree off, the residual of right and wrong orders of the images is
nearly the same. A few least-squares steps of all poses remove what small errors of the cameras
explain; what is left tells the orders apart.
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
PULL = 0.1  # to the given cameras, pixels at one such deviation


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
