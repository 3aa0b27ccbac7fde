"""Whether a viewport shows an object, and moving the view to it where it does not."""

from typing import Any

import bpy
import numpy as np

from .gallery import box_of, corners, world_box

SMALLEST, LARGEST = 0.06, 2.5  # of the object's extent in the viewport: 2 is its whole width
AWAY = 3.2  # distance of the view from the object, in radii


def frame_if_unseen(thing: bpy.types.Object) -> bool:
    """Move the largest viewport's view to an object that is out of its sight.

    A view through a camera, or one that is locked to something, is not moved.

    Returns
    -------
    Whether the view was moved.
    """
    space = _largest_viewport()
    view = getattr(space, "region_3d", None)
    if view is None or view.view_perspective == "CAMERA" or view.lock_rotation:
        return False
    box = world_box(thing)
    if is_seen(box, np.array(view.perspective_matrix, np.float64)):
        return False
    radius = float(np.linalg.norm(box[1] - box[0])) / 2
    view.view_location = box.mean(0).tolist()
    view.view_distance = max(AWAY * radius, 1e-3)
    space.clip_end = max(space.clip_end, 10 * view.view_distance)
    return True


def is_seen(box: np.ndarray, projection: np.ndarray) -> bool:
    """Return whether a box is in sight and neither tiny nor far larger than the view.

    Parameters
    ----------
    box : (2, 3) lower and upper corner, world
    projection : (4, 4) from the world to the viewport's clip space
    """
    points = np.c_[corners(*box), np.ones(8)] @ projection.T
    depth = points[:, 3]
    if (depth <= 0).any():
        return False
    lower, upper = box_of(points[:, :3] / depth[:, None], np.eye(4))[:, :2]
    center, extent = (lower + upper) / 2, (upper - lower).max()
    return bool((np.abs(center) < 0.95).all() and SMALLEST < extent < LARGEST)


def _largest_viewport() -> Any:
    """Return the space of the largest 3D viewport of all windows; None if there is none."""
    areas = [
        area
        for window in bpy.context.window_manager.windows
        for area in window.screen.areas
        if area.type == "VIEW_3D"
    ]
    largest = max(areas, key=lambda area: area.width * area.height, default=None)
    return largest.spaces.active if largest is not None else None
