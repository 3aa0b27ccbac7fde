"""Find the cameras of images taken around an object: from a request to its answer."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..cameras.checks import POINTS, outlines_of
from ..cameras.refine import scores
from ..cameras.stored import as_stored
from ..cameras.turntable import solve_turntable
from ..cameras.walk import solve_walk
from ..contract import protocol
from ..contract.camera_estimates import DOUBTFUL, RIGHT, USABLE, WAYS, named
from ..contract.cameras import CameraData
from ..contract.cameras import resized as resized_data
from ..contract.errors import RequestError, WorkError
from ..contract.image_files import image_size
from ..geometry.cameras import Camera
from ..geometry.frames import OBJECT_SIDE
from ..geometry.views import View
from ..images import Notes
from ..images.decoding import UPRIGHT
from ..images.exif import focal_in_diagonals
from ..images.reading import read_tagged
from ..placing.place import place
from ..silhouettes import Outline, Residual
from ..silhouettes.solving import affordable
from ..ticket import Ticket
from .reading import OUTLINE_SIDE, read_views

EXACT, GOOD = 0.05, 0.35  # maximum losses (pixels of 224) of correct and of usable cameras
UNDECIDED = 3.0  # minimum ratio of the other direction's loss; below it the direction is doubtful


@dataclass(frozen=True)
class _Solved:
    """Cameras in a frame of their own, z up, with facts about them."""

    cameras: Sequence[Camera]
    loss: float
    suspects: Sequence[str] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    remarks: Sequence[str] = ()


def around_event(request: protocol.FindCameras, ticket: Ticket) -> protocol.CameraEstimates:
    """Return the cameras of images taken around an object, which stands upright.

    Raises
    ------
    RequestError
        As `outlines_of`, or if the way is unknown.
    WorkError
        If the estimated cameras see no common object.
    """
    started = time.perf_counter()
    if request.way not in WAYS:
        raise RequestError(
            f"{request.way!r} is not a way to find cameras.", f"Choose {' or '.join(WAYS)}."
        )
    ticket.plan({"Prepare images": 1.0, "Find cameras": 4.0, "Place cameras": 1.0})
    with ticket.stage("Prepare images"):
        unposed = tuple(replace(view, camera=None) for view in request.views)
        notes = Notes()
        views = read_views(replace(request, views=unposed), ticket, notes, longest=OUTLINE_SIDE)
        outlines = outlines_of(views)
        focal, source = _focal(request, views)
    with ticket.stage("Find cameras"):
        solve = _turntable if request.way == "turntable" else _walk
        solved = solve(request, outlines, focal, ticket)
    with ticket.stage("Place cameras"):
        cameras, volume = _placed(request, views, solved.cameras, ticket)
        stored = tuple(map(_as_stored, request.views, cameras))
    facts = _facts(views, outlines, solved)
    facts.update(way=request.way, focal_from=source or "found")
    facts["remarks"] += notes.remarks()
    facts["seconds"] = round(time.perf_counter() - started, 3)
    return protocol.CameraEstimates(request.job, stored, facts, volume)


# ---------------------------------------------------------------- what is known before


def _focal(request: protocol.FindCameras, views: Sequence[View]) -> tuple[float | None, str]:
    """Return the focal length in widths of the upright image, if known, and its source."""
    if request.focal is not None:
        return request.focal, "given"
    if request.way != "walk":  # a turntable determines it, and its images are more often cropped
        return None, ""
    told = {None if v.file is None else focal_in_diagonals(v.file) for v in request.views}
    focal = told.pop()
    if focal is None or told:
        return None, ""
    height, width = views[0].image.shape[:2]
    return focal * math.hypot(width, height) / width, "file"


# ---------------------------------------------------------------- solving


def _turntable(
    request: protocol.FindCameras,
    outlines: Sequence[Outline],
    focal: float | None,
    ticket: Ticket,
) -> _Solved:
    """Return a turntable's cameras."""
    step = None if request.step is None else math.radians(request.step)
    turned = solve_turntable(outlines, step=step, focal=focal, ticket=ticket)
    suspects = [v.name for index, v in enumerate(request.views) if index not in turned.used]
    remarks = []
    if suspects:
        remarks.append(
            f"{named(suspects)} does not fit the others: its mask is bad, or it was taken at "
            "another angle. Its camera was placed by the steps of the others."
        )
    if turned.other < UNDECIDED * max(turned.loss, EXACT / UNDECIDED):
        remarks.append(
            "The silhouettes hardly tell which way the object turned: if colors are in wrong "
            "places, give the images in the opposite order."
        )
    angles = turned.ring.angles(turned.numbers)
    facts = {
        "direction": "clockwise" if turned.ring.direction > 0 else "counter-clockwise",
        "loss_of_other_direction": round(turned.other, 4),
        "step": round(math.degrees(abs(angles[-1] - angles[0])) / np.ptp(turned.ring.places), 3),
        "equal_steps": not turned.ring.free_angles,
    }
    return _Solved(turned.cameras, turned.loss, suspects, facts, remarks)


