"""Metrics of two point clouds: Chamfer, accuracy and coverage, F-score, normals.

Clouds are (N, 3) and (M, 3) arrays in one frame; every number is in that frame's unit. An empty
cloud is refused: what an empty mesh is worth is for the protocol to say.
"""

import numpy as np

from ..contract.errors import RequestError


def nearest(
    points: np.ndarray, others: np.ndarray, *, within: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Return each point's distance to its nearest neighbour among `others`, and that one's index.

    Parameters
    ----------
    within
        Neighbours at this distance or farther are not looked for, which is much quicker between
        clouds that are far apart: their distance is infinite, their index len(others).

    Returns
    -------
    distances : (N,) float64, Euclidean, not squared
    indices : (N,) int64 into `others`
    """
    from scipy.spatial import KDTree

    for cloud in (points, others):
        if cloud.ndim != 2 or cloud.shape[1] != 3:
            raise RequestError(f"A point cloud is (n, 3), not {cloud.shape}.")
        if len(cloud) == 0:
            raise RequestError("A point cloud without points has no distance to another.")
    points = np.asarray(points, np.float64)
    order = _along_cells(points)
    tree = KDTree(np.asarray(others, np.float64), leafsize=32, balanced_tree=False)
    pairs = tree.query(points[order], distance_upper_bound=within)
    distances, indices = np.zeros(len(points)), np.zeros(len(points), np.int64)
    distances[order], indices[order] = pairs
    return distances, indices


def _along_cells(points: np.ndarray) -> np.ndarray:
    """Return an order in which points that are near each other come after one another.

    So asked, a tree of 100,000 points is in the processor's cache where the next answer lies,
    which takes less time (0.14 s instead of 0.23 when it was written).
    """
    low, high = points.min(0), points.max(0)
    cells = np.floor((points - low) * (64 / max(float((high - low).max()), 1e-12)))
    return np.lexsort(cells.T)


def accuracy_and_coverage(prediction: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Return the mean distances prediction -> reference (accuracy) and back (coverage)."""
    return (
        float(nearest(prediction, reference)[0].mean()),
        float(nearest(reference, prediction)[0].mean()),
    )


def chamfer_l1(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Return Occupancy Networks' Chamfer-L1: half of accuracy plus completeness, not squared."""
    return sum(accuracy_and_coverage(prediction, reference)) / 2


def chamfer_l2(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Return the sum of both mean *squared* distances (AtlasNet, DISN, Deep Meta, UCLID-Net)."""
    forward, backward = nearest(prediction, reference)[0], nearest(reference, prediction)[0]
    return float((forward**2).mean() + (backward**2).mean())


def precision_recall(
    prediction: np.ndarray, reference: np.ndarray, radius: float
) -> tuple[float, float]:
    """Return the shares of predicted points within `radius` of the reference, and the reverse."""
    forward = nearest(prediction, reference, within=radius)[0]
    backward = nearest(reference, prediction, within=radius)[0]
    return float((forward < radius).mean()), float((backward < radius).mean())


def f_score(precision: float, recall: float) -> float:
    """Return the harmonic mean of precision and recall; 0 where both are 0."""
    total = precision + recall
    return 2 * precision * recall / total if total > 0 else 0.0


def normal_consistency(
    points: np.ndarray, normals: np.ndarray, others: np.ndarray, other_normals: np.ndarray
) -> float:
    """Return the mean |cosine| between a point's normal and its nearest neighbour's, both ways.

    `normals`, (N, 3) and (M, 3), are unit length; a flipped normal counts as a right one.
    """
    forward = _cosines(points, normals, others, other_normals)
    backward = _cosines(others, other_normals, points, normals)
    return (forward + backward) / 2


def _cosines(
    points: np.ndarray, normals: np.ndarray, others: np.ndarray, other_normals: np.ndarray
) -> float:
    index = nearest(points, others)[1]
    cosines = np.einsum("ij,ij->i", normals.astype(np.float64), other_normals[index])
    return float(np.abs(cosines).mean())
