"""Intersection over union of two sets of labels."""

import numpy as np

from ..contract.errors import RequestError


def iou(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Return |A and B| / |A or B| of two boolean arrays of the same shape; 1 if both are empty.

    For points, voxels and silhouettes.
    """
    if prediction.shape != reference.shape:
        raise RequestError(
            f"Labels to compare must have one shape, not {prediction.shape} and {reference.shape}.",
            "Sample both at the same points.",
        )
    first, second = prediction.astype(bool), reference.astype(bool)
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0
