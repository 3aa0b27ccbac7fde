"""Refinement: move inaccurate cameras until their silhouettes agree.

All poses and one factor of the focal lengths are solved together, with a weak prior at the given
cameras and a robust loss, which gives bad masks and wrong cameras little weight. An outlier is
first posed alone, from several starting values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..geometry.cameras import Camera
from ..silhouettes import Outline, Residual, Rig
from ..silhouettes.poses import Deviations, FreePoses
from ..silhouettes.rotations import about_axis
from ..silhouettes.solving import Solution, Stage, affordable, solve, solve_stages
from ..ticket import Ticket

FINE_POINTS = 120  # contour points per view
STAGES = (
    Stage(48, 0.1, 20, soft=True),
    Stage(48, 0.03, 20, soft=True, subset=1),
    Stage(FINE_POINTS, 0.005, 50, soft=True),
)
AGAIN = 3  # maximum number of repetitions of the stages with other points
HELPS = 0.9  # repeat only if the loss falls to this fraction
HELD = 1e3  # prior's weight of the others while one camera is posed alone
ALONE = Deviations(rotation=np.radians(12.0), position=0.15, focal=0.05)
ANGLES = np.radians(
    (0.0, 9.0, -9.0)
)  # starting rotations of a lone camera about the object's vertical
ALONE_PULL, ALONE_STEPS, ALONE_POINTS = 0.005, 15, 48
FITS = 0.02  # loss below which no further start is tried


@dataclass(frozen=True)
class Refined:
    """Cameras after a refinement.

    Attributes
    ----------
    cameras : the refined ones; the given ones if nothing was better
    before, after : (V,) each view's mean residual, pixels of 224
    """

    cameras: tuple[Camera, ...]
    before: np.ndarray
    after: np.ndarray

    @property
    def better(self) -> bool:
        """Whether the cameras changed."""
        return float(self.after.mean()) < float(self.before.mean())


def refine_cameras(
    outlines: Sequence[Outline],
    cameras: Sequence[Camera],
    *,
    focal: bool = True,
    stands_out: int | None = None,
    ticket: Ticket | None = None,
) -> Refined:
    """Return cameras near the given ones with better agreeing silhouettes.

    Parameters
    ----------
    outlines, cameras : one for each view; `FINE_POINTS` points each are enough
    focal : also solve one factor of all focal lengths
    stands_out : index of a view with a grossly wrong camera
    """
    ticket = ticket or Ticket()
    residual = affordable(Residual(outlines), FINE_POINTS)
    before = scores(residual, cameras)
    start = list(cameras)
    if stands_out is not None:
        start[stands_out] = _posed_alone(residual, cameras, stands_out, ticket)
    model = FreePoses(start, focal=focal)
    numbers = _solved(residual, model, ticket).numbers
    solved = model.solved(numbers)
    after = scores(residual, solved)
    if after.mean() < before.mean():
        return Refined(tuple(solved), before, after)
    return Refined(tuple(cameras), before, before)


def _solved(residual: Residual, model: FreePoses, ticket: Ticket) -> Solution:
    """Return the solution of all stages, repeated where that helps."""
    best = Solution(np.zeros(model.count), np.inf)
    for attempt in range(1 + AGAIN):
        solution = solve_stages(
            residual,
            model,
            best.numbers,
            [replace(stage, subset=stage.subset + attempt) for stage in STAGES],
            lambda pull: model.prior(Deviations(), pull),
            ticket=ticket,
            advance=lambda part, attempt=attempt: ticket.advance((attempt + part) / (1 + AGAIN)),
        )
        helps = solution.loss < HELPS * best.loss
        best = solution if solution.loss < best.loss else best
        if best.loss <= FITS or not helps:
            break
    return best


def scores(residual: Residual, cameras: Sequence[Camera]) -> np.ndarray:
    """Return (V,) each view's mean residual, pixels of 224."""
    values, _ = residual.linearized(Rig.of(cameras))
    return values.double().numpy().mean(1)


def _posed_alone(
    residual: Residual, cameras: Sequence[Camera], index: int, ticket: Ticket
) -> Camera:
    """Return the camera at `index`, posed against the fixed others."""
    best, least = cameras[index], np.inf
    for angle in ANGLES:
        start = list(cameras)
        start[index] = _rotated_about(cameras, index, angle)
        model = FreePoses(start, focal=False)
        prior = model.prior(ALONE, ALONE_PULL)
        weight = np.full(model.count, HELD)
        weight[6 * index : 6 * index + 6] = prior.weight[6 * index : 6 * index + 6]
        solution = solve(
            residual.thinned(ALONE_POINTS),
            model,
            prior.mean,
            steps=ALONE_STEPS,
            prior=replace(prior, weight=weight),
            ticket=ticket,
        )
        if solution.loss < least:
            best, least = model.solved(solution.numbers)[index], solution.loss
        if least < FITS:
            break
    return best


def _rotated_about(cameras: Sequence[Camera], index: int, angle: float) -> Camera:
    """Return a camera rotated about the vertical through the point that the others look at."""
    others = [camera for number, camera in enumerate(cameras) if number != index]
    across = [np.eye(3) - np.outer(c.forward, c.forward) for c in others]
    pull = sum(a @ c.center for a, c in zip(across, others, strict=True))
    focus = np.linalg.lstsq(np.sum(across, axis=0), pull, rcond=None)[0]
    motion = np.eye(4)
    motion[:3, :3] = about_axis(2, np.array(angle))
    motion[:3, 3] = focus - motion[:3, :3] @ focus
    camera = cameras[index]
    return replace(camera, world_from_camera=motion @ camera.world_from_camera)
