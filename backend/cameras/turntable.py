"""Turntable: the cameras of images taken while an object turned by equal steps.

Silhouettes alone determine the direction, the focal length, the elevation and the axis (4 numbers
and a sign). A coarse grid of these is evaluated with few contour points, the best cells of both
directions are solved, and the loss tells whether equal steps explain the images. If not, images are
left out on trial (bad masks); then the step, each angle and finally each pose become unknowns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..geometry.cameras import Camera
from ..silhouettes import Outline, Residual
from ..silhouettes.poses import Deviations, FreePoses
from ..silhouettes.solving import Prior, Solution, affordable, solve
from ..ticket import Ticket
from .ring import SHARED, Ring

FOCALS = (0.8, 1.2, 1.8, 2.8, 4.5)  # widths of the image
ELEVATIONS = np.radians((0.0, 6.0, 12.0, 18.0, 24.0, 30.0, 36.0, 43.0, 51.0, 60.0))
LOWEST = np.radians(-4.0)  # minimum elevation of a camera that looks down
STARTS = 4  # cells of the grid solved in each direction
FINALISTS = 2  # solutions of the better direction to converge
ENOUGH_IMAGES = 12  # maximum number in the first stages
GRID_POINTS, FIRST_POINTS, LAST_POINTS = 12, 32, 48  # contour points per image
FIRST_STEPS, LAST_STEPS, POSE_STEPS = 12, 25, 30
USUAL = np.radians((12.0, 26.0, 42.0))  # elevations of walks
APART = 0.12  # radians between starting values
EXPLAINED = 0.1  # loss above which more unknowns are added
TRIED = 3  # images to leave out on trial: those with the largest residuals
BY_FAR = 0.5  # without a bad mask the loss falls to at most this fraction
# Expected deviations from a focal length of 1.5 widths, 20 degrees elevation, and no pan and roll.
MEAN = (np.log(1.5), np.radians(20.0), 0.0, 0.0)
DEVIATIONS = (1.0, 0.6, 0.3, 0.1)
STEP, ANGLE = 0.1, np.radians(3.0)  # of the step's logarithm, of each angle
PULL = 0.005  # pixels at one such deviation
POSES = Deviations(rotation=np.radians(2.0), position=0.03, focal=0.1)


@dataclass(frozen=True)
class Turned:
    """Cameras of a turntable.

    Attributes
    ----------
    ring, numbers : the model of the images in `used`, and its parameters
    cameras : one for each image, in the ring's frame
    loss : mean residual of the used images, pixels of 224
    other : loss of the best solution in the other direction
    used : the images that the cameras were solved from
    """

    ring: Ring
    numbers: np.ndarray
    cameras: tuple[Camera, ...]
    loss: float
    other: float
    used: tuple[int, ...]


def solve_turntable(
    outlines: Sequence[Outline],
    *,
    step: float | None = None,
    focal: float | None = None,
    ticket: Ticket | None = None,
) -> Turned:
    """Return the cameras of a turntable.

    Parameters
    ----------
    outlines : in the order in which the images were taken, all of one size
    step : radians between two images; None: they go once around
    focal : in widths of the image, if it is known
    """
    ticket = ticket or Ticket()
    best = fit_ring(outlines, step=step, focal=focal, ticket=ticket)
    for freedom in ({}, {"free_step": True}, {"free_step": True, "free_angles": True}):
        if best.loss <= EXPLAINED:
            return best
        ticket.advance(0.8)
        if freedom:
            best = _freed(best, outlines, ticket, **freedom)
        if best.loss > EXPLAINED and best.ring.count > 4:
            best = _without_one(best, outlines, ticket)
    return best if best.loss <= EXPLAINED else _posed(best, outlines, ticket)


def fit_ring(
    outlines: Sequence[Outline],
    *,
    step: float | None = None,
    focal: float | None = None,
    ticket: Ticket | None = None,
) -> Turned:
    """Return the best ring of equal steps, whatever its loss.

    Parameters
    ----------
    outlines, step, focal : as in `solve_turntable`
    """
    ticket = ticket or Ticket()
    count = len(outlines)
    angle = 2 * np.pi / count if step is None else step
    solved = list(_first(outlines, angle, focal, ticket))
    solved.sort(key=lambda item: item[2])
    whole = affordable(Residual(outlines), LAST_POINTS)
    best = None
    same = [item for item in solved if item[0].direction == solved[0][0].direction]
    for ring, start, _ in same[:FINALISTS]:
        full = replace(ring, places=tuple(range(count)))
        solution = _solved(full, whole, start, LAST_STEPS, ticket=ticket)
        if best is None or solution.loss < best[1].loss:
            best = full, solution
    assert best is not None  # there are starts in each direction
    ring, solution = best
    others = [loss for r, _, loss in solved if r.direction != ring.direction]
    cameras = tuple(ring.cameras(solution.numbers))
    used = tuple(range(count))
    return Turned(ring, solution.numbers, cameras, solution.loss, min(others), used)


def ring_starts(outlines: Sequence[Outline], focal: float, ticket: Ticket) -> list[list[Camera]]:
    """Return the cameras of rings as starting values for a walk, likely ones first.

    These are the solutions of the coarse search in both directions, and unsolved rings at usual
    elevations: with uneven steps, the best ring is not always near the cameras.
    """
    places, angle = tuple(range(len(outlines))), 2 * np.pi / len(outlines)
    solved = sorted(_first(outlines, angle, focal, ticket), key=lambda item: item[2])
    starts = [(ring.direction, start) for ring, start, _ in solved]
    column = float(np.mean([[o.rectangle[0], o.rectangle[2]] for o in outlines]))
    for elevation in USUAL:
        for direction in (1, -1):
            ring = Ring(places, outlines[0].size, direction, angle, focal)
            starts.append((direction, ring.start(focal, elevation, column)))
    kept: list[tuple[int, np.ndarray]] = []
    for direction, numbers in starts:
        alike = (np.abs(n - numbers).max() < APART for d, n in kept if d == direction)
        if not any(alike):
            kept.append((direction, numbers))
    size = outlines[0].size
    return [Ring(places, size, d, angle, focal).cameras(numbers) for d, numbers in kept]


# ---------------------------------------------------------------- the coarse search


def _first(
    outlines: Sequence[Outline], angle: float, focal: float | None, ticket: Ticket
) -> Iterator[tuple[Ring, np.ndarray, float]]:
    """Yield rings of some of the images with their parameters and losses."""
    stride = -(-len(outlines) // ENOUGH_IMAGES)
    places = tuple(range(0, len(outlines), stride))
    rings = [Ring(places, outlines[0].size, sign, angle, focal) for sign in (1, -1)]
    residual = Residual([outlines[place] for place in places])
    cells = _grid(rings, residual.thinned(GRID_POINTS), focal, ticket)
    for ring in rings:
        own = sorted((cell for cell in cells if cell[0] is ring), key=lambda cell: cell[2])
        for number, (_, start, _) in enumerate(own[:STARTS]):
            ticket.advance(0.3 + 0.2 * (ring.direction < 0) + 0.2 * number / STARTS)
            points = residual.thinned(FIRST_POINTS)
            solved = _solved(ring, points, start, FIRST_STEPS, soft=True)
            upwards = solved.numbers[1] < LOWEST  # seen from below: less likely
            yield ring, solved.numbers, solved.loss * (1 + upwards)


def _grid(
    rings: Sequence[Ring], residual: Residual, focal: float | None, ticket: Ticket
) -> list[tuple[Ring, np.ndarray, float]]:
    """Return the rings, parameters and losses of a grid of focal lengths and elevations."""
    column = float(residual.rectangles[:, ::2].mean())
    cells = []
    lengths = FOCALS if focal is None else (focal,)
    with torch.no_grad():
        for number, length in enumerate(lengths):
            ticket.advance(0.3 * number / len(lengths))
            for elevation in ELEVATIONS:
                for ring in rings:
                    start = ring.start(length, elevation, column)
                    cells.append((ring, start, float(residual(ring.rig(start)).mean())))
    return cells


# ---------------------------------------------------------------- what equal steps do not explain


def _freed(turned: Turned, outlines: Sequence[Outline], ticket: Ticket, **freedom: bool) -> Turned:
    """Return the turntable with more unknowns, if better."""
    wider = replace(turned.ring, **freedom)
    start = turned.ring.extended(turned.numbers, wider)
    return _resolved(turned, wider, start, turned.used, outlines, ticket)


def _without_one(turned: Turned, outlines: Sequence[Outline], ticket: Ticket) -> Turned:
    """Return the turntable without the image with a bad mask, if that explains the loss."""
    residual = affordable(Residual([outlines[index] for index in turned.used]), LAST_POINTS)
    with torch.no_grad():
        values = residual(turned.ring.rig(turned.numbers)).mean(1)
    tried = []
    for place in values.argsort(descending=True)[:TRIED].tolist():
        used = tuple(index for number, index in enumerate(turned.used) if number != place)
        kept = [number for number in range(turned.ring.count) if number != place]
        ring, start = turned.ring.without(turned.numbers, kept)
        tried.append(_resolved(replace(turned, loss=np.inf), ring, start, used, outlines, ticket))
    best, second = sorted(tried, key=lambda item: item.loss)[:2]
    clear = best.loss <= BY_FAR * min(turned.loss, second.loss)
    return best if clear and best.loss <= EXPLAINED else turned


def _resolved(
    turned: Turned,
    ring: Ring,
    start: np.ndarray,
    used: tuple[int, ...],
    outlines: Sequence[Outline],
    ticket: Ticket,
) -> Turned:
    """Return the turntable solved again from another ring of these images, if better."""
    residual = affordable(Residual([outlines[index] for index in used]), LAST_POINTS)
    soft = _solved(ring, residual, start, LAST_STEPS, soft=True, ticket=ticket)
    final = _solved(ring, residual, soft.numbers, LAST_STEPS, ticket=ticket)
    if final.loss >= turned.loss:
        return turned
    cameras = tuple(ring.all_cameras(final.numbers, len(outlines)))
    return replace(
        turned, ring=ring, numbers=final.numbers, cameras=cameras, loss=final.loss, used=used
    )


def _posed(turned: Turned, outlines: Sequence[Outline], ticket: Ticket) -> Turned:
    """Return the cameras with free poses near the ring, if better."""
    model = FreePoses([turned.cameras[index] for index in turned.used])
    residual = affordable(Residual([outlines[index] for index in turned.used]), LAST_POINTS)
    start = np.zeros(model.count)
    for weight, soft in ((0.03, True), (0.005, False)):
        prior = model.prior(POSES, weight)
        solution = solve(
            residual, model, start, steps=POSE_STEPS, prior=prior, soft=soft, ticket=ticket
        )
        start = solution.numbers
    if solution.loss >= turned.loss:
        return turned
    cameras = list(turned.cameras)
    for index, camera in zip(turned.used, model.solved(solution.numbers), strict=True):
        cameras[index] = camera
    return replace(turned, cameras=tuple(cameras), loss=solution.loss)


def _solved(
    ring: Ring,
    residual: Residual,
    start: np.ndarray,
    steps: int,
    *,
    soft: bool = False,
    ticket: Ticket | None = None,
) -> Solution:
    """Solve a ring's parameters from a start."""
    deviations = np.full(ring.unknowns, ANGLE)
    mean = np.zeros(ring.unknowns)
    deviations[:SHARED], mean[:SHARED] = DEVIATIONS, MEAN
    if ring.free_step:
        deviations[SHARED] = STEP
    prior = Prior(mean, PULL / deviations)
    return solve(residual, ring, start, steps=steps, prior=prior, soft=soft, ticket=ticket)
