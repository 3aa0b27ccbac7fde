"""The object's box: an estimate between a lower bound (the outlines) and an upper one (the hull).

The box of the hull is too large if few views leave empty corners: two views at right angles, 45
degrees to the box, make it 1.4 times as wide. There is a lower bound too: the ray of each pixel in
a silhouette contains a point of the object, so along an axis the object reaches at least as far as
the farthest of the rays' nearest hull points. Procedural objects are close to the lower bound:
moving `TOWARDS_HULL` of the way from the smallest box that explains every silhouette to the box of
the hull fits them best, for 2 to 8 views.

Views that look along nearly one line leave the hull open along it. The object is then assumed to be
as deep as it is wide (`DEPTH`), unless the silhouettes require more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses

from .carving import HullCells, Silhouette

TOWARDS_HULL = 0.12
DEPTH = 1.1  # along the views' common axis, in widths
EXPLAINED = 0.98  # fraction of the silhouettes that the box must explain
# A thousandth of the chords is ignored if they lie this far, in sides of the box, beyond all
# others: in cropped images, a few pixels at the border do.
STRAY, FAR = 0.001, 0.1
MOST_NEEDED = 0.5  # a box that must grow farther towards the hull's indicates another error
STEPS = 6  # of the bisection

Chords = tuple[np.ndarray, np.ndarray]
"""(N, 3) first and last point of the hull on the ray of each pixel of the silhouettes, world."""


@dataclass(frozen=True)
class Slab:
    """The object's position along the views' common axis.

    Attributes
    ----------
    axis : (3,) unit, world
    center, half : along it, world units
    width : of the object, across the axis
    play : possible error of the center that the silhouettes allow
    """

    axis: np.ndarray
    center: float
    half: float
    width: float
    play: float


def explaining_box(chords: Chords, hull: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Return (2, 3) lower and upper corner of the object in the axes of `rotation`.

    Parameters
    ----------
    chords : from `hull_chords`
    hull : (2, 3) the hull's box in those axes
    rotation : (3, 3) world_from_axes
    """
    first, last = (points @ rotation for points in chords)
    lower, upper = np.minimum(first, last), np.maximum(first, last)
    middle = hull.mean(0)
    ends = np.stack([upper.min(0), lower.max(0)])
    most = np.stack([np.quantile(upper, STRAY, axis=0), np.quantile(lower, 1 - STRAY, axis=0)])
    ends = np.where(np.abs(ends - most) > FAR * (most[1] - most[0]), most, ends)
    least = np.stack([np.minimum(ends[0], middle), np.maximum(ends[1], middle)])
    least = np.clip(least, hull[0], hull[1])
    needed = _needed_fraction(first, last, least, hull)
    return least + (needed + TOWARDS_HULL * (1 - needed)) * (hull - least)


def hull_chords(cells: HullCells, silhouettes: Sequence[Silhouette]) -> Chords:
    """Return where the rays of the silhouettes' pixels enter and leave the hull.

    Pixels are grouped into blocks about as large as a cell in the image.
    """
    chords = [_chords_of(cells, item) for item in silhouettes]
    return np.concatenate([a for a, _ in chords]), np.concatenate([b for _, b in chords])


def _chords_of(cells: HullCells, item: Silhouette) -> Chords:
    camera = item.sight.camera
    pixels, depth = camera.project(torch.from_numpy(cells.centers))
    nearest = 1.0 if camera.orthographic else max(float(np.quantile(depth.numpy(), 0.02)), 1e-9)
    height, width = item.alpha.shape
    footprint = max(camera.fx, camera.fy) * cells.size / nearest
    block = int(np.clip(np.ceil(footprint), 1, max(height, width)))
    padded = F.pad(item.alpha[None, None], (0, -width % block, 0, -height % block))
    mask = F.max_pool2d(padded, block)[0, 0] >= 0.5
    rows, columns = mask.shape
    column, row = (pixels / block).floor().long().unbind(-1)
    seen = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    if not camera.orthographic:
        seen &= depth > 0
    index = (row * columns + column)[seen]

    def least(values: torch.Tensor) -> torch.Tensor:
        """Return (rows, columns): the least value among a block's cells and its neighbours'."""
        result = torch.full((mask.numel(),), torch.inf, dtype=values.dtype)
        result.scatter_reduce_(0, index, values[seen], "amin")
        return -F.max_pool2d(-result.view(1, 1, rows, columns), 3, stride=1, padding=1)[0, 0]

    first, last = least(depth), -least(-depth)
    known = mask & torch.isfinite(first)
    y, x = torch.nonzero(known).double().add(0.5).mul(block).unbind(-1)
    origins, directions = camera.rays(torch.stack([x, y], -1))
    ends = [(origins + d[known, None] * directions).numpy() for d in (first, last)]
    return ends[0], ends[1]


