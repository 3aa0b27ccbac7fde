"""Detect the solver's silent failures: cameras that explain their matches, but not the object.

Structure from motion may place every image and still be wrong: two similar sides of an object are
folded onto each other. The signs are a large reprojection error, outlier matches, several models,
focal length or distortion out of range, and silhouettes that contradict the cameras.
"""

from collections.abc import Sequence

import torch

from ..contract.errors import WorkError
from ..geometry.views import View
from ..silhouettes.outlines import trace_all
from ..silhouettes.residual import Residual, Rig
from .solving import PlacedCamera, SfmSolution

REFERENCE = 800.0  # pixels of the longer side; unit of the reprojection error
ERROR = 0.5  # maximum reprojection error, in this unit
CONSISTENT = 0.85  # minimum fraction of inlier matches
MOST_MISSING = 1 / 3  # maximum fraction of missing images
FOCAL = (0.5, 5.0)  # widths of the image
RADIAL = 0.3
POINTS = 20  # minimum number of points in an image
RESIDUAL = 1.5  # pixels of an image 224 wide
MOST_POINTS = 0.75  # minimum fraction of contour points below it
MORE = (
    "Take more photographs in smaller steps (15 degrees or less), with texture on the object or "
    "around it."
)


def check_solution(solution: SfmSolution, names: Sequence[str]) -> list[str]:
    """Return remarks on a usable solution.

    Raises
    ------
    WorkError
        If it is not usable; names the failed check and the value.
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


def _check_numbers(solution: SfmSolution, names: Sequence[str]) -> None:
    """Raise a `WorkError` if a number of the solution is out of range."""
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


def _check_camera(camera: PlacedCamera, name: str) -> None:
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

    The quantile `MOST_POINTS` over the contour points: masks show thin wires or miss them, which
    leaves large residuals at a few points even with correct cameras.

    Parameters
    ----------
    most : the largest residual of correct cameras

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
