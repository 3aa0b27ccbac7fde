"""Cameras drawn from the ranges that the papers rendered with, by name.

All stand in the object frame (+Z up, front -Y, bounding box centred, longest side 1.8) and look at
it. Azimuth is measured from the front, counter-clockwise from above; elevation from the horizon.
The papers' distances are in their own unit of length, which here depends on the object: see
`Range.unit`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...contract.errors import RequestError
from ...geometry.cameras import Camera
from ..shapes.shape import LONGEST_SIDE

TYPICAL_EXTENTS = (1.8, 1.1, 1.2)


@dataclass(frozen=True)
class Range:
    """Where cameras stand and what lens they have.

    Attributes
    ----------
    size : pixels along both sides of the paper's pictures
    elevation : degrees, lowest and highest
    distance : lowest and highest, in `unit`
    unit : what the paper normalised to 1: "diagonal" or "side" (longest) of the bounding box
    focal : focal length in widths of the picture
    step, jitter : azimuths are `step` degrees apart, give or take `jitter`; step 0: anywhere. A
        whole round begins at the front; of fewer cameras each is at random one of the round
    shift : the object moves by up to this much along each axis, in `unit`
    roll : degrees, either way
    crop : an orthographic picture this many times as wide as the object looks; 0: perspective
    """

    size: int
    elevation: tuple[float, float]
    distance: tuple[float, float]
    focal: float = 35 / 32
    unit: str = "diagonal"
    step: float = 0.0
    jitter: float = 0.0
    shift: float = 0.0
    roll: float = 0.0
    crop: float = 0.0


_RENDER_DISTANCE = 1.75
_SHAPENET_EASY = Range(
    224, (20, 30), (0.65 * _RENDER_DISTANCE, _RENDER_DISTANCE), step=10, jitter=5
)

RANGES = {
    # 3D-R2N2's renderings, which Deep Meta, OccNet, TDGN and DISN read.
    "r2n2": Range(137, (25, 30), (0.65 * _RENDER_DISTANCE, _RENDER_DISTANCE)),
    # The finer set of Deep Meta's experiments; its lens is not published, 3D-R2N2's is taken.
    "haene": Range(224, (-20, 30), (0.65 * _RENDER_DISTANCE, _RENDER_DISTANCE)),
    # ShapenetRender_more_variation: "easy" views, and "hard" ones with the object off centre.
    "disn": _SHAPENET_EASY,
    "uclid-net": _SHAPENET_EASY,
    "disn-hard": Range(
        224, (0, 45), (0.6 * _RENDER_DISTANCE, _RENDER_DISTANCE), step=10, jitter=5, shift=0.2
    ),
    # The neural mesh renderer's pictures that SDF-SRN trains on: 30 degree lens, 24 views.
    "sdf-srn": Range(64, (30, 30), (2.732, 2.732), focal=1.8660254037844388, unit="side", step=15),
    # SDF-SRN's PASCAL3D+ camera is orthographic, cropped to 1.2 times the object. The elevations
    # and rolls of photographs are our choice.
    "pascal3d": Range(64, (-10, 35), (2.5, 2.5), roll=8.0, crop=1.2),
}
FREE, OWN = "free", "levelform"
RANGE_NAMES = (*RANGES, FREE, OWN)
# The cameras of "levelform": from wide-angle close-ups to long lenses, always zoomed so that the
# object frame is as large as through a 42 mm lens on a 36 mm sensor from 3.2 away.
OWN_DISTANCE, OWN_ZOOM = (2.3, 8.0), 42 / 36 / 3.2
OWN_ELEVATION = ((-15, 70), (0, 35))  # degrees; a third are drawn from the first, which is all
# that people photograph from, the others from the second, where most pictures are taken


def sample_cameras(
    name: str,
    count: int,
    seed: int,
    *,
    size: int | None = None,
    extents: np.ndarray | Sequence[float] = TYPICAL_EXTENTS,
) -> list[Camera]:
    """Draw cameras from a range; the same seed gives the same cameras.

    Parameters
    ----------
    name : one of `RANGE_NAMES`; "free" draws everything: all around, low and high, 15 to 75 degree
        lenses, orthographic ones too, tilted, off centre, the object small or filling the picture;
        "levelform" what our own networks are framed with: upright, centred, any lens, any side
    count : how many
    size : pixels along both sides; None: the paper's own (128 for "free")
    extents : (3,) or (count, 3) sides of the object's bounding box, `Shape.extents`

    Raises
    ------
    RequestError
        If there is no such range.
    """
    if name not in RANGE_NAMES:
        known = ", ".join(RANGE_NAMES)
        raise RequestError(
            f"There is no range of cameras called {name!r}.", f"Choose one of {known}."
        )
    rng = np.random.default_rng([*name.encode(), seed])
    boxes = np.broadcast_to(np.asarray(extents, np.float64), (count, 3))
    if name == FREE:
        return [_free(rng, size or 128, box) for box in boxes]
    if name == OWN:
        return [_own(rng, size or 128) for _ in boxes]
    chosen = RANGES[name]
    marks = _marks(chosen, rng, count)
    return [
        _drawn(chosen, rng, size or chosen.size, box, int(mark))
        for mark, box in zip(marks, boxes, strict=True)
    ]


def look_at(
    azimuth: float,
    elevation: float,
    distance: float,
    roll: float = 0.0,
    target: Sequence[float] | np.ndarray = (0, 0, 0),
) -> np.ndarray:
    """Return the pose, (4, 4) world_from_camera, of a camera that looks at a point of the object.

    Parameters
    ----------
    azimuth : degrees from the front (-Y), counter-clockwise from above: 90 sees the object's +X
        side
    elevation : degrees above the horizon
    distance : from the target
    roll : degrees about the optical axis
    """
    a, e, r = np.radians([azimuth, elevation, roll])
    back = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
    right = np.array([math.cos(a), math.sin(a), 0.0])
    down = np.cross(-back, right)
    pose = np.eye(4)
    pose[:3, 0] = math.cos(r) * right + math.sin(r) * down
    pose[:3, 1] = math.cos(r) * down - math.sin(r) * right
    pose[:3, 2] = -back
    pose[:3, 3] = np.asarray(target, np.float64) + distance * back
    return pose


def _marks(chosen: Range, rng: np.random.Generator, count: int) -> np.ndarray:
    """Return (count,): which step of the round each camera's azimuth is at.

    A data set of one picture of each shape shows its shapes from all sides.
    """
    whole = round(360 / chosen.step) if chosen.step else count
    if count >= whole:
        return np.arange(count)
    return rng.permutation(whole)[:count]


def _drawn(
    chosen: Range, rng: np.random.Generator, size: int, box: np.ndarray, mark: int
) -> Camera:
    unit = float(np.linalg.norm(box)) if chosen.unit == "diagonal" else LONGEST_SIDE
    turn = rng.uniform(0, 360)
    if chosen.step:
        turn = mark * chosen.step % 360 + rng.uniform(-chosen.jitter, chosen.jitter)
    pose = look_at(
        turn,
        rng.uniform(*chosen.elevation),
        unit * rng.uniform(*chosen.distance),
        rng.uniform(-chosen.roll, chosen.roll),
        unit * rng.uniform(-chosen.shift, chosen.shift, 3),
    )
    focal = chosen.focal * size
    if chosen.crop:
        focal = size / (chosen.crop * _spread(pose, box))
    return Camera(pose, focal, focal, size / 2, size / 2, size, size, orthographic=chosen.crop > 0)


def _spread(pose: np.ndarray, box: np.ndarray, *, perspective: bool = False) -> float:
    """Return the longer side of the picture of a box, in units (of the image plane at depth 1)."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    corners = (signs * box / 2 - pose[:3, 3]) @ pose[:3, :3]
    plane = corners[:, :2] / corners[:, 2:] if perspective else corners[:, :2]
    return float(np.ptp(plane, axis=0).max())


