"""Refine the cameras of views until their silhouettes agree: the job, and the option `refine`."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..cameras.refine import FINE_POINTS, Refined, refine_cameras
from ..contract import protocol
from ..contract.cameras import CameraData
from ..contract.errors import RequestError
from ..geometry.cameras import Camera
from ..geometry.views import View
from ..images import Notes
from ..silhouettes import Agreement, Cured, apply_cures, check, trace_all
from ..silhouettes.report import agreement_remark, labels
from ..ticket import Ticket
from .reading import OUTLINE_SIDE, read_views

STAGE = "Refine cameras"


def refined_event(request: protocol.RefineCameras, ticket: Ticket) -> protocol.CameraEstimates:
    """Return the cameras of a request, refined until their silhouettes agree.

    Raises
    ------
    RequestError
        If fewer than two views can be compared, or their images seem to be exchanged.
    """
    started = time.perf_counter()
    ticket.plan({"Prepare images": 1.0, STAGE: 3.0})
    with ticket.stage("Prepare images"):
        notes = Notes()
        views = read_views(request, ticket, notes, longest=OUTLINE_SIDE)
        cured = apply_cures(views, request.cures)
    with ticket.stage(STAGE):
        refinement = refine_views(cured, focal=request.focal, ticket=ticket)
    cameras = [
        None if data.camera is None or camera is None else _moved(data.camera, given, camera)
        for data, given, camera in zip(
            request.views, (v.camera for v in cured.views), refinement.cameras, strict=True
        )
    ]
    facts = {**refinement.facts(cured.views), "remarks": [*notes.remarks()]}
    facts["seconds"] = round(time.perf_counter() - started, 3)
    return protocol.CameraEstimates(request.job, tuple(cameras), facts)


def refined(cured: Cured, ticket: Ticket) -> tuple[Cured, dict[str, Any]]:
    """Return the views with refined cameras, for the option `refine`, and the facts about them.

    Raises
    ------
    RequestError
        As `refined_event`.
    """
    refinement = refine_views(cured, focal=True, ticket=ticket)
    views = tuple(
        replace(view, camera=camera)
        for view, camera in zip(cured.views, refinement.cameras, strict=True)
    )
    facts = refinement.facts(cured.views)
    told = {name: facts[name] for name in ("before", "after", "better", "focal_factor")}
    return replace(cured, views=views), told


class RefinedViews:
    """The cameras of views after a refinement.

    Parameters
    ----------
    views : all of them
    numbers : of the compared ones
    refined : their cameras and residuals
    """

    def __init__(self, views: Sequence[View], numbers: Sequence[int], refined: Refined) -> None:
        self.cameras: list[Camera | None] = [view.camera for view in views]
        for number, camera in zip(numbers, refined.cameras, strict=True):
            self.cameras[number] = camera
        self._numbers, self._refined = list(numbers), refined
        first = views[self._numbers[0]].camera
        assert first is not None  # it is among the compared views
        self._factor = refined.cameras[0].fx / first.fx

    def facts(self, views: Sequence[View]) -> dict[str, Any]:
        """Return the `--json` facts."""
        told: list[dict[str, Any]] = [
            {"name": name, "before": None, "residual": None} for name in labels(views)
        ]
        for number, before, after in zip(
            self._numbers, self._refined.before, self._refined.after, strict=True
        ):
            told[number].update(before=round(float(before), 4), residual=round(float(after), 4))
        return {
            "views": told,
            "before": round(float(self._refined.before.mean()), 4),
            "after": round(float(self._refined.after.mean()), 4),
            "better": self._refined.better,
            "focal_factor": round(self._factor, 6),
        }


def refine_views(cured: Cured, *, focal: bool, ticket: Ticket) -> RefinedViews:
    """Return the refined cameras of views; those left out keep theirs.

    Raises
    ------
    RequestError
        As `refined_event`.
    """
    views = cured.views
    posed = [number for number in cured.numbers if views[number].camera is not None]
    traced = trace_all([views[number] for number in posed], points=FINE_POINTS)
    pairs = [(n, o) for n, o in zip(posed, traced, strict=True) if o is not None]
    if len(pairs) < 2:
        raise RequestError(
            "Fewer than two views have a camera and a silhouette, so there is nothing to compare.",
            "Add views of the object, or masks.",
        )
    numbers, outlines = zip(*pairs, strict=True)
    agreement = check(views, cured.left_out)
    _refuse_exchanged(agreement, views)
    cameras = [camera for n in numbers if (camera := views[n].camera) is not None]
    alone = [numbers.index(n) for n in agreement.suspects if n in numbers]
    refined = refine_cameras(
        outlines,
        cameras,
        focal=focal,
        stands_out=alone[0] if len(alone) == 1 else None,
        ticket=ticket,
    )
    return RefinedViews(views, numbers, refined)


def _refuse_exchanged(agreement: Agreement, views: Sequence[View]) -> None:
    """Refuse images that belong to other cameras: small changes of poses do not correct that."""
    best = agreement.cures[0].name if agreement.cures else ""
    if best and not best.startswith("leave-out"):
        words = agreement_remark(agreement, labels(views))
        raise RequestError(words, "Apply this first, then refine the cameras.")


def _moved(data: CameraData, given: Camera | None, camera: Camera) -> CameraData:
    """Return a request's camera with an estimated pose and focal length, of the stored image."""
    assert given is not None  # it has the camera of `data`
    factor = camera.fx / given.fx
    pose = camera.to_data().transform_matrix
    return replace(data, transform_matrix=pose, fl_x=data.fl_x * factor, fl_y=data.fl_y * factor)
