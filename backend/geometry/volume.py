"""The volume that is reconstructed: a cube in the world, narrowed to a box where it is not a cube.

Also where the volume should stand when nobody said: around what every view sees.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..contract.errors import RequestError
from .cameras import Camera

FILL = 0.9  # half of the object's longest side, in volume units; the object frame's 1.8 / 2
Box = tuple[tuple[float, float, float], tuple[float, float, float]]
CUBE: Box = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Volume:
    """Where the object is looked for.

    Attributes
    ----------
    world_from_mesh : (4, 4) float64, rigid: the cube's place in the world
    scale : half the cube's side in world units
    box : lower and upper corner of what is reconstructed, inside the cube [-1, 1]^3
    """

    world_from_mesh: np.ndarray
    scale: float
    box: Box = CUBE

    @property
    def world_from_cube(self) -> np.ndarray:
        """(4, 4) float64 similarity: from the frame that fields live in to the world."""
        return self.world_from_mesh @ np.diag([self.scale, self.scale, self.scale, 1.0])

    @classmethod
    def from_matrix(cls, world_from_volume: np.ndarray) -> "Volume":
        """Split a matrix whose [-1, 1]^3 is the volume into place, scale and box.

        Raises
        ------
        RequestError
            If it is not a finite (4, 4) matrix, is singular or sheared.
        """
        matrix = np.asarray(world_from_volume, np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise RequestError(
                "The volume's matrix holds a number that is not finite.",
                "Reset the volume's location, rotation and scale.",
            )
        lengths = np.linalg.norm(matrix[:3, :3], axis=0)
        if lengths.min() < 1e-9 or lengths.min() < 1e-4 * lengths.max():
            raise RequestError(
                f"The volume is flat: its sides are {' x '.join(f'{2 * s:g}' for s in lengths)}.",
                "Give it a scale above zero on every axis.",
            )
        axes = matrix[:3, :3] / lengths
        if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
            raise RequestError(
                "The volume is sheared: its axes do not stand at right angles.",
                "Clear its parent's uneven scale, or apply it.",
            )
        place = np.eye(4)
        place[:3, :3] = _rotation(axes)
        place[:3, 3] = matrix[:3, 3]
        scale = float(lengths.max())
        x, y, z = (float(side) for side in lengths / scale)
        return cls(place, scale, ((-x, -y, -z), (x, y, z)))


def _rotation(axes: np.ndarray) -> np.ndarray:
    """Return the nearest rotation, (3, 3); a mirrored cube is the same cube turned."""
    if np.linalg.det(axes) < 0:
        axes = axes * [1.0, 1.0, -1.0]
    left, _, right = np.linalg.svd(axes)
    return left @ right


def check_in_front(camera: Camera, box: Box, name: str) -> None:
    """Refuse a camera, posed in the volume's frame, that stands inside the volume or behind it."""
    lower, upper = np.array(box)
    middle = (lower + upper) / 2
    if bool(((camera.center > lower) & (camera.center < upper)).all()):
        raise RequestError(
            f"{name} stands inside the volume.",
            "Move the camera out of the volume, or make the volume smaller.",
        )
    if float((middle - camera.center) @ camera.forward) <= 0:
        raise RequestError(
            f"{name} looks away from the volume: the volume is behind the camera.",
            "Turn the camera around, or move the volume in front of it.",
        )


@dataclass(frozen=True)
class Sight:
    """What a view says of where the object is: its camera and the silhouette's rectangle.

    camera : posed in the world
    rectangle : left, top, right, bottom in pixels
    name : what to call the view in a message
    """

    camera: Camera
    rectangle: tuple[float, float, float, float]
    name: str


