"""Locate the object in posed photographs: by silhouettes, by points, or at the focus."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..contract.errors import RequestError
from ..geometry.views import View
from ..placing.box import find_object
from .sweeping import Region

LINK = (0.05, 0.15)  # range of the linking distance of an object's points, in radii of the ring
SPACING = 4.0  # linking distance, in median distances of neighbours
REACH = 0.5  # maximum distance of its points from the focus, in radii
LIFT = 0.015  # minimum height of the object's points above the ground, in radii
FEWEST = 60  # points of an object
STRAY = 0.1  # percentage of its points beyond each side of the box
GROWN = (
    0.03  # fraction of the longest side added to each side: points do not reach an object's edges
)
GUESS = 0.3  # half the side of the default cube, in radii
FEWEST_SWEPT = 500  # minimum number of swept points that show a whole object
CROWDED, NEIGHBOURS = 0.01, 2  # a point has that many neighbours within that distance, in radii
OUTSIDE = 0.002  # distance from the object of points at its edges, whose pixels are mixed, in radii
LEAST_SIDE = 0.02  # minimum side of an object's box, in radii of the ring


@dataclass(frozen=True)
class Box:
    """The object's box in a frame with +Z up.

    Attributes
    ----------
    corners : (2, 3) lower and upper
    source : "silhouettes", "points" or "focus"
    """

    corners: np.ndarray
    source: str


def find_box(
    views: Sequence[View],
    points: np.ndarray,
    middle: np.ndarray,
    radius: float,
    ground: float | None,
    sweep: Callable[[Region], np.ndarray] | None = None,
) -> Box:
    """Return the object's box.

    Parameters
    ----------
    views : with masks as alpha; empty without masks
    points : (N, 3)
    middle, radius : the focus, and the distance of the cameras from it
    ground : its height, if known
    sweep : returns points of surfaces, (N, 3), also where an object has no features
    """
    if views:
        try:
            corners = find_object(views).box(np.eye(3))
            if np.isfinite(corners).all() and (np.ptp(corners, 0) > LEAST_SIDE * radius).all():
                return Box(corners, "silhouettes")
        except RequestError:
            pass  # the silhouettes have no common point; the checks of the cameras report it
    corners = None if sweep is None else _swept(sweep, middle, radius, ground)
    if corners is not None:
        return Box(corners, "points")
    cluster = object_points(points, middle, radius, ground)
    if cluster is not None:
        corners = np.percentile(cluster, [STRAY, 100 - STRAY], axis=0)
        corners += np.array([[-1.0], [1.0]]) * GROWN * np.ptp(corners, 0).max()
        if ground is not None:
            corners[0, 2] = ground
        if (np.ptp(corners, 0) > LEAST_SIDE * radius).all():
            return Box(corners, "points")
    half = GUESS * radius
    corners = np.stack([middle - half, middle + half])
    if ground is not None:
        corners[:, 2] += ground - corners[0, 2]
    return Box(corners, "focus")


def _swept(
    sweep: Callable[[Region], np.ndarray], middle: np.ndarray, radius: float, ground: float | None
) -> np.ndarray | None:
    """Return the corners of the box around the points of a plane sweep; None if they are few."""
    from scipy.spatial import KDTree

    if ground is None:
        return None
    lower = ground + LIFT * radius
    points = sweep(Region(middle[:2], REACH * radius, lower, lower + 2 * REACH * radius))
    cluster = object_points(points, middle, radius, ground)
    if cluster is None or len(cluster) < FEWEST_SWEPT:
        return None
    near = KDTree(cluster).query(cluster, 1 + NEIGHBOURS)[0][:, -1]
    crowded = cluster[near < CROWDED * radius]
    if len(crowded) < FEWEST_SWEPT:
        return None
    corners = np.stack([crowded.min(0), crowded.max(0)])
    corners += np.array([[1.0], [-1.0]]) * OUTSIDE * radius
    corners[0, 2] = ground
    return corners if (np.ptp(corners, 0) > LEAST_SIDE * radius).all() else None


def object_points(
    points: np.ndarray, middle: np.ndarray, radius: float, ground: float | None
) -> np.ndarray | None:
    """Return the largest cluster of points around the focus, above the ground; None if it is small.

    Without a ground, points of the surroundings can't be separated from the object's: None.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    if ground is None:
        return None
    level = middle[:2]
    near = np.linalg.norm(points[:, :2] - level, axis=1) < REACH * radius
    chosen = points[near & (points[:, 2] > ground + LIFT * radius)]
    chosen = chosen[chosen[:, 2] < ground + 2 * REACH * radius + radius * LIFT]
    if len(chosen) < FEWEST:
        return None
    tree = KDTree(chosen)
    spacing = float(np.median(tree.query(chosen, 2)[0][:, 1]))
    link = min(max(SPACING * spacing, LINK[0] * radius), LINK[1] * radius)
    pairs = tree.query_pairs(link, output_type="ndarray")
    links = coo_matrix(
        (np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (len(chosen), len(chosen))
    )
    labels = connected_components(links, directed=False)[1]
    sizes = np.bincount(labels)
    if sizes.max() < FEWEST:
        return None
    return chosen[labels == sizes.argmax()]
