"""Metrics on grids: pooled voxels, shells of point clouds, silhouettes."""

from typing import Literal

import numpy as np

from ..contract.errors import RequestError
from .occupancy import iou

SHELL_CELLS = 50  # UCLID-Net: cells along an axis of [-1, 1]^3


def pool(grid: np.ndarray, stride: int, how: Literal["max", "mean"] = "max") -> np.ndarray:
    """Return a boolean grid downsampled by `stride` along each axis.

    "max" sets a cell if any of its parts is set, "mean" if at least half of them are.
    """
    if any(size % stride for size in grid.shape):
        raise RequestError(
            f"A grid of {grid.shape} can't be pooled by {stride}.",
            "Use a grid whose sides are multiples of it.",
        )
    x, y, z = (size // stride for size in grid.shape)
    cells = grid.reshape(x, stride, y, stride, z, stride).astype(np.float32)
    if how == "max":
        return cells.max((1, 3, 5)) > 0
    return cells.mean((1, 3, 5)) >= 0.5


def shell_iou(prediction: np.ndarray, reference: np.ndarray, cells: int = SHELL_CELLS) -> float:
    """Return UCLID-Net's shell IoU: the IoU of the cells that contain points of two clouds, (N, 3).

    It increases with the number of points; the paper takes 7,000. Points outside [-1, 1]^3 are
    ignored.
    """
    return iou(_shell(prediction, cells), _shell(reference, cells))


def _shell(points: np.ndarray, cells: int) -> np.ndarray:
    grid = np.zeros((cells,) * 3, bool)
    index = np.floor((cells + cells * points.astype(np.float64)) / 2).astype(np.int64)  # (N, 3)
    index = index[((index >= 0) & (index < cells)).all(1)]
    grid[tuple(index.T)] = True
    return grid


def silhouette_iou(
    prediction: np.ndarray, reference: np.ndarray, *, threshold: float = 0.5
) -> float:
    """Return the IoU of two masks, (H, W), boolean or alpha in [0, 1]."""
    return iou(prediction >= threshold, reference >= threshold)
