"""Silhouettes as signed distances in the image, exact to a fraction of a pixel at the edge.

The edge is the polygon where alpha crosses one half between pixel centres (marching squares), each
crossing placed by the alphas on both sides. Everything outside the image's frame is unknown and
counts as inside: a silhouette has no edge where it touches the frame, and a background pixel is at
most as far from the edge as from the frame.
"""

import math

import numpy as np

PADDING = 2  # unknown pixels around the image
EXACT = 3  # pixels around the edge in which the distance is exact
SPACING = 0.25  # pixels between the points that stand for a far edge
EDGE = 0.5  # alpha at the object's edge
OPAQUE = 0.98  # a pixel with at least this alpha shows only the object
GROWN = 4.0  # the object's colours are extended this many pixels past its opaque part


def signed_distances(
    alpha: np.ndarray,
    pitch: tuple[float, float],
    *,
    continued: bool = False,
    everywhere: bool = False,
) -> np.ndarray:
    """Return the signed distance of each pixel centre to the silhouette's edge.

    Within `EXACT` pixels of the edge the distance is exact; farther away it is a lower bound, short
    by at most a pixel's diagonal. On the samples it is 1-Lipschitz everywhere, as the minimum of
    1-Lipschitz functions. With `everywhere` the distance is exact (to `SPACING` squared) at all
    pixels, and its interpolation need not be a bound.

    Parameters
    ----------
    alpha : (H, W) in [0, 1]; inside from one half
    pitch : (x, y) size of a pixel in the unit of the result
    continued : the image is padded with its border, instead of being unknown outside its frame

    Returns
    -------
    (H + 2 PADDING, W + 2 PADDING) float32: negative inside, positive outside. Without any edge
    (a silhouette that fills the frame) minus the image's diagonal.
    """
    alpha = np.asarray(alpha, np.float32)
    if continued:
        alpha = np.pad(alpha, PADDING, mode="edge")
    else:
        alpha = np.pad(alpha, PADDING, constant_values=1.0)
    inside = alpha >= EDGE
    cells, starts, ends = contour(alpha)
    height, width = alpha.shape
    if not len(cells):
        diagonal = float(np.hypot(height * pitch[1], width * pitch[0]))
        return np.full(alpha.shape, -diagonal, np.float32)
    limit = EXACT * min(pitch)
    near = _near_distances((height, width), cells, starts, ends, pitch)
    far = (
        _far_distances((height, width), starts, ends, pitch)
        if everywhere
        else _far_bound(inside, pitch)
    )
    distance = np.where(near <= limit, near, np.maximum(far, limit))
    return np.where(inside, -distance, distance).astype(np.float32)


