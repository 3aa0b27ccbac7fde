"""Intersect the pyramids through the silhouettes' bounding rectangles: a first, convex bound.

A side of a rectangle on the image's border bounds nothing: the object may go on beyond it.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..contract.errors import RequestError
from ..geometry.cameras import Camera

SIDES = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class ViewPyramid:
    """The pyramid of a view through the object's rectangle.

    Attributes
    ----------
    camera : posed in the world
    rectangle : left, top, right, bottom of the silhouette in pixels
    cropped : which of these sides lie on the image's border
    name : the view's name in messages
    """

    camera: Camera
    rectangle: tuple[float, float, float, float]
    cropped: tuple[bool, bool, bool, bool] = (False, False, False, False)
    name: str = "view"


def sight_of(camera: Camera, alpha: np.ndarray, name: str) -> ViewPyramid:
    """Return the pyramid of a view; its silhouette is `alpha`, (H, W), above one half.

    An empty silhouette counts as the whole image, cropped on all sides: it bounds nothing.
    """
    height, width = alpha.shape
    rows, columns = (np.flatnonzero((alpha >= 0.5).any(axis)) for axis in (1, 0))
    if not len(rows):
        return ViewPyramid(
            camera, (0.0, 0.0, float(width), float(height)), (True, True, True, True), name
        )
    left, right = float(columns[0]), float(columns[-1] + 1)
    top, bottom = float(rows[0]), float(rows[-1] + 1)
    cropped = (left == 0, top == 0, right == width, bottom == height)
    return ViewPyramid(camera, (left, top, right, bottom), cropped, name)


def half_spaces(sight: ViewPyramid) -> np.ndarray:
    """Return (K, 4) rows (unit normal, offset), world, with normal . x <= offset in the pyramid."""
    camera, (left, top, right, bottom) = sight.camera, sight.rectangle
    low = (np.array([left, top]) - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    high = (np.array([right, bottom]) - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    rows = [[0.0, 0.0, -1.0, 0.0]]  # in front of the camera
    for axis in (0, 1):
        unit = np.eye(3)[axis]
        for sign, border, side in ((-1.0, low[axis], axis), (1.0, high[axis], axis + 2)):
            if sight.cropped[side]:
                continue
            slope, offset = (0.0, border) if camera.orthographic else (border, 0.0)
            rows.append([*(sign * (unit - [0.0, 0.0, slope])), sign * offset])
    local = np.array(rows)
    local /= np.linalg.norm(local[:, :3], axis=1, keepdims=True)
    inverse = camera.camera_from_world
    normals = local[:, :3] @ inverse[:3, :3]
    return np.column_stack([normals, local[:, 3] - local[:, :3] @ inverse[:3, 3]])


def uncropped(sight: ViewPyramid, growth: float) -> ViewPyramid:
    """Return the pyramid extended beyond the border by a fraction of the visible part."""
    left, top, right, bottom = sight.rectangle
    wide, high = growth * (right - left), growth * (bottom - top)
    grow = np.array([-wide, -high, wide, high]) * sight.cropped
    left, top, right, bottom = (float(side) for side in np.array(sight.rectangle) + grow)
    rectangle = (left, top, right, bottom)
    return ViewPyramid(sight.camera, rectangle, (False, False, False, False), sight.name)


def bounding_box(sights: Sequence[ViewPyramid]) -> np.ndarray | None:
    """Return (2, 3) corners of the box around the pyramids' intersection; None when it is empty.

    Solves six small linear programs. Entries are infinite where the intersection is open.
    """
    from scipy.optimize import linprog

    planes = np.concatenate([half_spaces(sight) for sight in sights])
    result = np.zeros((2, 3))
    for side, axis in itertools.product((0, 1), range(3)):
        sign = 1.0 if side == 0 else -1.0
        goal = sign * np.eye(3)[axis]
        answer = linprog(goal, planes[:, :3], planes[:, 3], bounds=(None, None), method="highs")
        if answer.status == 2:
            return None
        result[side, axis] = sign * answer.fun if answer.status == 0 else -sign * np.inf
    return result


def disagreement(sights: Sequence[ViewPyramid]) -> RequestError:
    """Return an error that names the view to leave out for the others to have a common point."""
    for index, sight in enumerate(sights):
        others = [*sights[:index], *sights[index + 1 :]]
        if others and bounding_box(others) is not None:
            return RequestError(
                f"The views see no common point: {sight.name} disagrees with the others.",
                "Check the pose of that camera and its image, or leave it out.",
            )
    return RequestError(
        "The views see no common point.", "Check that each image belongs to its camera."
    )