def find_slab(chords: Chords, axis: np.ndarray, center: float | None = None) -> Slab:
    """Return the slab across `axis`, (3,) unit, that holds the object.

    Its middle is the depth at which the silhouettes fit together best, that is, where all chords
    meet it, unless `center` is given.
    """
    first, last = chords
    ends = np.stack([first @ axis, last @ axis])
    lower, upper = float(ends.max(0).min()), float(ends.min(0).max())
    if center is None:
        center = (lower + upper) / 2
    run = np.where(np.abs(ends[1] - ends[0]) < 1e-12, 1e-12, ends[1] - ends[0])
    part = np.clip((center - ends[0]) / run, 0, 1)[:, None]
    places = first + part * (last - first)
    width = max(float(np.ptp(places @ side)) for side in across(axis))
    half = max((upper - lower) / 2, DEPTH * width / 2)
    return Slab(axis, center, half, width, max(lower - upper, 0.0) / 2)


def cut_chords(chords: Chords, slab: Slab) -> Chords:
    """Return the part of each chord inside a slab; for a chord outside, its nearest end."""
    first, last = chords
    ends = np.stack([first @ slab.axis, last @ slab.axis])
    run = np.where(np.abs(ends[1] - ends[0]) < 1e-12, 1e-12, ends[1] - ends[0])
    faces = np.array([slab.center - slab.half, slab.center + slab.half])[:, None]
    parts = np.sort(np.clip((faces - ends[0]) / run, 0, 1), axis=0)[..., None]
    return first + parts[0] * (last - first), first + parts[1] * (last - first)


def across(axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two orthogonal unit vectors, (3,), across `axis`; the first is horizontal."""
    level = np.cross(axis, [0.0, 0.0, 1.0])
    length = float(np.linalg.norm(level))
    level = level / length if length > 0.05 else np.array([1.0, 0.0, 0.0])
    level = level - (level @ axis) * axis
    level /= np.linalg.norm(level)
    return level, np.cross(axis, level)


def _needed_fraction(
    first: np.ndarray, last: np.ndarray, least: np.ndarray, most: np.ndarray
) -> float:
    """Return the fraction of the way from `least` to `most` that explains all silhouettes."""
    along = last - first
    inverse = 1.0 / np.where(np.abs(along) < 1e-12, 1e-12, along)
    starts, inverse = first.T.copy(), inverse.T.copy()  # (3, N), an axis at a time
    low, high = 0.0, MOST_NEEDED
    for _ in range(STEPS):
        fraction = (low + high) / 2
        if _meeting(starts, inverse, least + fraction * (most - least)) >= EXPLAINED:
            high = fraction
        else:
            low = fraction
    return high


def _meeting(starts: np.ndarray, inverse: np.ndarray, box: np.ndarray) -> float:
    """Return the fraction of segments that meet a box.

    Parameters
    ----------
    starts, inverse : (3, N) first ends, and one over what leads to the last ends
    """
    enter, leave = np.zeros(starts.shape[1]), np.ones(starts.shape[1])
    for axis in range(3):
        lower = (box[0, axis] - starts[axis]) * inverse[axis]
        upper = (box[1, axis] - starts[axis]) * inverse[axis]
        np.maximum(enter, np.minimum(lower, upper), out=enter)
        np.minimum(leave, np.maximum(lower, upper), out=leave)
    return float((enter <= leave).mean())
