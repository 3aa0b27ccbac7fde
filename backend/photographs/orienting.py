"""Up axis, ground and focus of cameras known up to a similarity.

"Vertical" and the focus follow nerfstudio's `auto_orient_and_center_poses` (method "vertical") and
`focus_of_attention`; the ground is a plane fitted by RANSAC.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TILT = 20.0  # maximum tilt of the ground against the cameras' vertical, degrees
BAND = 0.012  # half the ground's thickness, in radii of the ring of cameras
LEAST = 0.2  # minimum fraction of the points near the focus on the ground
BELOW = 3.0  # weight of a point below the plane against one on it
TRIES = 600

# The upright image's up direction, for each orientation tag: (right, down) weights of the stored
# image's axes.
_UPS = {
    1: (0, -1),
    2: (0, -1),
    3: (0, 1),
    4: (0, 1),
    5: (-1, 0),
    6: (-1, 0),
    7: (1, 0),
    8: (1, 0),
}


@dataclass(frozen=True)
class Ground:
    """A plane: its upward unit normal, and the height of its points along it."""

    normal: np.ndarray
    height: float


def vertical(rotations: np.ndarray, tags: Sequence[int]) -> np.ndarray:
    """Return (3,) the world's up direction, assuming level cameras.

    It is the direction most orthogonal to the right axes of all images.

    Parameters
    ----------
    rotations : (N, 3, 3) camera_from_world, x right, y down
    tags : the orientation tag of each image
    """
    ups, rights = [], []
    for rotation, tag in zip(rotations, tags, strict=True):
        across, down = _UPS[tag]
        up = across * rotation[0] + down * rotation[1]
        ups.append(up)
        rights.append(np.cross(rotation[2], up))
    mean = np.mean(ups, 0)
    _, values, axes = np.linalg.svd(np.array(rights))
    up = axes[2]
    if values[1] < 0.1 * values[0]:  # all rights are parallel: cameras in a line
        up = mean / np.linalg.norm(mean)
    return up if up @ mean > 0 else -up


def focus(centers: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """Return (3,) the point nearest to all optical axes, by least squares.

    Parameters
    ----------
    centers, forward : (N, 3) positions and unit viewing directions
    """
    away = np.eye(3) - forward[:, :, None] * forward[:, None]
    matrix = away.sum(0)
    right = (away @ centers[..., None]).sum(0)[:, 0]
    return np.linalg.lstsq(matrix, right, rcond=1e-6)[0]


def find_ground(
    points: np.ndarray, middle: np.ndarray, radius: float, up: np.ndarray, *, seed: int = 0
) -> Ground | None:
    """Return the plane that the object stands on; None if there is none.

    A plane's score is the number of points on it minus `BELOW` times the number below, so that a
    plane through the object does not win.

    Parameters
    ----------
    points : (N, 3)
    middle : the focus
    radius : distance of the cameras; only points nearer to the focus count
    up : unit vector
    """
    near = points[np.linalg.norm(points - middle, axis=1) < radius]
    if len(near) < 30:
        return None
    rng = np.random.default_rng(seed)
    band, upright = BAND * radius, np.cos(np.radians(TILT))
    best, ground = LEAST * len(near), None
    for _ in range(TRIES):
        a, b, c = near[rng.choice(len(near), 3, replace=False)]
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal)
        if length < 1e-12:
            continue
        normal = normal / length * np.sign(normal @ up or 1.0)
        if normal @ up < upright:
            continue
        score = _score(near @ normal - a @ normal, band)
        if score > best:
            best, ground = score, Ground(normal, float(a @ normal))
    return None if ground is None else _refined(near, ground, band)


def _score(heights: np.ndarray, band: float) -> float:
    inside = (np.abs(heights) < band).sum()
    return float(inside - BELOW * (heights < -band).sum())


def _refined(points: np.ndarray, ground: Ground, band: float) -> Ground:
    """Fit the plane to its points by least squares, twice."""
    for _ in range(2):
        inside = points[np.abs(points @ ground.normal - ground.height) < band]
        if len(inside) < 3:
            return ground
        middle = inside.mean(0)
        normal = np.linalg.svd(inside - middle, full_matrices=False)[2][2]
        normal = normal if normal @ ground.normal > 0 else -normal
        ground = Ground(normal, float(middle @ normal))
    return ground


def upright_from(up: np.ndarray, front: np.ndarray) -> np.ndarray:
    """Return (3, 3) a rotation whose result has `up` along +Z and `front` towards -Y.

    Parameters
    ----------
    up : unit vector
    front : direction from the object to the front camera; only its horizontal part counts
    """
    level = front - (front @ up) * up
    if np.linalg.norm(level) < 1e-6:
        level = np.cross(up, np.eye(3)[np.argmin(np.abs(up))])
    back = -level / np.linalg.norm(level)
    return np.stack([np.cross(back, up), back, up])
