"""The sentences shown to a person about each view, the cures that help, and the result."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..contract.checks import LEFT_OUT
from ..contract.cures import action_of, listed, option_of, parse_cure
from ..contract.protocol import Cure, ViewCheck
from ..geometry.views import View
from ..geometry.volume import Box
from .agreement import Agreement, CureTrial
from .cures import Cured
from .drawing import Coverage
from .outlines import open_sides
from .residual import CAP

AGREE = 0.1  # largest residual of a view (pixels of 224) that is not worth a number
COVERED = 0.85  # fraction of a silhouette that a correct, coarse hull covers
STANDS_OUT = 0.5  # fraction of the other views' median IoU below which a view is named
SMALL = (
    0.25  # fraction of the volume's side; if the longest side is shorter, the volume is too large
)
AT_WALL = 1e-4  # of the volume's half side
AXES = ("X", "Y", "Z")


# ---------------------------------------------------------------- before a job


def labels(views: Sequence[View]) -> list[str]:
    """Return a label for each view: its name, with its number if the name is not unique."""
    names = [view.name for view in views]
    return [
        name if names.count(name) == 1 else f"{name} (view {index})"
        for index, name in enumerate(names)
    ]


def view_checks(agreement: Agreement, cured: Cured, names: Sequence[str]) -> tuple[ViewCheck, ...]:
    """Return a check of each view, including those left out.

    Parameters
    ----------
    names : what to call each view in another one's remark
    """
    checks = []
    for index, view in enumerate(cured.views):
        residual = agreement.residuals[index]
        remark = _suspicion(index, agreement, names)
        if index in cured.left_out:
            residual, remark = None, LEFT_OUT
        checks.append(ViewCheck(view.name, residual, remark=remark))
    return tuple(checks)


def cures_told(agreement: Agreement, names: Sequence[str]) -> tuple[Cure, ...]:
    """Return the cures that help, best first, each with a sentence."""
    return tuple(
        Cure(trial.name, action_of(trial.name, names), trial.residual) for trial in agreement.cures
    )


def agreement_remark(agreement: Agreement, names: Sequence[str]) -> str:
    """Return one or two sentences about views that disagree; empty if they agree."""
    if not agreement.disagrees or agreement.mean is None:
        return ""
    if agreement.cures:
        best = agreement.cures[0]
        return f"{_fault(best, agreement, names)} {_remedy(best, names)}"
    if agreement.refitted is not None:
        return (
            f"The cameras are a little off: the outlines miss the other views' silhouettes by "
            f"{_amount(agreement.mean)}. Refine the cameras, and the views agree to "
            f"{agreement.refitted:.2f} pixels (--refine)."
        )
    worst = f", {names[agreement.worst]} most" if agreement.worst is not None else ""
    return (
        f"The views do not agree: their outlines miss the other views' silhouettes by "
        f"{_amount(agreement.mean)}{worst}. Check their cameras and images."
    )


def _suspicion(index: int, agreement: Agreement, names: Sequence[str]) -> str:
    """Return what is wrong with one view; empty if nothing is."""
    if index == agreement.worst:
        return "Its outline fits the other views' silhouettes worst."
    if index not in agreement.suspects:
        return ""
    cure = parse_cure(agreement.cures[0].name)
    match cure.kind:
        case "swap":
            a, b = cure.numbers
            return f"Seems to have the image of {names[b if index == a else a]}."
        case "upside-down":
            return "Its image seems to be upside down."
        case "mirror":
            return "Its image seems to be mirrored."
    if index in agreement.twins:
        return f"Has the same image as {names[agreement.twins[index]]}."
    return f"Disagrees with the other views by {_amount(agreement.residuals[index])}."


def _fault(best: CureTrial, agreement: Agreement, names: Sequence[str]) -> str:
    """Return the sentence that says what is wrong."""
    cure = parse_cure(best.name)
    which = listed([names[index] for index in cure.numbers if 0 <= index < len(names)])
    match cure.kind:
        case "swap":
            return f"The images of {which} seem to be swapped."
        case "shift":
            return "The images seem to belong to other cameras: their order is shifted."
        case "reverse":
            return "The images seem to belong to other cameras: their order is reversed."
        case "upside-down":
            return f"The image of {which} seems to be upside down."
        case "mirror":
            return f"The image of {which} seems to be mirrored."
        case "convention":
            return f"The views do not agree ({_amount(agreement.mean)})."
    twins = [index for index in cure.numbers if index in agreement.twins]
    if twins:
        other = names[agreement.twins[twins[0]]]
        return f"{which} has the same image as {other}, but another camera."
    missed = max(agreement.residuals[index] or 0.0 for index in cure.numbers)
    verb, their = ("disagrees", "its") if len(cure.numbers) == 1 else ("disagree", "their")
    return (
        f"{which} {verb} with the other views: {their} outline misses their silhouettes by "
        f"{_amount(missed)}."
    )


def _amount(residual: float | None) -> str:
    """Return a residual with its unit."""
    if residual is not None and residual > 0.9 * CAP:
        return f"{CAP:.0f} pixels of 224 or more"
    return f"{residual or 0.0:.1f} pixels of 224"


def _remedy(best: CureTrial, names: Sequence[str]) -> str:
    action = action_of(best.name, names).rstrip(".")
    well = "" if best.residual < AGREE else f" to {best.residual:.1f} pixels"
    who = "the others" if best.name.startswith("leave-out") else "the views"
    return f"{action}, and {who} agree{well} ({option_of(best.name)})."


# ---------------------------------------------------------------- after a job


def with_covers(
    checks: Sequence[ViewCheck], covers: Mapping[int, Coverage], *, hull: bool
) -> tuple[ViewCheck, ...]:
    """Return the checks with what the result covers of each silhouette.

    Parameters
    ----------
    covers : by view number; views without a camera or silhouette are missing
    hull : the result is the visual hull, which should cover its silhouettes
    """
    result = []
    for index, check in enumerate(checks):
        cover = covers.get(index)
        if cover is not None:
            remark = check.remark or _misfit(index, covers, hull=hull)
            check = replace(check, covered=cover.covered, iou=cover.iou, remark=remark)
        result.append(check)
    return tuple(result)


def result_remarks(
    checks: Sequence[ViewCheck], vertices: np.ndarray, faces: np.ndarray, *, box: Box,
    volume_from: str, cropped: Sequence[str], agree: bool,
) -> list[str]:  # fmt: skip
    """Return sentences about possible faults of a result.

    Parameters
    ----------
    checks : as `with_covers` returns them
    vertices, faces : the mesh in the volume's frame
    box : the part of the volume that was reconstructed
    volume_from : who placed it, see `protocol.Placement`
    cropped : names of the views whose silhouettes meet their image's border
    agree : the views were not criticised before the job
    """
    remarks = []
    poor = [check for check in checks if agree and check.remark and check.covered is not None]
    if poor:
        worst = min(poor, key=lambda check: check.covered or 0.0)
        agreed = "thin parts need a higher resolution, and what is outside the volume is lost"
        why = "check its camera and image" if worst.residual is None else agreed
        remarks.append(
            f"The result covers only {worst.covered:.0%} of the silhouette of {worst.name}: {why}."
        )
    walls = walls_reached(vertices, faces, box)
    whose = " that the file gives" if volume_from == "file" else ""
    if walls:
        hint = "or have it estimated" if volume_from in ("file", "user") else "or place it by hand"
        remarks.append(
            f"The surface reaches the wall of the volume{whose} ({', '.join(walls)}): what lies "
            f"beyond is cut off. Make the volume larger, {hint}."
        )
    elif volume_from == "file" and len(vertices):
        fraction = float(np.ptp(vertices, axis=0).max()) / (2 * float(np.max(box[1])))
        if fraction < SMALL:
            remarks.append(
                f"The volume{whose} is {1 / fraction:.0f} times as large as the object: have it "
                "estimated for a finer mesh."
            )
    if cropped:
        verb = "meets" if len(cropped) == 1 else "meet"
        remarks.append(
            f"The silhouette of {listed(cropped)} {verb} the image's border: the object "
            "may go on beyond it."
        )
    return remarks


def walls_reached(vertices: np.ndarray, faces: np.ndarray, box: Box) -> list[str]:
    """Return the walls of a volume, such as "+X", that a mesh reaches."""
    walls = []
    for sign, corner in ((-1, box[0]), (1, box[1])):
        for axis in range(3):
            near = np.abs(vertices[:, axis] - corner[axis]) < AT_WALL
            if near.any() and bool(near[faces].all(axis=1).any()):
                walls.append(f"{'-+'[sign > 0]}{AXES[axis]}")
    return sorted(walls, key=lambda wall: (wall[1], wall[0]))


def cropped_views(views: Sequence[View]) -> list[str]:
    """Return the names of the posed views whose silhouettes meet their image's border."""
    return [
        view.name
        for view in views
        if view.camera is not None and any(open_sides(view.image[..., 3].cpu().numpy() >= 0.5))
    ]


def _misfit(index: int, covers: Mapping[int, Coverage], *, hull: bool) -> str:
    """Return how a result fails to fit a view; empty if it fits."""
    cover = covers[index]
    if hull and cover.covered < COVERED:
        return f"The result covers only {cover.covered:.0%} of its silhouette."
    others = [other.iou for number, other in covers.items() if number != index]
    if len(others) >= 2 and cover.iou < STANDS_OUT * float(np.median(others)):
        return f"The result covers only {cover.covered:.0%} of its silhouette."
    return ""
