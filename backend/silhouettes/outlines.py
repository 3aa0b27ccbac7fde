"""Outlines: a map of signed distances and points along the contours of each silhouette.

Positions in an image are fractions of its width and height, so an image of another size but the
same proportions works with the same camera. Distances are in pixels of an image whose longer side
is `REFERENCE`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from ..fields.silhouettes import EDGE, PADDING, contour, signed_distances
from ..geometry.views import View

REFERENCE = 224.0  # pixels along the longer side of an image; the unit of all residuals
LONGEST = 192  # pixels of the longer side of a distance map
MARGIN = 4  # pixels kept around the silhouette
BORDER = 1.0  # contours closer than this to the frame (pixels) are ignored
SPECK = 1 / 400  # bodies and holes below this fraction of the largest body's area are ignored
POINTS = 48  # along the contours of one view
OPEN_FRACTION = 0.005  # minimum fraction of a side that a silhouette meets; at least two pixels


@dataclass(frozen=True)
class Outline:
    """The data of one silhouette that the residual needs.

    Attributes
    ----------
    distances : (H, W) float32, pixels of `REFERENCE`, positive inside
    origin, step : position of the map's first sample and the step to the next; (x, y) fractions
    points : (P, 2) float64 along all contours, equally spaced, fractions
    rectangle : left, top, right, bottom of the silhouette, fractions
    open : whether the silhouette meets the image's left, top, right, bottom border
    size : width and height of the image in pixels
    """

    distances: Tensor
    origin: tuple[float, float]
    step: tuple[float, float]
    points: Tensor
    rectangle: tuple[float, float, float, float]
    open: tuple[bool, bool, bool, bool]
    size: tuple[int, int]

    def flipped(self, axes: Sequence[int]) -> "Outline":
        """Return the outline of the image flipped along `axes`: 0 top to bottom, 1 left to right.

        Exact; computes no new distance map.
        """
        origin, points, rectangle = list(self.origin), self.points.clone(), list(self.rectangle)
        open_sides = list(self.open)
        for image_axis in axes:
            axis = 1 - image_axis  # x is columns
            last = self.origin[axis] + self.step[axis] * (self.distances.shape[image_axis] - 1)
            origin[axis] = 1.0 - last
            points[:, axis] = 1.0 - points[:, axis]
            rectangle[axis], rectangle[axis + 2] = 1 - rectangle[axis + 2], 1 - rectangle[axis]
            open_sides[axis], open_sides[axis + 2] = open_sides[axis + 2], open_sides[axis]
        return replace(
            self,
            distances=self.distances.flip(tuple(axes)),
            origin=(origin[0], origin[1]),
            points=points,
            rectangle=(rectangle[0], rectangle[1], rectangle[2], rectangle[3]),
            open=(open_sides[0], open_sides[1], open_sides[2], open_sides[3]),
        )


def trace(alpha: Tensor | np.ndarray, *, points: int = POINTS) -> Outline | None:
    """Return the outline of a silhouette; None if it has no usable contour.

    Parameters
    ----------
    alpha : (H, W) in [0, 1], row 0 at the top
    points : how many to place along the contours
    """
    full = torch.as_tensor(alpha, dtype=torch.float32)
    height, width = full.shape
    stride = max(max(width, height) // LONGEST, 1)  # specks need no more
    body = _bodies(full[::stride, ::stride].numpy() >= EDGE)
    rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
    if not len(rows):
        return None
    left, right = _interval(columns, stride, width)
    top, bottom = _interval(rows, stride, height)
    rectangle = (left / width, top / height, right / width, bottom / height)
    left, right = max(left - MARGIN, 0), min(right + MARGIN, width)
    top, bottom = max(top - MARGIN, 0), min(bottom + MARGIN, height)
    small = _shrunk(full[top:bottom, left:right])
    solid = _bodies(small.numpy() >= EDGE)
    across, down = (right - left) / small.shape[1], (bottom - top) / small.shape[0]  # pixels
    unit = REFERENCE / max(width, height)
    distances = -signed_distances(small.numpy(), (across * unit, down * unit), continued=True)
    places = _along(small.numpy(), solid, points)
    places = (places + 0.5) * (across, down) + (left, top)
    inside = (places > BORDER).all(1) & (places < np.array([width, height]) - BORDER).all(1)
    if not inside.any():
        return None
    places = _spread(places[inside], points) / (width, height)
    return Outline(
        torch.from_numpy(distances),
        ((left + (0.5 - PADDING) * across) / width, (top + (0.5 - PADDING) * down) / height),
        (across / width, down / height),
        torch.from_numpy(places),
        rectangle,
        open_sides(full.numpy() >= EDGE),
        (width, height),
    )


def trace_all(views: Sequence[View], *, points: int = POINTS) -> list[Outline | None]:
    """Return the outline of each view's alpha; None where there is no usable contour."""
    return [trace(view.image[..., 3].cpu(), points=points) for view in views]


