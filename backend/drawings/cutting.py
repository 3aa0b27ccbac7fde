"""Cut a sheet of drawings on a plain background into its pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..contract.protocol import Background
from ..images.matte import matte_by_color

INSIDE = 0.5  # minimum alpha of a drawing's pixel
GAP = 0.008  # parts nearer than this, in longer sides of the sheet, are one drawing
MARK_AREA = 0.06  # marks (text, arrows) cover less than this fraction of the largest drawing
MARK_SIDE = 0.2  # and are narrower than this fraction of a drawing's longest side
MOST = 12  # drawings on a sheet
LINE = 0.85  # an unbroken line along this fraction of the sheet is a guide or a frame
LINE_WIDTH = 0.012  # if it is thinner than this fraction of the sheet's longer side
NARROW = 1.3  # minimum ratio of sides for the drawings to form a single row
FRAME = 0.025  # lines of such a sheet nearer to its ends than this are a frame
HOLLOW = 0.5  # drawings with this fraction of background inside are outlines, and are filled
MARGIN = 0.04  # around a piece, as a fraction of its longer side
LEAST = 8  # pixels of a drawing's side


@dataclass(frozen=True)
class Piece:
    """One drawing.

    Attributes
    ----------
    image : (H, W, 4) with the other drawings transparent
    place : left and top of `image` in the sheet, pixels
    box : left, top, right, bottom of the drawing in `image`, to fractions of a pixel
    cropped : whether the sheet's border cuts it off
    """

    image: Tensor
    place: tuple[int, int]
    box: tuple[float, float, float, float]
    cropped: bool = False

    @property
    def width(self) -> float:
        """Width of the drawing, in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """Height of the drawing, in pixels."""
        return self.box[3] - self.box[1]

    @property
    def on_sheet(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the drawing in the sheet, pixels."""
        left, top = self.place
        return self.box[0] + left, self.box[1] + top, self.box[2] + left, self.box[3] + top


@dataclass(frozen=True)
class Cut:
    """The pieces of a sheet in reading order, with remarks."""

    pieces: tuple[Piece, ...]
    remarks: tuple[str, ...] = ()


def cut_sheet(image: Tensor, background: Background, *, name: str = "The sheet") -> Cut:
    """Return the drawings of a sheet.

    Guide lines and frames are removed; text and other small marks are left out. Drawings of lines
    alone are filled.

    Parameters
    ----------
    image : (H, W, 4) sRGB in [0, 1]
    background : how to find the background of an opaque sheet

    Raises
    ------
    RequestError
        If the background is not plain, or the sheet shows fewer than two or too many drawings.
    """
    alpha, remarks = _alpha(image, background, name)
    bodies, marks = _bodies(alpha >= INSIDE)
    if len(bodies) < 2:
        raise RequestError(
            f"{name} shows {'one drawing' if bodies else 'no drawing'}, a sheet shows two or more.",
            "Leave plain background between the drawings, or give each as a file of its own.",
        )
    if len(bodies) > MOST:
        raise RequestError(
            f"{name} falls into {len(bodies)} parts; a sheet has at most {MOST} drawings.",
            "Use a plain background without texture, or cut the drawings out.",
        )
    if marks:
        remarks.append(f"{marks} small mark{'s'[: marks != 1]} (such as text) left out.")
    pieces = [_piece(image, alpha, body) for body in bodies]
    return Cut(tuple(in_reading_order(pieces)), tuple(remarks))


def cut_one(image: Tensor, background: Background, *, name: str) -> Cut:
    """Return the only drawing of an image, in all its parts.

    Raises
    ------
    RequestError
        If the background is not plain, or there is no drawing.
    """
    alpha, remarks = _alpha(image, background, name)
    bodies, _ = _bodies(alpha >= INSIDE)
    if not bodies:
        raise RequestError(f"{name} shows no drawing.", "Use a plain background around it.")
    whole = np.logical_or.reduce(bodies)
    return Cut((_piece(image, alpha, whole),), tuple(remarks))


def in_reading_order(pieces: Sequence[Piece]) -> list[Piece]:
    """Return pieces row by row, each from left to right."""
    return [pieces[index] for row in rows_of([p.on_sheet for p in pieces]) for index in row]


def rows_of(boxes: Sequence[tuple[float, float, float, float]]) -> list[list[int]]:
    """Return the indices of boxes (left, top, right, bottom) in rows, top to bottom.

    Two boxes share a row if their heights overlap by half of the lower one's.
    """
    rows: list[list[int]] = []
    for index in sorted(range(len(boxes)), key=lambda i: boxes[i][1] + boxes[i][3]):
        for row in rows:
            first = boxes[row[0]]
            common = min(first[3], boxes[index][3]) - max(first[1], boxes[index][1])
            lower = min(first[3] - first[1], boxes[index][3] - boxes[index][1])
            if common > 0.5 * lower:
                row.append(index)
                break
        else:
            rows.append([index])
    rows.sort(key=lambda row: float(np.mean([boxes[i][1] + boxes[i][3] for i in row])))
    return [sorted(row, key=lambda i: boxes[i][0]) for row in rows]


# ---------------------------------------------------------------- what belongs to drawings


def _alpha(image: Tensor, background: Background, name: str) -> tuple[np.ndarray, list[str]]:
    """Return the drawings' coverage, (H, W) float32, and remarks."""
    from scipy.ndimage import binary_closing, binary_fill_holes

    matted = matte_by_color(image, background, name=name)
    if matted.source == "network":  # the network looks for one object, not for several drawings
        raise RequestError(
            f"{name}: the image's border shows no plain background.",
            "Use a plain background, choose its color, or cut the drawings out.",
        )
    alpha = matted.image[..., 3].numpy().copy()
    if not bool((alpha < INSIDE).any()):
        raise RequestError(
            f"{name} has no background: it is covered all over.",
            "Use a plain or a transparent background.",
        )
    alpha, remarks = _without_lines(alpha)
    inside = alpha >= INSIDE
    reach = max(round(GAP * max(alpha.shape) / 4), 1)
    closed = binary_closing(np.pad(inside, reach), iterations=reach)
    filled = cast("np.ndarray", binary_fill_holes(closed))[reach:-reach, reach:-reach]
    hollow = filled & ~inside
    if hollow.sum() > HOLLOW * filled.sum():
        alpha = np.where(filled, 1.0, alpha).astype(np.float32)
        remarks.append("The drawings are outlines and were filled, with their openings.")
    return alpha, remarks


def _without_lines(alpha: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Remove thin lines along most of the sheet: guides between drawings, frames around them."""
    count = 0
    for turned in (alpha, alpha.T):
        for start, end in _lines(turned >= INSIDE):
            start, end = max(start - 1, 0), min(end + 1, len(turned))  # its soft border too
            above = turned[start - 1] if start else np.zeros_like(turned[0])
            below = turned[end] if end < len(turned) else np.zeros_like(turned[0])
            turned[start:end] = np.minimum(turned[start:end], np.minimum(above, below))
            count += 1
    told = f"{count} line{'s'[: count != 1]} across the sheet removed."
    return alpha, [told] if count else []


def _lines(inside: np.ndarray) -> list[tuple[int, int]]:
    """Return the first row of each horizontal line, and the row after its last.

    On a sheet that is higher than wide, a drawing may be as wide as the sheet; only lines at its
    top and bottom count there.
    """
    height, width = inside.shape
    thin = max(round(LINE_WIDTH * max(height, width)), 1)
    along = _longest_runs(inside) > LINE * width
    starts = np.flatnonzero(along & ~np.r_[False, along[:-1]])
    ends = np.flatnonzero(along & ~np.r_[along[1:], False]) + 1
    rim = FRAME * height if height > NARROW * width else height
    return [
        (int(start), int(end))
        for start, end in zip(starts, ends, strict=True)
        if end - start <= thin and min(start, height - end) <= rim
    ]


def _longest_runs(rows: np.ndarray) -> np.ndarray:
    """Return the length of each row's longest run of true values, (H,)."""
    run = longest = np.zeros(len(rows), np.int64)
    for column in rows.T:
        run = (run + 1) * column
        longest = np.maximum(longest, run)
    return longest


def _bodies(inside: np.ndarray) -> tuple[list[np.ndarray], int]:
    """Return each drawing's own pixels, (H, W) bool, and the number of marks left out."""
    from scipy.ndimage import binary_dilation, find_objects, label

    reach = max(round(GAP * max(inside.shape) / 2), 1)
    joined = binary_dilation(inside, iterations=reach)
    labels, count = cast("tuple[np.ndarray, int]", label(joined, np.ones((3, 3))))
    if not count:
        return [], 0
    boxes = [(rows.start, rows.stop, cols.start, cols.stop) for rows, cols in find_objects(labels)]
    areas = np.bincount(labels[inside], minlength=count + 1)[1:]
    groups = _joined(boxes)
    sizes = [int(areas[group].sum()) for group in groups]
    sides = [_side(boxes, group) for group in groups]
    longest = max(max(bottom - top, right - left) for top, bottom, left, right in boxes)
    large = [
        size >= MARK_AREA * max(sizes) or side >= MARK_SIDE * longest
        for size, side in zip(sizes, sides, strict=True)
    ]
    kept = [group for group, keep in zip(groups, large, strict=True) if keep]
    bodies = [np.isin(labels, [i + 1 for i in group]) for group in kept]
    return [body for body in bodies if _size(body & inside) >= LEAST], len(groups) - len(kept)


def _joined(boxes: Sequence[tuple[int, int, int, int]]) -> list[list[int]]:
    """Return groups of boxes; a box at least half inside another belongs to its group."""
    groups: list[list[int]] = []
    order = sorted(range(len(boxes)), key=lambda i: -_area(boxes[i]))
    for index in order:
        own = boxes[index]
        for group in groups:
            outer = boxes[group[0]]
            rows = min(own[1], outer[1]) - max(own[0], outer[0])
            columns = min(own[3], outer[3]) - max(own[2], outer[2])
            if min(rows, columns) > 0 and rows * columns > 0.5 * _area(own):
                group.append(index)
                break
        else:
            groups.append([index])
    return groups


def _area(box: tuple[int, int, int, int]) -> int:
    return (box[1] - box[0]) * (box[3] - box[2])


def _side(boxes: Sequence[tuple[int, int, int, int]], group: Sequence[int]) -> int:
    """Return the shorter side of a group's first box."""
    top, bottom, left, right = boxes[group[0]]
    return min(bottom - top, right - left)


def _size(body: np.ndarray) -> int:
    """Return the shorter side of a body's box."""
    return int(min(body.any(0).sum(), body.any(1).sum()))


# ---------------------------------------------------------------- pieces


def _piece(image: Tensor, alpha: np.ndarray, body: np.ndarray) -> Piece:
    """Cut one drawing out, with a margin; other pixels become transparent."""
    own = np.where(body, alpha, 0.0).astype(np.float32)
    rows, columns = np.flatnonzero((own > 0).any(1)), np.flatnonzero((own > 0).any(0))
    sides = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    margin = max(round(MARGIN * max(sides[1] - sides[0], sides[3] - sides[2])), 2)
    height, width = own.shape
    pad = [margin - sides[2], sides[3] + margin - width, margin - sides[0]]
    pad = [max(int(p), 0) for p in (*pad, sides[1] + margin - height)]  # left right top bottom
    top, bottom = sides[0] - margin + pad[2], sides[1] + margin + pad[2]
    left, right = sides[2] - margin + pad[0], sides[3] + margin + pad[0]
    rgba = torch.cat([image[..., :3], torch.from_numpy(own)[..., None]], 2)
    rgba = torch.nn.functional.pad(rgba, (0, 0, pad[0], pad[1], pad[2], pad[3]))
    shown = rgba[top:bottom, left:right].contiguous()
    cropped = bool(max(own[0].max(), own[-1].max(), own[:, 0].max(), own[:, -1].max()) >= INSIDE)
    place = int(left - pad[0]), int(top - pad[2])
    return Piece(shown, place, _extent(shown[..., 3].numpy()), cropped)


def _extent(alpha: np.ndarray) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a silhouette, to fractions of a pixel."""
    left, right = _ends(alpha.max(0))
    top, bottom = _ends(alpha.max(1))
    return left, top, right, bottom


def _ends(profile: np.ndarray) -> tuple[float, float]:
    """Return where a profile first rises above one half, and last falls below; a pixel
    half covered at its end counts half."""
    known = np.flatnonzero(profile >= INSIDE)
    first, last = int(known[0]), int(known[-1])
    before = float(profile[first - 1]) if first else 0.0
    after = float(profile[last + 1]) if last + 1 < len(profile) else 0.0
    start = first + (1 - float(profile[first])) - before
    end = last + float(profile[last]) + after
    return start, end