def silhouette_rectangle(alpha: np.ndarray) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom in pixels of where `alpha`, (H, W), is above one half.

    A picture with an empty silhouette gives its whole frame: it says nothing more.
    """
    rows, columns = (np.flatnonzero((alpha >= 0.5).any(axis)) for axis in (1, 0))
    if not len(rows):
        return 0.0, 0.0, float(alpha.shape[1]), float(alpha.shape[0])
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def estimate_volume(sights: Sequence[Sight]) -> np.ndarray:
    """Return (4, 4) float64 world_from_volume: a cube that holds all that every view sees.

    The rectangles' pyramids intersect in a convex body; the cube stands around its bounding box,
    upright, with the object frame's margin. Views that leave the body open, such as a single one,
    are taken to look at the point of their axes nearest to the world's origin.

    Raises
    ------
    RequestError
        If there is no posed view, or the pyramids have no point in common (names the view that
        disagrees).
    """
    if not sights:
        raise RequestError(
            "There is no view with a camera to place the volume by.",
            "Add cameras, or place the volume by hand.",
        )
    bounds = _bounding_box(sights)
    if bounds is None:
        raise RequestError(_disagreement(sights), "Check that camera's pose and picture.")
    lower, upper = bounds
    if not np.isfinite([lower, upper]).all():
        return _volume_before(sights)
    half = float((upper - lower).max()) / 2
    return _cube((lower + upper) / 2, half / FILL)


def _cube(center: np.ndarray, half: float) -> np.ndarray:
    matrix = np.diag([half, half, half, 1.0])
    matrix[:3, 3] = center
    return matrix


def _bounding_box(sights: Sequence[Sight]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the corners of the box around the pyramids' intersection; None when it is empty.

    Entries are infinite where it is open. Six small linear programs.
    """
    from scipy.optimize import linprog

    planes = np.concatenate([_half_spaces(sight) for sight in sights])  # normal . x <= offset
    result = np.zeros((2, 3))
    for side, axis in itertools.product((0, 1), range(3)):
        sign = 1.0 if side == 0 else -1.0
        goal = sign * np.eye(3)[axis]
        answer = linprog(goal, planes[:, :3], planes[:, 3], bounds=(None, None), method="highs")
        if answer.status == 2:
            return None
        result[side, axis] = sign * answer.fun if answer.status == 0 else -sign * np.inf
    return result[0], result[1]


def _half_spaces(sight: Sight) -> np.ndarray:
    """Return (5, 4) rows (normal, offset) with normal . x <= offset inside the view's pyramid."""
    camera, (left, top, right, bottom) = sight.camera, sight.rectangle
    low = (np.array([left, top]) - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    high = (np.array([right, bottom]) - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    rows = [[0.0, 0.0, -1.0, 0.0]]  # in front of the camera
    for axis in (0, 1):
        unit = np.eye(3)[axis]
        for sign, border in ((-1.0, low[axis]), (1.0, high[axis])):
            slope, offset = (0.0, border) if camera.orthographic else (border, 0.0)
            rows.append([*(sign * (unit - [0.0, 0.0, slope])), sign * offset])
    local = np.array(rows)
    inverse = camera.camera_from_world
    normals = local[:, :3] @ inverse[:3, :3]
    return np.column_stack([normals, local[:, 3] - local[:, :3] @ inverse[:3, 3]])


def _disagreement(sights: Sequence[Sight]) -> str:
    """Return the sentence that names the view without which the others have a common point."""
    for index, sight in enumerate(sights):
        others = [*sights[:index], *sights[index + 1 :]]
        if others and _bounding_box(others) is not None:
            return f"The views see no common point: {sight.name} disagrees with the others."
    return "The views see no common point."


def _volume_before(sights: Sequence[Sight]) -> np.ndarray:
    """Return a cube around the point of the views' mean axis that is nearest to the origin."""
    center = np.mean([sight.camera.center for sight in sights], axis=0)
    forward = np.mean([sight.camera.forward for sight in sights], axis=0)
    forward = forward / max(float(np.linalg.norm(forward)), 1e-9)
    ahead = -float(center @ forward)
    distance = ahead if ahead > 1e-3 else max(float(np.linalg.norm(center)), 1.0)
    spot = center + distance * forward
    half = max(_half_size(sight, spot) for sight in sights)
    return _cube(spot, half / FILL)


def _half_size(sight: Sight, spot: np.ndarray) -> float:
    """Return half the longer side of a rectangle, at the depth of `spot`, in world units."""
    camera, (left, top, right, bottom) = sight.camera, sight.rectangle
    depth = 1.0 if camera.orthographic else float((spot - camera.center) @ camera.forward)
    return max((right - left) / camera.fx, (bottom - top) / camera.fy) / 2 * max(depth, 1e-6)