def grown_colors(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return the image with the object's colours extended over its soft edge and a little past it.

    Pixels at the edge are mixed with the background, or belong to a mask a pixel too wide. They and
    their surroundings take the colour of the nearest pixel that is opaque like its neighbours, if
    there is one within `GROWN` pixels; all others keep their own colour.

    Parameters
    ----------
    rgb : (H, W, 3)
    alpha : (H, W) in [0, 1]
    """
    from scipy.ndimage import binary_dilation, binary_erosion
    from scipy.spatial import KDTree

    clean = np.asarray(binary_erosion(alpha >= OPAQUE, border_value=1), bool)
    near = np.asarray(binary_dilation(clean, iterations=math.ceil(GROWN * math.sqrt(2))), bool)
    around = np.argwhere(near & ~clean)
    rim = np.argwhere(clean & ~np.asarray(binary_erosion(clean, border_value=1), bool))
    if not len(rim) or not len(around):
        return rgb
    distance, nearest = KDTree(rim).query(around, distance_upper_bound=GROWN + 1e-6)
    known = np.isfinite(distance)
    to, source = around[known], rim[np.asarray(nearest)[known]]
    result = rgb.copy()
    result[to[:, 0], to[:, 1]] = rgb[source[:, 0], source[:, 1]]
    return result


def contour(alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Trace where `alpha`, (H, W), crosses one half: marching squares.

    Returns
    -------
    cells : (K, 2) int64, row and column of the cell's first pixel
    starts, ends : (K, 2) float32, the segment's ends as x, y; pixel centres at whole numbers
    """
    inside = alpha >= EDGE
    count = inside[:-1, :-1].astype(np.int8) + inside[:-1, 1:] + inside[1:, :-1] + inside[1:, 1:]
    rows, columns = np.nonzero((count > 0) & (count < 4))
    corners = np.stack(  # clockwise from the top left
        [alpha[rows + dy, columns + dx] for dy, dx in ((0, 0), (0, 1), (1, 1), (1, 0))], axis=1
    )
    crossings = _edge_crossings(corners) + np.stack([columns, rows], 1)[:, None]  # (K, 4, 2)
    crossed = (corners >= EDGE) != (np.roll(corners, -1, axis=1) >= EDGE)
    saddle = crossed.all(axis=1)
    first = np.argmax(crossed, axis=1)
    last = 3 - np.argmax(crossed[:, ::-1], axis=1)
    # A saddle has two segments. Edges 0..3 are top, right, bottom, left: (0, 1) and (2, 3) cut off
    # the top right and bottom left corners, (0, 3) and (1, 2) the others. The mean decides.
    cut_right = (corners.mean(axis=1) >= EDGE) == (corners[:, 0] >= EDGE)
    last = np.where(saddle, np.where(cut_right, 1, 3), last)
    second, other = np.where(cut_right, 2, 1)[saddle], np.where(cut_right, 3, 2)[saddle]
    each, those = np.arange(len(rows)), np.flatnonzero(saddle)
    order = np.concatenate([each, those])
    starts = np.concatenate([crossings[each, first], crossings[those, second]])
    ends = np.concatenate([crossings[each, last], crossings[those, other]])
    return np.stack([rows, columns], 1)[order], starts, ends


def _edge_crossings(corners: np.ndarray) -> np.ndarray:
    """Return (K, 4, 2) where the edges of unit cells cross one half; corners (K, 4) clockwise.

    Between alphas a >= 1/2 > b, a pixel apart, a soft edge (a - b <= 1/2) is (a - 1/2) / (a - b)
    from the first. A steeper one is a hard edge averaged over a pixel; a + b is the length of the
    object in the two pixels, so the edge is at a + b - 1/2. The rules agree at a - b = 1/2.
    """
    after = np.roll(corners, -1, axis=1)
    high, low = np.maximum(corners, after), np.minimum(corners, after)
    fall = high - low
    soft = (high - EDGE) / np.maximum(fall, 1e-6)
    t = np.clip(np.where(fall > 0.5, high + low - EDGE, soft), 0.0, 1.0)
    t = np.where(corners >= after, t, 1.0 - t)
    zero, one = np.zeros_like(t[:, 0]), np.ones_like(t[:, 0])
    x = np.stack([t[:, 0], one, 1 - t[:, 2], zero], axis=1)
    y = np.stack([zero, t[:, 1], one, 1 - t[:, 3]], axis=1)
    return np.stack([x, y], axis=2).astype(np.float32)


def _near_distances(
    shape: tuple[int, int],
    cells: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    pitch: tuple[float, float],
) -> np.ndarray:
    """Return (H, W) distances to the segments whose window of `EXACT` pixels holds the pixel."""
    reach = np.arange(-EXACT, EXACT + 2)
    down, right = (grid.ravel() for grid in np.meshgrid(reach, reach, indexing="ij"))
    rows, columns = cells[:, :1] + down, cells[:, 1:] + right  # (K, P)
    width, height = np.asarray(pitch, np.float32)
    along = (ends - starts) * np.asarray(pitch, np.float32)  # (K, 2)
    dx, dy = along[:, :1], along[:, 1:]
    x = (columns.astype(np.float32) - starts[:, :1]) * width
    y = (rows.astype(np.float32) - starts[:, 1:]) * height
    length = np.maximum(dx**2 + dy**2, np.float32(1e-20))
    t = np.clip((x * dx + y * dy) / length, 0.0, 1.0)
    x -= t * dx
    y -= t * dy
    distance = np.sqrt(x**2 + y**2)
    around = EXACT + 1  # pixels beyond the image that windows reach
    padded = np.full((shape[0] + 2 * around, shape[1] + 2 * around), np.inf, np.float32)
    flat = (rows + around) * padded.shape[1] + columns + around
    _take_least(padded.reshape(-1), flat, distance)
    return padded[around:-around, around:-around]


def _take_least(result: np.ndarray, index: np.ndarray, values: np.ndarray) -> None:
    """Lower `result` to each value at its index, (K, P); rows are windows of the same form.

    Windows of different cells never write to the same place in one column; a cell has at most two.
    """
    first = np.zeros(len(index), bool)
    first[np.unique(index[:, 0], return_index=True)[1]] = True
    for chosen in (first, ~first):
        for place, value in zip(index[chosen].T, values[chosen].T, strict=True):
            result[place] = np.minimum(result[place], value)


def _far_distances(
    shape: tuple[int, int], starts: np.ndarray, ends: np.ndarray, pitch: tuple[float, float]
) -> np.ndarray:
    """Return (H, W) distances to the segments, for pixels more than `EXACT` pixels away.

    Segments are at most a pixel's diagonal long. Points `SPACING` pixels apart stand for them,
    which overestimates a distance of d pixels by at most SPACING^2 / 8 d.
    """
    from scipy.spatial import KDTree

    steps = np.linspace(0, 1, round(math.sqrt(2) / SPACING) + 1, dtype=np.float32)
    along = starts[:, None] + steps[:, None] * (ends - starts)[:, None]  # (K, S, 2)
    size = np.asarray(pitch, np.float64)
    rows, columns = np.indices(shape)
    pixels = np.stack([columns, rows], -1).reshape(-1, 2)
    distance, _ = KDTree(along.reshape(-1, 2) * size).query(pixels * size)
    return np.asarray(distance).reshape(shape)


def _far_bound(inside: np.ndarray, pitch: tuple[float, float]) -> np.ndarray:
    """Return (H, W) a lower bound of the distance to the edge, 1-Lipschitz on the samples.

    The nearest point of the edge lies in a cell whose pixels are on both sides, at most half a
    diagonal from one of its corners; the distance to all such corners is exact.
    """
    from scipy.ndimage import distance_transform_edt

    mixed = inside[:-1, :-1] != inside[1:, 1:]
    mixed |= inside[:-1, 1:] != inside[1:, :-1]
    mixed |= inside[:-1, :-1] != inside[:-1, 1:]
    corner = np.zeros_like(inside)
    for dy in (0, 1):
        for dx in (0, 1):
            corner[dy : dy + mixed.shape[0], dx : dx + mixed.shape[1]] |= mixed
    distance = distance_transform_edt(~corner, sampling=(pitch[1], pitch[0]))
    return distance - np.hypot(*pitch) / 2
