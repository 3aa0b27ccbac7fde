"""The cameras of training pictures, by the names of the papers' ranges; numpy alone.

Blender's side imports no torch, so this is a second writing of the backend's `data.render.cameras`:
the same range, seed and box give the same cameras, so that what Blender renders and what the fast
renderer draws are pictures from the same places. The tests hold the two together.

Cameras are drawn in the object frame (+Z up, front -Y, bounding box centred, longest side 1.8).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..backend.contract.errors import RequestError
from ..backend.contract.protocol import CameraData

LONGEST_SIDE = 1.8


@dataclass(frozen=True)
class Range:
    """Where cameras stand and what lens they have.

    Attributes
    ----------
    words : what the range is, for a person who chooses one
    elevation : degrees, lowest and highest
    distance : lowest and highest, in diagonals of the box, or in its longest `side`s
    focal : in widths of the picture
    step, jitter : azimuths are `step` degrees apart, give or take `jitter`; step 0: anywhere. A
        whole round begins at the front; of fewer cameras each is at random one of the round
    shift : the object moves by up to this much along each axis, in the unit of `distance`
    roll : degrees, either way
    crop : an orthographic picture this many times as wide as the object looks; 0: perspective
    """

    words: str
    elevation: tuple[float, float]
    distance: tuple[float, float]
    focal: float = 35 / 32
    side: bool = False
    step: float = 0.0
    jitter: float = 0.0
    shift: float = 0.0
    roll: float = 0.0
    crop: float = 0.0


_USUAL = (0.65 * 1.75, 1.75)
_EASY = Range("A little from above, 10 degrees apart", (20, 30), _USUAL, step=10, jitter=5)

RANGES = {
    "r2n2": Range("All around, a little from above (3D-R2N2)", (25, 30), _USUAL),
    "haene": Range("All around, from below to above", (-20, 30), _USUAL),
    "disn": _EASY,
    "uclid-net": _EASY,
    "disn-hard": Range(
        "From the horizon to above, the object off centre",
        (0, 45),
        (0.6 * 1.75, 1.75),
        step=10,
        jitter=5,
        shift=0.2,
    ),
    "sdf-srn": Range(
        "30 degrees from above through a long lens, 15 degrees apart",
        (30, 30),
        (2.732, 2.732),
        focal=1.8660254037844388,
        side=True,
        step=15,
    ),
    "pascal3d": Range(
        "Orthographic, as photographs are cropped", (-10, 35), (2.5, 2.5), roll=8.0, crop=1.2
    ),
}
FREE, OWN = "free", "levelform"
WORDS = {
    **{name: found.words for name, found in RANGES.items()},
    FREE: "Everything: any side, any lens, orthographic too, tilted and off centre",
    OWN: "Upright and centred, any side, wide-angle to long lenses: for Levelform's own networks",
}
OWN_DISTANCE, OWN_ZOOM = (2.3, 8.0), 42 / 36 / 3.2
OWN_ELEVATION = ((-15, 70), (0, 35))


def draw_cameras(
    name: str, count: int, seed: int, *, size: int, extents: Sequence[float] | np.ndarray
) -> list[CameraData]:
    """Draw cameras from a range, posed in the object frame; the same seed gives the same ones.

    Parameters
    ----------
    name : one of `WORDS`
    size : pixels along both sides
    extents : (3,) sides of the object's bounding box, object frame

    Raises
    ------
    RequestError
        If there is no such range.
    """
    if name not in WORDS:
        raise RequestError(
            f"There is no range of cameras called {name!r}.", f"Choose one of {', '.join(WORDS)}."
        )
    rng = np.random.default_rng([*name.encode(), seed])
    box = np.asarray(extents, np.float64)
    if name == FREE:
        return [_free(rng, size, box) for _ in range(count)]
    if name == OWN:
        return [_own(rng, size) for _ in range(count)]
    chosen = RANGES[name]
    return [_drawn(chosen, rng, size, box, int(mark)) for mark in _marks(chosen, rng, count)]


def seed_of(name: str, seed: int) -> int:
    """Return the seed of one shape: it depends on the shape's name, not on its place in a run."""
    return int(np.random.SeedSequence([*name.encode(), seed]).generate_state(1)[0])


