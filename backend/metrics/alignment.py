"""Rigid iterative closest point (ICP), SDF-SRN's alignment on PASCAL3D+."""

import numpy as np


def icp(
    points: np.ndarray, reference: np.ndarray, *, iterations: int = 50
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Align a cloud rigidly to another by point-to-point ICP.

    Departure from the authors' code: if the best orthogonal matrix is a reflection, the smallest
    singular direction changes sign (Kabsch), not a row of the result.

    Parameters
    ----------
    points, reference : (N, 3), (M, 3)

    Returns
    -------
    moved : (N, 3) float64
    rotation : (3, 3) and translation : (3,), with moved = points @ rotation.T + translation
    """
    from scipy.spatial import KDTree

    start = points.astype(np.float64)
    moved, target = start, reference.astype(np.float64)
    rotation, translation = np.eye(3), np.zeros(3)
    tree, before = KDTree(target), None
    for _ in range(iterations):
        pairs = tree.query(moved)[1]
        if before is not None and np.array_equal(pairs, before):
            break  # converged: the same pairs give the same motion
        rotation, translation = rigid_fit(start, target[pairs])
        moved, before = start @ rotation.T + translation, pairs
    return moved, rotation, translation


def rigid_fit(points: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least-squares rotation and translation of (N, 3) points to targets (Kabsch)."""
    center, goal = points.mean(0), targets.mean(0)
    u, _, vt = np.linalg.svd((targets - goal).T @ (points - center))
    sign = np.sign(np.linalg.det(u @ vt))
    rotation = u @ np.diag([1.0, 1.0, sign]) @ vt
    return rotation, goal - rotation @ center
