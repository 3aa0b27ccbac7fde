"""Draw a mesh into its views and measure how much of each silhouette it covers."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..fields.silhouettes import EDGE
from ..geometry.cameras import Camera
from ..geometry.images import resized
from ..geometry.views import View

LONGEST = 384  # pixels along the longer side of the compared images
NEAR = 1e-6  # triangles nearer than this to a perspective camera's plane are skipped
BLOCK = 1 << 18  # triangles drawn at once


@dataclass(frozen=True)
class Coverage:
    """How a result fits a view.

    covered : fraction of the silhouette that the result covers
    iou : IoU of the silhouette and the result's
    """

    covered: float
    iou: float


def cover(view: View, vertices: np.ndarray, faces: np.ndarray) -> Coverage | None:
    """Return how a mesh fits a posed view's silhouette; None if the silhouette is empty.

    Pixels outside the image are not compared, so only the visible part of a cropped silhouette
    counts.

    Parameters
    ----------
    vertices : (N, 3) in the frame of the view's camera
    faces : (F, 3)
    """
    assert view.camera is not None
    seen = _small(view.image[..., 3].cpu()) >= EDGE
    if not bool(seen.any()):
        return None
    camera = resized(view.camera, width=seen.shape[1], height=seen.shape[0])
    drawn = silhouette(torch.from_numpy(vertices), torch.from_numpy(faces), camera)
    both = int((seen & drawn).sum())
    return Coverage(both / int(seen.sum()), both / int((seen | drawn).sum()))


def silhouette(vertices: Tensor, faces: Tensor, camera: Camera) -> Tensor:
    """Return (H, W) bool: the pixels whose centres a mesh covers, without a depth test.

    Each row of a triangle is a span of pixels. A cumulative sum over span starts and ends gives
    the coverage, so the cost does not depend on the length of spans.

    Parameters
    ----------
    vertices : (N, 3) ; faces : (F, 3)
    camera : its width and height are the result's
    """
    height, width = camera.height, camera.width
    pixels, depth = camera.project(vertices.float())
    change = torch.zeros(height * (width + 1), dtype=torch.int32)
    for block in faces.long().split(BLOCK):
        if not camera.orthographic:
            block = block[(depth[block] > NEAR).all(1)]
        row, start, stop = _spans(pixels[block], height)
        first = (start - 0.5).ceil().clamp(0, width).long()
        last = (stop - 0.5).ceil().clamp(0, width).long()
        full = last > first
        one = torch.ones(int(full.sum()), dtype=torch.int32)
        base = row[full] * (width + 1)
        change.index_add_(0, base + first[full], one)
        change.index_add_(0, base + last[full], -one)
    return change.reshape(height, width + 1).cumsum(1)[:, :width] > 0


def _spans(corners: Tensor, height: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the row, left end and right end of every span of triangles, (T, 3, 2) pixels."""
    y = corners[..., 1]
    low = (y.amin(1) - 0.5).ceil().clamp(0, height).long()
    high = (y.amax(1) - 0.5).ceil().clamp(0, height).long()
    met = (high > low).nonzero()[:, 0]
    corners, low, count = corners[met], low[met], (high - low)[met]
    owner = torch.repeat_interleave(torch.arange(len(met)), count)
    step = torch.arange(len(owner)) - (count.cumsum(0) - count)[owner]
    row = low[owner] + step
    center = row.to(corners.dtype) + 0.5
    start = torch.full_like(center, torch.inf)
    stop = -start
    for a, b in ((0, 1), (1, 2), (2, 0)):
        upper, lower = _ordered(corners[:, a], corners[:, b])
        upper, lower = upper[owner], lower[owner]
        crossed = (upper[:, 1] <= center) & (lower[:, 1] > center)
        fraction = (center - upper[:, 1]) / torch.where(crossed, lower[:, 1] - upper[:, 1], 1.0)
        x = upper[:, 0] + fraction * (lower[:, 0] - upper[:, 0])
        start = torch.where(crossed, torch.minimum(start, x), start)
        stop = torch.where(crossed, torch.maximum(stop, x), stop)
    return row, start, stop


def _ordered(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return an edge's ends, (T, 2) each, upper first, so that both neighbours agree on it."""
    falls = (b[:, 1:] > a[:, 1:]) | ((b[:, 1:] == a[:, 1:]) & (b[:, :1] > a[:, :1]))
    return torch.where(falls, a, b), torch.where(falls, b, a)


def _small(alpha: Tensor) -> Tensor:
    """Return (h, w) alpha, shrunk to at most `LONGEST` along its longer side."""
    height, width = alpha.shape
    factor = LONGEST / max(height, width)
    if factor >= 1:
        return alpha
    size = (max(round(height * factor), 1), max(round(width * factor), 1))
    return interpolate(alpha[None, None], size=size, mode="bilinear", antialias=True)[0, 0]
