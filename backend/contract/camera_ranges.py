"""Cameras of published data sets, by the names of their ranges.

Blender and the fast renderer use the same cameras: the same range, seed and box give equal ones.

Cameras are sampled in the object frame (+Z up, front -Y, bounding box centred, longest side 1.8)
with Blender's axes, and look at the object. Azimuth is measured from the front, counter-clockwise
from above; elevation from the horizon. The papers use their own units of distance, which depend on
the object: see `Range.unit`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .cameras import CameraData
from .errors import RequestError

LONGEST_SIDE = 1.8
TYPICAL_EXTENTS = (1.8, 1.1, 1.2)
OWN_SIZE = 128  # pixels along a side of the ranges that no paper fixes


@dataclass(frozen=True)
class Range:
    """Positions and intrinsics of a range of cameras.

    Attributes
    ----------
    words : description of the range for a person
    size : pixels along both sides of the paper's images
    elevation : degrees, lowest and highest
    distance : lowest and highest, in `unit`
    unit : what the paper normalised to 1: "diagonal" or "side" (longest) of the bounding box
    focal : focal length in widths of the image
    step, jitter : azimuths are `step` degrees apart, plus or minus `jitter`; step 0: anywhere. A
        full round begins at the front; fewer cameras are a random choice from the round
    shift : the object moves by up to this much along each axis, in `unit`
    roll : degrees, either way
    crop : an orthographic image this many times as wide as the object looks; 0: perspective
    """

    words: str
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


_USUAL = (0.65 * 1.75, 1.75)
_EASY = Range("A little from above, 10 degrees apart", 224, (20, 30), _USUAL, step=10, jitter=5)

RANGES = {
    # 3D-R2N2's renderings, which Deep Meta, OccNet, TDGN and DISN read.
    "r2n2": Range("All around, a little from above (3D-R2N2)", 137, (25, 30), _USUAL),
    # The finer set of Deep Meta's experiments; its focal length is not published, 3D-R2N2's is
    # taken.
    "haene": Range("All around, from below to above", 224, (-20, 30), _USUAL),
    # ShapenetRender_more_variation: "easy" views, and "hard" ones with the object off centre.
    "disn": _EASY,
    "uclid-net": _EASY,
    "disn-hard": Range(
        "From the horizon to above, the object off center",
        224,
        (0, 45),
        (0.6 * 1.75, 1.75),
        step=10,
        jitter=5,
        shift=0.2,
    ),
    # The neural mesh renderer's images that SDF-SRN trains on: 30 degrees of view, 24 views.
    "sdf-srn": Range(
        "30 degrees from above through a long lens, 15 degrees apart",
        64,
        (30, 30),
        (2.732, 2.732),
        focal=1.8660254037844388,
        unit="side",
        step=15,
    ),
    # SDF-SRN's PASCAL3D+ camera is orthographic, cropped to 1.2 times the object. The elevations
    # and rolls of photographs are our choice.
    "pascal3d": Range(
        "Orthographic, as photographs are cropped", 64, (-10, 35), (2.5, 2.5), roll=8.0, crop=1.2
    ),
}
FREE, OWN, ROUND = "free", "levelform", "levelform-round"
WORDS = {
    **{name: chosen.words for name, chosen in RANGES.items()},
    FREE: "Everything: any side, any lens, orthographic too, tilted and off center",
    OWN: "Upright and centered, any side, wide-angle to long lenses: for Levelform's own networks",
    ROUND: "The same, spread evenly around the object, from anywhere: for several views of it",
}
# The cameras of "levelform": from wide-angle close-ups to long lenses, always zoomed so that the
# object frame is as large as through a 42 mm lens on a 36 mm sensor from 3.2 away.
OWN_DISTANCE, OWN_ZOOM = (2.3, 8.0), 42 / 36 / 3.2
OWN_ELEVATION = ((-15, 70), (0, 35))  # degrees; a third are drawn from the first, which is all
# that people photograph from, the others from the second, where most photographs are taken
ROUND_JITTER = 15.0  # degrees either way from an even spacing


def sample_camera_data(
    name: str,
    count: int,
    seed: int,
    *,
    size: int | None = None,
    extents: Sequence[float] | np.ndarray = TYPICAL_EXTENTS,
) -> list[CameraData]:
    """Sample cameras from a range, posed in the object frame; the same seed gives the same ones.

    Parameters
    ----------
    name : one of `WORDS`; "free" draws everything: all around, low and high, fields of view of 15
        to 75 degrees, orthographic ones too, tilted, off centre, the object small or filling the
        image; "levelform" what our own networks are framed with: upright, centred, any side
    count : how many
    size : pixels along both sides; None: the paper's own (128 where there is no paper)
    extents : (3,) or (count, 3) sides of the object's bounding box, object frame

    Raises
    ------
    RequestError
        If the range does not exist.
    """
    if name not in WORDS:
        raise RequestError(
            f"{name!r} is not a range of cameras.", f"Choose one of {', '.join(WORDS)}."
        )
    rng = np.random.default_rng([*name.encode(), seed])
    boxes = np.broadcast_to(np.asarray(extents, np.float64), (count, 3))
    if name == FREE:
        return [_free(rng, size or OWN_SIZE, box) for box in boxes]
    if name == OWN:
        return [_own(rng, size or OWN_SIZE) for _ in boxes]
    if name == ROUND:
        even = rng.uniform(0, 360) + 360 / max(count, 1) * np.arange(count)
        azimuths = even + rng.uniform(-ROUND_JITTER, ROUND_JITTER, count)
        return [_own(rng, size or OWN_SIZE, float(azimuth)) for azimuth in azimuths]
    chosen = RANGES[name]
    steps = _steps(chosen, rng, count)
    return [
        _drawn(chosen, rng, size or chosen.size, box, int(step))
        for step, box in zip(steps, boxes, strict=True)
    ]


def seed_of(name: str, seed: int) -> int:
    """Return the seed of one shape, from the shape's name and not its place in a run."""
    return int(np.random.SeedSequence([*name.encode(), seed]).generate_state(1)[0])