def _walk(
    _request: protocol.FindCameras,
    outlines: Sequence[Outline],
    focal: float | None,
    ticket: Ticket,
) -> _Solved:
    """Return the cameras of a walk."""
    walked = solve_walk(outlines, focal=focal, ticket=ticket)
    unknown = (
        "The files do not say their focal length, and the silhouettes of a walk hardly do: give it "
        "if you know it.",
    )
    return _Solved(walked.cameras, walked.loss, remarks=() if focal is not None else unknown)


def _facts(views: Sequence[View], outlines: Sequence[Outline], solved: _Solved) -> dict[str, Any]:
    """Return the `--json` facts about estimated cameras."""
    cameras, loss, remarks = solved.cameras, solved.loss, list(solved.remarks)
    confidence = RIGHT if loss <= EXACT else USABLE if loss <= GOOD else DOUBTFUL
    if confidence == DOUBTFUL:
        remarks.append(
            f"The cameras do not explain the silhouettes ({loss:.2f} pixels of 224). Check the "
            "masks and the order of the images, and that they go once around the object."
        )
    residuals = scores(affordable(Residual(outlines), POINTS), cameras)
    downwards = [math.degrees(math.asin(-float(camera.forward[2]))) for camera in cameras]
    return {
        "views": [
            {"name": view.name, "residual": round(float(value), 4)}
            for view, value in zip(views, residuals, strict=True)
        ],
        "confidence": confidence,
        "loss": round(loss, 4),
        "focal": round(cameras[0].fx / cameras[0].width, 4),
        "elevation": round(float(np.mean(downwards)), 2),
        "suspects": list(solved.suspects),
        **solved.facts,
        "remarks": remarks,
    }


# ---------------------------------------------------------------- placing


def _placed(
    request: protocol.FindCameras,
    views: Sequence[View],
    cameras: Sequence[Camera],
    ticket: Ticket,
) -> tuple[list[Camera], np.ndarray]:
    """Return the cameras around the object at the requested place and size, and its volume."""
    posed = [replace(view, camera=c) for view, c in zip(views, cameras, strict=True)]
    try:
        placement = place(posed, ticket=ticket, say_cropped=False)
    except RequestError as error:
        raise WorkError(
            "The estimated cameras see no common object.",
            "Check the masks, and that the images go once around the object in their order.",
        ) from error
    assert placement.box is not None  # the views have silhouettes
    scale = request.side / OBJECT_SIDE  # world units per unit of the volume
    volume = np.diag([scale, scale, scale, 1.0])
    volume[2, 3] = -placement.box[0, 2] * scale
    if request.center is not None:
        volume[:3, 3] = request.center
    estimate_from_world = placement.world_from_volume @ np.linalg.inv(volume)
    return [camera.in_frame(estimate_from_world) for camera in cameras], volume


def _as_stored(data: protocol.ViewData, camera: Camera) -> CameraData:
    """Return the camera of an upright view for the stored image."""
    if data.file is None:
        return camera.to_data()
    tag = read_tagged(data.file, longest=1).orientation
    stored = as_stored(camera, tag, data.name) if tag != UPRIGHT else camera
    if data.file.encoded is not None:
        return stored.to_data()
    return resized_data(stored.to_data(), *image_size(data.file.path))
