"""Metrics of two point clouds: Chamfer, accuracy and coverage, F-score, normals.

Clouds are (N, 3) and (M, 3) arrays in one frame; all lengths are in its unit. Empty clouds are
refused: the score of an empty mesh depends on the protocol.
"""

import numpy as np

from ..contract.errors import RequestError


def nearest(
    points: np.ndarray, others: np.ndarray, *, within: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance from each point to its nearest neighbour among `others`, and its index.

    Parameters
    ----------
    within
        Ignore neighbours at this distance or more, which is much faster for distant clouds: their
        distance is infinite and their index len(others).

    Returns
    -------
    distances : (N,) float64, Euclidean, not squared
    indices : (N,) int64 into `others`
    """
    from scipy.spatial import KDTree

    for cloud in (points, others):
        if cloud.ndim != 2 or cloud.shape[1] != 3:
            raise RequestError(
                f"A point cloud is (n, 3), not {cloud.shape}.", "Give one row for each point."
            )
        if len(cloud) == 0:
            raise RequestError(
                "A point cloud without points has no distance to another.",
                "Check the mesh that it was sampled from.",
            )
    points = np.asarray(points, np.float64)
    order = _along_cells(points)
    tree = KDTree(np.asarray(others, np.float64), leafsize=32, balanced_tree=False)
    pairs = tree.query(points[order], distance_upper_bound=within)
    distances, indices = np.zeros(len(points)), np.zeros(len(points), np.int64)
    distances[order], indices[order] = pairs
    return distances, indices


def _along_cells(points: np.ndarray) -> np.ndarray:
    """Return an order, (N,), that keeps nearby points together.

    Queries in this order find the relevant part of the tree in the CPU's cache.
    """
    low, high = points.min(0), points.max(0)
    cells = np.floor((points - low) * (64 / max(float((high - low).max()), 1e-12)))
    return np.lexsort(cells.T)


def accuracy_and_coverage(prediction: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Return the mean distances prediction -> reference (accuracy) and reverse (coverage)."""
    return (
        float(nearest(prediction, reference)[0].mean()),
        float(nearest(reference, prediction)[0].mean()),
    )


def chamfer_l1(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Return Occupancy Networks' Chamfer-L1: (accuracy + completeness) / 2, distances unsquared."""
    return sum(accuracy_and_coverage(prediction, reference)) / 2


def chamfer_l2(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Return the sum of both mean *squared* distances (AtlasNet, DISN, Deep Meta, UCLID-Net)."""
    forward, backward = nearest(prediction, reference)[0], nearest(reference, prediction)[0]
    return float((forward**2).mean() + (backward**2).mean())


def precision_recall(
    prediction: np.ndarray, reference: np.ndarray, radius: float
) -> tuple[float, float]:
    """Return the fraction of predicted points within `radius` of the reference, and the reverse."""
    forward = nearest(prediction, reference, within=radius)[0]
    backward = nearest(reference, prediction, within=radius)[0]
    return float((forward < radius).mean()), float((backward < radius).mean())


def f_score(precision: float, recall: float) -> float:
    """Return the harmonic mean of precision and recall; 0 if both are 0."""
    total = precision + recall
    return 2 * precision * recall / total if total > 0 else 0.0


def normal_consistency(
    points: np.ndarray, normals: np.ndarray, others: np.ndarray, other_normals: np.ndarray
) -> float:
    """Return the mean |cosine| between normals of nearest neighbours, in both directions.

    Normals are unit vectors, (N, 3) and (M, 3); their sign does not matter.
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