def in_world(camera: CameraData, world_from_volume: np.ndarray) -> CameraData:
    """Convert a camera from the object frame to the world; the matrix is a similarity."""
    scale = float(np.cbrt(np.linalg.det(world_from_volume[:3, :3])))
    pose = world_from_volume @ camera.transform_matrix
    pose[:3, :3] /= scale
    zoom = 1 / scale if camera.camera_model == "ORTHOGRAPHIC" else 1.0
    return replace(camera, transform_matrix=pose, fl_x=camera.fl_x * zoom, fl_y=camera.fl_y * zoom)


def look_at(
    azimuth: float,
    elevation: float,
    distance: float,
    roll: float = 0.0,
    target: Sequence[float] | np.ndarray = (0.0, 0.0, 0.0),
) -> np.ndarray:
    """Return the pose, (4, 4) world_from_camera, Blender's axes, of a camera aimed at a point.

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
    up = np.cross(back, right)
    pose = np.eye(4)
    pose[:3, 0] = math.cos(r) * right - math.sin(r) * up
    pose[:3, 1] = math.cos(r) * up + math.sin(r) * right
    pose[:3, 2] = back
    pose[:3, 3] = np.asarray(target, np.float64) + distance * back
    return pose


# ---------------------------------------------------------------- one camera


def _steps(chosen: Range, rng: np.random.Generator, count: int) -> np.ndarray:
    """Return (count,): the step of each camera's azimuth in the round.

    A data set with one image per shape then shows shapes from all sides.
    """
    whole = round(360 / chosen.step) if chosen.step else count
    if count >= whole:
        return np.arange(count)
    return rng.permutation(whole)[:count]


def _drawn(
    chosen: Range, rng: np.random.Generator, size: int, box: np.ndarray, step: int
) -> CameraData:
    unit = float(np.linalg.norm(box)) if chosen.unit == "diagonal" else LONGEST_SIDE
    azimuth = rng.uniform(0, 360)
    if chosen.step:
        azimuth = step * chosen.step % 360 + rng.uniform(-chosen.jitter, chosen.jitter)
    pose = look_at(
        azimuth,
        rng.uniform(*chosen.elevation),
        unit * rng.uniform(*chosen.distance),
        rng.uniform(-chosen.roll, chosen.roll),
        unit * rng.uniform(-chosen.shift, chosen.shift, 3),
    )
    focal = chosen.focal * size
    if chosen.crop:
        focal = size / (chosen.crop * _spread(pose, box, perspective=False))
    return _camera(pose, focal, (size / 2, size / 2), size, orthographic=chosen.crop > 0)


def _free(rng: np.random.Generator, size: int, box: np.ndarray) -> CameraData:
    orthographic = bool(rng.random() < 0.15)
    angle = math.radians(rng.uniform(15, 75))
    elevation = math.degrees(math.asin(rng.uniform(math.sin(-0.35), math.sin(1.4))))
    distance = 1.25 * (float(np.linalg.norm(box)) / 2) / math.sin(angle / 2)
    pose = look_at(rng.uniform(0, 360), elevation, distance, rng.normal(0, 6))
    fill = rng.uniform(0.5, 0.95)
    focal = size * fill / _spread(pose, box, perspective=not orthographic)
    room = (1 - fill) / 2 * size
    center = size / 2 + rng.uniform(-room, room, 2) * 0.8
    at = (float(center[0]), float(center[1]))
    return _camera(pose, focal, at, size, orthographic=orthographic)


def _own(rng: np.random.Generator, size: int, azimuth: float | None = None) -> CameraData:
    distance = math.exp(rng.uniform(*np.log(OWN_DISTANCE)))
    elevation = rng.uniform(*OWN_ELEVATION[int(rng.random() > 1 / 3)])
    azimuth = rng.uniform(0, 360) if azimuth is None else azimuth
    pose = look_at(azimuth, elevation, distance)
    return _camera(pose, size * OWN_ZOOM * distance, (size / 2, size / 2), size)


def _spread(pose: np.ndarray, box: np.ndarray, *, perspective: bool) -> float:
    """Return the longer side of the image of a box, in units (of the image plane at depth 1)."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    corners = (signs * box / 2 - pose[:3, 3]) @ pose[:3, :3]
    plane = corners[:, :2] / (-1.0 * corners[:, 2:]) if perspective else corners[:, :2]
    return float(np.ptp(plane, axis=0).max())


def _camera(
    pose: np.ndarray,
    focal: float,
    center: tuple[float, float],
    size: int,
    *,
    orthographic: bool = False,
) -> CameraData:
    model = "ORTHOGRAPHIC" if orthographic else "PINHOLE"
    return CameraData(pose, focal, focal, *center, size, size, model)