def _free(rng: np.random.Generator, size: int, box: np.ndarray) -> Camera:
    flat = bool(rng.random() < 0.15)
    lens = math.radians(rng.uniform(15, 75))
    elevation = math.degrees(math.asin(rng.uniform(math.sin(-0.35), math.sin(1.4))))
    reach = float(np.linalg.norm(box)) / 2
    distance = 1.25 * reach / math.sin(lens / 2)
    pose = look_at(rng.uniform(0, 360), elevation, distance, rng.normal(0, 6))
    fill = rng.uniform(0.5, 0.95)
    focal = size * fill / _spread(pose, box, perspective=not flat)
    room = (1 - fill) / 2 * size
    cx, cy = size / 2 + rng.uniform(-room, room, 2) * 0.8
    return Camera(pose, focal, focal, float(cx), float(cy), size, size, orthographic=flat)


def _own(rng: np.random.Generator, size: int) -> Camera:
    distance = math.exp(rng.uniform(*np.log(OWN_DISTANCE)))
    elevation = rng.uniform(*OWN_ELEVATION[int(rng.random() > 1 / 3)])
    pose = look_at(rng.uniform(0, 360), elevation, distance)
    focal = size * OWN_ZOOM * distance
    return Camera(pose, focal, focal, size / 2, size / 2, size, size)
