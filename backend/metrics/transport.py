"""The earth mover's distance between two clouds of the same size, by exact assignment."""

import numpy as np

from ..contract.errors import RequestError

MAX_POINTS = 2_048  # the assignment takes cubic time: seconds at this size


def matched_distance(prediction: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the (N,) unsquared distances of the one-to-one matching with the least sum.

    Raises
    ------
    RequestError
        If the clouds differ in size, are empty, or have more than `MAX_POINTS` points.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    if len(prediction) != len(reference) or not 0 < len(prediction) <= MAX_POINTS:
        raise RequestError(
            f"The earth mover's distance needs two clouds of 1 to {MAX_POINTS} points and the same "
            f"size, not {len(prediction)} and {len(reference)}.",
            "Sample as many points from both.",
        )
    cost = cdist(prediction.astype(np.float64), reference.astype(np.float64))
    rows, columns = linear_sum_assignment(cost)
    return cost[rows, columns]


def earth_mover(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Return the earth mover's distance, the mean of `matched_distance`."""
    return float(matched_distance(prediction, reference).mean())