def open_sides(silhouette: np.ndarray) -> tuple[bool, bool, bool, bool]:
    """Return whether a silhouette, (H, W) bool, meets its image's left, top, right, bottom side."""
    sides = (silhouette[:, 0], silhouette[0], silhouette[:, -1], silhouette[-1])
    left, top, right, bottom = (
        bool(side.sum() >= max(2, OPEN_FRACTION * len(side))) for side in sides
    )
    return left, top, right, bottom


def stacked(maps: Sequence[Outline]) -> Tensor:
    """Return the maps as (V, 1, H, W), each padded right and down with its border values."""
    height, width = (max(m.distances.shape[axis] for m in maps) for axis in (0, 1))
    grown = [
        pad(
            m.distances[None, None],
            (0, width - m.distances.shape[1], 0, height - m.distances.shape[0]),
            mode="replicate",
        )
        for m in maps
    ]
    return torch.cat(grown)


def _interval(indices: np.ndarray, stride: int, size: int) -> tuple[int, int]:
    """Return the first and end pixel of an interval, from indices taken at a stride."""
    return max(int(indices[0] - 1) * stride + 1, 0), min(int(indices[-1] + 1) * stride, size)


def _bodies(inside: np.ndarray) -> np.ndarray:
    """Return the silhouette, (H, W) bool, without specks: tiny bodies and holes."""
    return ~_without_specks(~_without_specks(inside), largest=int(inside.sum()))


def _without_specks(mask: np.ndarray, *, largest: int = 0) -> np.ndarray:
    from scipy.ndimage import label

    labels, count = cast("tuple[np.ndarray, int]", label(mask))
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    return (sizes >= SPECK * (largest or sizes.max()))[labels] & mask


def _shrunk(alpha: Tensor) -> Tensor:
    """Return the crop, (h, w), shrunk to at most `LONGEST` along its longer side."""
    height, width = alpha.shape
    factor = LONGEST / max(height, width)
    if factor >= 1:
        return alpha.contiguous()
    size = (max(round(height * factor), 1), max(round(width * factor), 1))
    return interpolate(alpha[None, None], size=size, mode="bilinear", antialias=True)[0, 0]


def _along(alpha: np.ndarray, solid: np.ndarray, count: int) -> np.ndarray:
    """Return dense points (K, 2), x and y, on the contours of `alpha`; integer pixel centres.

    Contours of specks, where `alpha` and `solid` disagree on both sides, are left out.
    """
    cells, starts, ends = contour(alpha)
    keep = np.zeros(len(cells), bool)
    mixed = np.zeros(len(cells), np.int64)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        mixed += solid[cells[:, 0] + row, cells[:, 1] + column]
    keep = (mixed > 0) & (mixed < 4)
    starts, ends = starts[keep].astype(np.float64), ends[keep].astype(np.float64)
    if not len(starts):
        return np.zeros((0, 2))
    return _spread(np.stack([starts, ends], 1), max(8 * count, 256))


def _spread(items: np.ndarray, count: int) -> np.ndarray:
    """Return (count, 2) points equally spaced along segments, (K, 2, 2), or a subset of points."""
    if items.ndim == 2:
        picked = (np.arange(count) + 0.5) * len(items) / count
        return items[picked.astype(np.int64)]
    lengths = np.linalg.norm(items[:, 1] - items[:, 0], axis=1)
    ends = np.cumsum(lengths)
    wanted = (np.arange(count) + 0.5) * ends[-1] / count
    index = np.minimum(np.searchsorted(ends, wanted), len(items) - 1)
    fraction = 1 - (ends[index] - wanted) / np.maximum(lengths[index], 1e-12)
    return items[index, 0] + fraction[:, None] * (items[index, 1] - items[index, 0])
