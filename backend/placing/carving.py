"""Carve a box by all silhouettes into small cells, conservatively, so that thin parts are kept.

A cell is removed only if the lower bound of its distance to the hull (`fields.hull`) exceeds its
circumscribed radius. Points outside an image are unknown and stay, unless a pyramid excludes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..fields.hull import HullField, silhouette_map
from ..geometry.cameras import Camera
from .pyramids import ViewPyramid, half_spaces

FIRST = 16  # cells along the longest side of the first grid
FINEST = 256  # cells at the last grid
FEW = 64  # cells that are all looked at
MOST_CELLS = 600_000  # most cells of one level; with more, refinement stops


@dataclass(frozen=True)
class Silhouette:
    """The data of a view for carving.

    Attributes
    ----------
    sight : the view's, of this image
    alpha : (H, W) float32
    """

    sight: ViewPyramid
    alpha: Tensor

    @cached_property
    def distances(self) -> Tensor:
        """From `fields.hull.silhouette_map`, for the camera in the world."""
        return silhouette_map(self.alpha, self.sight.camera)


@dataclass(frozen=True)
class HullCells:
    """Cells that the hull's surface may touch.

    Attributes
    ----------
    centers : (N, 3) float64, world
    size : side of a cell, world units
    """

    centers: np.ndarray
    size: float

    def box(self, world_from_frame: np.ndarray) -> np.ndarray:
        """Return (2, 3) lower and upper corner in the axes of a rotation, (3, 3)."""
        local = self._outermost @ world_from_frame
        half = self.size / 2
        return np.stack([local.min(0) - half, local.max(0) + half])

    @cached_property
    def _outermost(self) -> np.ndarray:
        """The centers that a box in any axes depends on: corners of their convex hull."""
        from scipy.spatial import ConvexHull, QhullError

        if len(self.centers) < FEW:
            return self.centers
        try:
            return self.centers[ConvexHull(self.centers).vertices]
        except QhullError:  # all in one plane
            return self.centers


def carve(silhouettes: Sequence[Silhouette], box: np.ndarray, *, finest: int = FINEST) -> HullCells:
    """Return the cells of a box, (2, 3) world, that the hull's surface may touch.

    Empty if the silhouettes remove all of it.
    """
    lower, upper = box
    longest = float((upper - lower).max())
    counts = np.maximum(np.ceil((upper - lower) / (longest / FIRST) - 1e-9), 1).astype(int)
    size = longest / FIRST
    start = (lower + upper) / 2 - counts * size / 2
    field, frame = _field(silhouettes, (lower + upper) / 2, longest / 2)
    planes = np.concatenate([half_spaces(item.sight) for item in silhouettes])
    axes = [start[i] + (np.arange(counts[i]) + 0.5) * size for i in range(3)]
    centers = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    cells = FIRST
    while True:
        centers = centers[_may_touch(centers, size, field, frame, planes)]
        if cells >= finest or not len(centers) or 4 * len(centers) > MOST_CELLS:
            return HullCells(centers, size)
        size, cells = size / 2, cells * 2
        corners = (np.indices((2, 2, 2)).reshape(3, -1).T - 0.5) * size
        centers = (centers[:, None] + corners).reshape(-1, 3)


def _field(
    silhouettes: Sequence[Silhouette], middle: np.ndarray, half: float
) -> tuple[HullField, tuple[np.ndarray, float]]:
    """Return the hull's field in a cube about `middle`, and that cube."""
    frame = np.diag([half, half, half, 1.0])
    frame[:3, 3] = middle
    cameras: list[Camera] = [item.sight.camera.in_frame(frame) for item in silhouettes]
    # On the plane z = 1 a pinhole's distances are the same in any frame.
    maps = [
        item.distances / (half if item.sight.camera.orthographic else 1.0) for item in silhouettes
    ]
    return HullField(maps, cameras), (middle, half)


@torch.no_grad()
def _may_touch(
    centers: np.ndarray,
    size: float,
    field: HullField,
    frame: tuple[np.ndarray, float],
    planes: np.ndarray,
) -> np.ndarray:
    """Return which cells the hull's surface may touch, (N,) bool."""
    radius = size * np.sqrt(3) / 2
    kept = (centers @ planes[:, :3].T <= planes[:, 3] + radius).all(1)
    middle, half = frame
    local = torch.from_numpy((centers[kept] - middle) / half).float()
    values = field(local).double().numpy() * half
    kept[kept] = np.abs(values) <= radius
    return kept
