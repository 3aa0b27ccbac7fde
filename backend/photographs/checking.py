"""Catch the solver's silent failures: cameras that explain their matches, but not the object.

A structure from motion may place every image and still be wrong: two sides of an object that look
alike are folded over one another. What gives it away: the reprojection error, matches that do not
fit, several models, focal length or distortion out of range, and silhouettes that contradict the
cameras.
"""

from collections.abc import Sequence

import torch

from ..contract.errors import WorkError
from ..geometry.views import View
from ..silhouettes.outlines import trace_all
from ..silhouettes.residual import Residual, Rig
from .solving import Placed, Solution

REFERENCE = 800.0  # pixels of the longer side in which the reprojection error is stated
ERROR = 0.5  # pixels of that
CONSISTENT = 0.85  # fraction of the matches that must fit
MOST_MISSING = 1 / 3  # fraction of the images that may be missing
FOCAL = (0.5, 5.0)  # widths of the image
RADIAL = 0.3
POINTS = 20  # points that an image must see
RESIDUAL = 1.5  # pixels of an image 224 wide
MOST_POINTS = 0.75  # fraction of the contour points that must stay below it
MORE = (
    "Take more photographs in smaller steps (15 degrees or less), with texture on the object or "
    "around it."
)


def check_solution(solution: Solution, names: Sequence[str]) -> list[str]:
    """Return remarks on a solution that can be used.

    Raises
    ------
    WorkError
        If it can't; says which check it failed, with the value seen.
    """
    count = len(names)
    if not solution.cameras:
        raise WorkError(f"None of the {count} images could be placed.", MORE)
    missing = [name for index, name in enumerate(names) if index not in solution.cameras]
    if len(missing) > MOST_MISSING * count:
        parts = " + ".join(map(str, solution.models))
        raise WorkError(
            f"Only {count - len(missing)} of {count} images belong together (groups of {parts}).",
            MORE,
        )
    _check_numbers(solution, names)
    if not missing:
        return []
    return [f"Not placed, and left out: {', '.join(missing)}."]


def _check_numbers(solution: Solution, names: Sequence[str]) -> None:
    """Raise `WorkError` if a number of the solution is out of range."""
    some = next(iter(solution.cameras.values()))
    error = solution.error * REFERENCE / max(some.size)
    if error > ERROR:
        raise WorkError(
            f"The cameras are probably wrong: points miss their features by {error:.2f} pixels "
            f"of {REFERENCE:g}, more than {ERROR:g}.",
            MORE,
        )
    if solution.consistent < CONSISTENT:
        raise WorkError(
            f"The cameras are probably wrong: only {100 * solution.consistent:.0f} % of the "
            "matches between images fit them.",
            MORE,
        )
    for index, camera in solution.cameras.items():
        _check_camera(camera, names[index])


def _check_camera(camera: Placed, name: str) -> None:
    focal = camera.focal / camera.size[0]
    low, high = FOCAL
    if not low <= focal <= high:
        raise WorkError(
            f"The cameras are probably wrong: the focal length is {focal:.2f} image widths.", MORE
        )
    if abs(camera.radial) > RADIAL:
        raise WorkError(
            f"The cameras are probably wrong: the lens distortion is {camera.radial:.2f}.",
            f"{MORE} If the images have no distortion, say so (--no-distortion).",
        )
    if camera.points < POINTS:
        raise WorkError(
            f"The camera of {name} is uncertain: it sees only {camera.points} points.", MORE
        )


def check_silhouettes(views: Sequence[View], *, most: float = RESIDUAL) -> float | None:
    """Return the residual of the silhouettes, pixels of 224; None if there are too few.

    The one that `MOST_POINTS` of the contour points stay below: parts as thin as a wire come and go
    in masks, and leave large residuals at a few points with right cameras, too.

    Parameters
    ----------
    most : the largest residual of cameras that are right

    Raises
    ------
    WorkError
        If they contradict the cameras.
    """
    traced = trace_all(views)
    pairs = [
        (outline, view.camera)
        for outline, view in zip(traced, views, strict=True)
        if outline is not None and view.camera is not None
    ]
    if len(pairs) < 3:
        return None
    with torch.no_grad():
        residuals = Residual([o for o, _ in pairs])(Rig.of([c for _, c in pairs]))
    residual = float(residuals.flatten().quantile(MOST_POINTS))
    if residual > most:
        raise WorkError(
            "The cameras are probably wrong: the silhouettes contradict them by "
            f"{residual:.1f} pixels of 224.",
            f"{MORE} Or correct the masks.",
        )
    return residual
