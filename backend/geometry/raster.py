"""A depth buffer for triangles in plain torch, for many images at once, on any device.

No triangle is tested against pixels it does not cover: triangles are expanded to the rows they
meet, each row's span follows from its three edges, and spans are expanded to samples. Neighbours
compute the crossing of a shared edge from the same two numbers, so no sample between them is lost
or drawn twice.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

LOW_BITS = (1 << 32) - 1
SMALLEST_AREA = 1e-7  # squared samples, twice the area of a triangle; less covers nothing


@dataclass(frozen=True)
class Visibility:
    """The visible triangle of each pixel.

    sample : (S,) int64, view * height * width + row * width + column, ascending
    triangle : (S,) int64, the nearest triangle there
    weights : (S, 3) of its corners in the image (not corrected for perspective)
    nearness : (S,) as interpolated from its corners
    """

    sample: Tensor
    triangle: Tensor
    weights: Tensor
    nearness: Tensor


def rasterize(
    corners: Tensor, view: Tensor, *, views: int, height: int, width: int, two_sided: bool = False
) -> Visibility:
    """Find the nearest triangle at each sample.

    Parameters
    ----------
    corners : (T, 3, 3) column and row of each corner in samples (centres at +0.5), and its
        nearness: a positive number that is linear over the image and grows towards the camera
    view : (T,) which image a triangle is drawn into
    views, height, width : how many images and samples there are
    two_sided : draw triangles seen from behind too
    """
    area = _area(corners)
    # Counter-clockwise seen from outside is clockwise where rows grow downwards: a negative area.
    facing = (area.abs() if two_sided else -area) > SMALLEST_AREA
    kept = facing.nonzero()[:, 0]
    x, y, nearness = corners.index_select(0, kept).unbind(2)
    area, view = area[kept], view[kept]
    left, right = _edges(x, y, flipped=area > 0)
    gradient_x, gradient_y = _gradient(x, y, nearness, area)

    low = (y.amin(1) - 0.5).ceil().clamp(0, height).long()
    high = (y.amax(1) - 0.5).ceil().clamp(0, height).long()
    owner, step = _expand(high - low)
    row = low.index_select(0, owner) + step
    center = (row + 0.5)[:, None]
    start = _crossing(left.index_select(0, owner), center).amax(1)
    stop = _crossing(right.index_select(0, owner), center).amin(1)
    start = (start - 0.5).ceil().clamp(0, width)
    count = ((stop - 0.5).ceil().clamp(0, width) - start).clamp_min(0).long()
    # Many rows of small triangles hold no sample: the rest of the work is for those that do.
    full = count.nonzero()[:, 0]
    owner, row, start, count = (t.index_select(0, full) for t in (owner, row, start, count))
    center = (row + 0.5)[:, None]

    # The plane of each triangle's nearness: its value, column and row at a corner, its slopes.
    plane = torch.stack([nearness[:, 0], x[:, 0], y[:, 0], gradient_x, gradient_y], 1)
    value, column, line, slope, fall = plane.index_select(0, owner).unbind(1)
    base = value + slope * (start + 0.5 - column) + fall * (center[:, 0] - line)
    first = (view.index_select(0, owner) * height + row) * width + start.long()
    span, step = _expand(count)
    value = torch.addcmul(base.index_select(0, span), slope.index_select(0, span), step)
    sample = first.index_select(0, span) + step
    key = value.clamp_min_(1e-12).view(torch.int32).long() << 32
    key |= LOW_BITS - owner.index_select(0, span)
    buffer = torch.zeros(views * height * width, dtype=torch.long, device=corners.device)
    buffer.scatter_reduce_(0, sample, key, "amax")

    sample = buffer.nonzero()[:, 0]
    key = buffer[sample]
    triangle = LOW_BITS - (key & LOW_BITS)
    nearness = (key >> 32).int().view(torch.float32)
    column = (sample % width).float() + 0.5
    row_center = (sample // width % height).float() + 0.5
    weights = _weights(x[triangle], y[triangle], area[triangle], column, row_center)
    return Visibility(sample, kept[triangle], weights, nearness)


def _area(corners: Tensor) -> Tensor:
    """Return twice the signed area of (T, 3, 3) triangles in the image."""
    a, b, c = corners[..., :2].unbind(1)
    u, v = b - a, c - a
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]


def _edges(x: Tensor, y: Tensor, *, flipped: Tensor) -> tuple[Tensor, Tensor]:
    """Return the edges that bound spans on the left and on the right, (T, 3, 3) each.

    An edge is its upper end's column and row and its slope, columns a row; where an edge is not on
    that side its column is infinitely far. `flipped` triangles, (T,), run the other way round.
    """
    next_x, next_y = x.roll(-1, 1), y.roll(-1, 1)
    falls = next_y > y
    top_x, top_y = torch.where(falls, x, next_x), torch.where(falls, y, next_y)
    end_x, end_y = torch.where(falls, next_x, x), torch.where(falls, next_y, y)
    level = end_y == top_y
    slope = (end_x - top_x) / torch.where(level, 1.0, end_y - top_y)
    sides = []
    for on_side, far in (
        (falls ^ flipped[:, None], -torch.inf),
        (falls == flipped[:, None], torch.inf),
    ):
        use = on_side & ~level
        column = torch.where(use, top_x, far)
        sides.append(torch.stack([column, top_y, torch.where(use, slope, 0.0)], 2))
    return sides[0], sides[1]


def _crossing(edges: Tensor, center: Tensor) -> Tensor:
    """Return the columns, (R, 3), where edges, (R, 3, 3), cross rows centred at (R, 1)."""
    return torch.addcmul(edges[..., 0], center - edges[..., 1], edges[..., 2])


def _gradient(x: Tensor, y: Tensor, value: Tensor, area: Tensor) -> tuple[Tensor, Tensor]:
    """Return the change of a value, (T, 3) at corners, per column and per row, (T,) each."""
    x1, x2 = x[:, 1] - x[:, 0], x[:, 2] - x[:, 0]
    y1, y2 = y[:, 1] - y[:, 0], y[:, 2] - y[:, 0]
    v1, v2 = value[:, 1] - value[:, 0], value[:, 2] - value[:, 0]
    return (v1 * y2 - v2 * y1) / area, (v2 * x1 - v1 * x2) / area


def _weights(x: Tensor, y: Tensor, area: Tensor, column: Tensor, row: Tensor) -> Tensor:
    """Return the weights, (S, 3), of the corners (S, 3) of triangles at positions (S,)."""
    px, py = x - column[:, None], y - row[:, None]
    cross = px.roll(-1, 1) * py.roll(-2, 1) - py.roll(-1, 1) * px.roll(-2, 1)
    weights = (cross / area[:, None]).clamp(0, 1)
    return weights / weights.sum(1, keepdim=True).clamp_min(1e-12)


def _expand(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return the owner of each of sum(counts) items, and its number among the owner's."""
    owner = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
    before = counts.cumsum(0) - counts
    step = torch.arange(len(owner), device=counts.device) - before[owner]
    return owner, step
