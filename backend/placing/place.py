"""Place the volume: the box of the silhouettes, rotated to the front, improved by trials."""

import logging
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ..contract.errors import RequestError
from ..contract.protocol import Placement
from ..geometry.cameras import Camera
from ..geometry.frames import OBJECT_SIDE
from ..geometry.images import shrink
from ..geometry.views import View
from ..images.framing import OURS, frame_view
from ..ticket import Ticket
from .box import NARROW, Whereabouts, find_object, telling_views, widest_angle
from .extents import across
from .front import FrontDirection, Votes, count_votes, decide, wrapped
from .trial import TrialNetwork, VolumeTrial

log = logging.getLogger(__name__)

SMALL = 192  # pixels of the images that trials read
QUICK, QUICK_CELLS = 96, 32  # pixels of the silhouettes and cells of the box for a quick look
ROLL = 5.0  # maximum tilt of an upright image, degrees
FEW = 2  # maximum number of views for the box to be corrected by a trial
UNDECIDED = (
    "The views do not agree on where the object's front is; it is taken to face {}. Turn the "
    "volume's arrow (or give --front) if that is wrong."
)


class CameraFinder(TrialNetwork, Protocol):
    """A reconstructor that estimates the viewing directions of images."""

    def azimuths(self, views: Sequence[View]) -> tuple[np.ndarray, np.ndarray]: ...


def place(
    views: Sequence[View],
    *,
    network: CameraFinder | None = None,
    front: float | None = None,
    ticket: Ticket | None = None,
    say_cropped: bool = True,
) -> Placement:
    """Estimate the object's place in posed views, and its front.

    Parameters
    ----------
    views
        With cameras posed in the world; those without one are left out.
    network
        Votes on the front, and tries volumes if two views, or views along one line, do not
        determine it. None skips both, for methods without a front.
    front
        Degrees about +Z from the world's -Y to the front, if given.
    say_cropped
        Remark on silhouettes that meet their image's border; a job's review does this too.

    Raises
    ------
    RequestError
        As `find_object`.
    """
    ticket = ticket or Ticket()
    where = find_object(views)
    ticket.check()
    remarks = [*(where.cropped if say_cropped else ()), *where.remarks]
    posed, trial = [], None
    if network is not None and where.cells is not None:
        pairs = telling_views([shrink(view, SMALL) for view in views])
        posed = [view for view, _ in pairs]
        trial = VolumeTrial(network, posed, [item for _, item in pairs])
    chosen = FrontDirection(
        front or 0.0, "user" if front is not None else "", float(front is not None)
    )
    if front is None and trial is not None and network is not None:
        chosen = _vote(where, posed, network, trial)
        if chosen.source == "undecided":
            facing = f"{chosen.degrees:.0f} degrees from -Y" if chosen.degrees else "the world's -Y"
            remarks.append(UNDECIDED.format(facing))
    ticket.check()
    matrix, box = volume_of(where, chosen.degrees)
    if trial is not None and _left_open(posed):
        matrix = trial.improve(matrix, _axes(where))
    return Placement(matrix, "estimate", box, chosen.source, chosen.certainty, tuple(remarks))


def rough_place(views: Sequence[View], network: CameraFinder | None) -> np.ndarray | None:
    """Return (4, 4) world_from_volume by a quick look at posed views; None if they tell nothing.

    Images are small, the box is coarse, and the front is where the network's votes are, unchecked.
    """
    small = [shrink(view, QUICK) for view in views]
    where = find_object(small, finest=QUICK_CELLS)
    if where.cells is None:
        return None
    matrix = volume_of(where, 0.0)[0]
    if network is None:
        return matrix
    votes = _votes([shrink(view, SMALL) for view in views], matrix, network)
    return volume_of(where, decide(votes).degrees)[0]


def volume_of(where: Whereabouts, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (4, 4) world_from_volume with the front `degrees` from -Y, and the box, (2, 3), in it.

    The box is centred in the volume, its longest side is `OBJECT_SIDE`.
    """
    rotation = about_z(degrees)
    lower, upper = where.box(rotation)
    half = max(float((upper - lower).max()), 1e-9) / OBJECT_SIDE
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * half
    matrix[:3, 3] = rotation @ ((lower + upper) / 2)
    reach = (upper - lower) / 2 / half
    return matrix, np.stack([-reach, reach])


def about_z(degrees: float) -> np.ndarray:
    """Return the rotation about +Z, (3, 3), counter-clockwise seen from above."""
    angle = np.radians(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def facing_of(world_from_volume: np.ndarray) -> float:
    """Return the degrees about the world's +Z from its -Y to a volume's -Y, in [-180, 180)."""
    front = -np.asarray(world_from_volume)[:3, 1]
    return float(wrapped(np.degrees(np.arctan2(front[0], -front[1]))))


def azimuths_of(cameras: Sequence[Camera], center: np.ndarray) -> np.ndarray:
    """Return the azimuths of cameras seen from a point, (V,) degrees from -Y, counter-clockwise."""
    away = np.array(
        [-c.forward if c.orthographic else c.center - center for c in cameras]
    )  # (V, 3)
    return np.degrees(np.arctan2(away[:, 0], -away[:, 1]))


def _vote(
    where: Whereabouts, views: Sequence[View], network: CameraFinder, trial: VolumeTrial
) -> FrontDirection:
    matrix = volume_of(where, 0.0)[0]
    try:
        votes = _votes(views, matrix, network)
    except RequestError as error:
        log.info("no front: %s", error.message)
        return FrontDirection(0.0, "undecided", 0.0)

    def check(candidates: Sequence[float]) -> list[float]:
        return [trial.score(volume_of(where, degrees)[0]) for degrees in candidates]

    def footprint(degrees: float) -> float:
        lower, upper = where.box(about_z(degrees))
        return float((upper - lower)[:2].sum())

    return decide(votes, check, footprint)


def _votes(views: Sequence[View], matrix: np.ndarray, network: CameraFinder) -> Votes:
    """Return posed views' votes on the front, in a volume that faces the world's -Y."""
    cameras = [view.camera for view in views if view.camera is not None]
    weights, azimuths = network.azimuths([upright(view, matrix) for view in views])
    return count_votes(azimuths_of(cameras, matrix[:3, 3]), weights, np.degrees(azimuths))


def upright(view: View, world_from_volume: np.ndarray) -> View:
    """Return the view with the world's +Z up in its image; unchanged if that is nearly so already.

    A rolled image is reprojected to an upright camera that looks at the volume's centre.
    """
    assert view.camera is not None
    up = view.camera.world_from_camera[2, :3]  # the world's +Z in camera axes
    roll = abs(float(np.degrees(np.arctan2(up[0], -up[1]))))
    if roll <= ROLL or abs(up[2]) > 0.98:
        return view
    camera = view.camera.in_frame(world_from_volume)
    return frame_view(View(view.image, camera, view.name), OURS)


def _left_open(views: Sequence[View]) -> bool:
    cameras = [view.camera for view in views if view.camera is not None]
    return len(cameras) > 1 and (len(cameras) <= FEW or widest_angle(cameras) < NARROW)


def _axes(where: Whereabouts) -> np.ndarray:
    assert where.slab is not None  # a hull comes with a slab
    axis = where.slab.axis
    return np.stack([axis, *across(axis)])