def in_world(camera: CameraData, world_from_volume: np.ndarray) -> CameraData:
    """Return a camera of the object frame as one of the world; the matrix is a similarity."""
    scale = float(np.cbrt(np.linalg.det(world_from_volume[:3, :3])))
    pose = world_from_volume @ camera.transform_matrix
    pose[:3, :3] /= scale
    zoom = 1 / scale if camera.camera_model == "ORTHOGRAPHIC" else 1.0
    return replace(camera, transform_matrix=pose, fl_x=camera.fl_x * zoom, fl_y=camera.fl_y * zoom)


# ---------------------------------------------------------------- one camera


def _marks(chosen: Range, rng: np.random.Generator, count: int) -> np.ndarray:
    """Return (count,): which step of the round each camera's azimuth is at."""
    whole = round(360 / chosen.step) if chosen.step else count
    if count >= whole:
        return np.arange(count)
    return rng.permutation(whole)[:count]


def _drawn(
    chosen: Range, rng: np.random.Generator, size: int, box: np.ndarray, mark: int
) -> CameraData:
    unit = LONGEST_SIDE if chosen.side else float(np.linalg.norm(box))
    turn = rng.uniform(0, 360)
    if chosen.step:
        turn = mark * chosen.step % 360 + rng.uniform(-chosen.jitter, chosen.jitter)
    pose = _look_at(
        turn,
        rng.uniform(*chosen.elevation),
        unit * rng.uniform(*chosen.distance),
        rng.uniform(-chosen.roll, chosen.roll),
        unit * rng.uniform(-chosen.shift, chosen.shift, 3),
    )
    focal = chosen.focal * size
    if chosen.crop:
        focal = size / (chosen.crop * _spread(pose, box, perspective=False))
    return _camera(pose, focal, (size / 2, size / 2), size, flat=chosen.crop > 0)


def _free(rng: np.random.Generator, size: int, box: np.ndarray) -> CameraData:
    flat = bool(rng.random() < 0.15)
    lens = math.radians(rng.uniform(15, 75))
    elevation = math.degrees(math.asin(rng.uniform(math.sin(-0.35), math.sin(1.4))))
    distance = 1.25 * float(np.linalg.norm(box)) / 2 / math.sin(lens / 2)
    pose = _look_at(rng.uniform(0, 360), elevation, distance, rng.normal(0, 6))
    fill = rng.uniform(0.5, 0.95)
    focal = size * fill / _spread(pose, box, perspective=not flat)
    room = (1 - fill) / 2 * size
    center = size / 2 + rng.uniform(-room, room, 2) * 0.8
    return _camera(pose, focal, (float(center[0]), float(center[1])), size, flat=flat)


def _own(rng: np.random.Generator, size: int) -> CameraData:
    distance = math.exp(rng.uniform(*np.log(OWN_DISTANCE)))
    elevation = rng.uniform(*OWN_ELEVATION[int(rng.random() > 1 / 3)])
    pose = _look_at(rng.uniform(0, 360), elevation, distance)
    return _camera(pose, size * OWN_ZOOM * distance, (size / 2, size / 2), size, flat=False)


def _look_at(
    azimuth: float,
    elevation: float,
    distance: float,
    roll: float = 0.0,
    target: np.ndarray | tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> np.ndarray:
    """Return the pose, (4, 4) with Blender's axes, of a camera that looks at a point.

    Degrees: azimuth from the front (-Y), counter-clockwise from above; elevation above the horizon;
    roll about the optical axis.
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


def _spread(pose: np.ndarray, box: np.ndarray, *, perspective: bool) -> float:
    """Return the longer side of the picture of a box, in units (of the image plane at depth 1)."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    corners = (signs * box / 2 - pose[:3, 3]) @ pose[:3, :3]
    plane = corners[:, :2] / (-1.0 * corners[:, 2:]) if perspective else corners[:, :2]
    return float(np.ptp(plane, axis=0).max())


def _camera(
    pose: np.ndarray, focal: float, center: tuple[float, float], size: int, *, flat: bool
) -> CameraData:
    model = "ORTHOGRAPHIC" if flat else "PINHOLE"
    return CameraData(pose, focal, focal, *center, size, size, model)
