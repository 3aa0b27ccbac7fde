"""Even out the sizes of drawings, each of which shows one object at its own scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..contract.cameras import CameraData
from ..contract.drawings import SIZE, pose, side_of
from ..contract.errors import RequestError
from .cutting import Piece

SQUARE = 0.004  # a drawing stretched by less than this keeps square pixels
TOLD = 0.02  # relative size difference above which a remark is made
WORDS = ("width", "depth", "height")
AWAY = 2.0  # distance of the cameras, in the object's longest side


@dataclass(frozen=True)
class Evened:
    """Cameras of drawings.

    Attributes
    ----------
    cameras : orthographic, one per drawing, around an object centred in the world
    sides : (3,) width, depth and height of the object
    stretched : for each drawing, the factor of its width over that of its height
    """

    cameras: tuple[CameraData, ...]
    sides: tuple[float, float, float]
    stretched: tuple[float, ...]

    def remarks(self, names: Sequence[str]) -> list[str]:
        """Return a sentence on the drawings that others contradict."""
        off = [
            f"{name} by {100 * abs(math.log(factor)):.0f} %"
            for name, factor in zip(names, self.stretched, strict=True)
            if abs(math.log(factor)) > TOLD
        ]
        if not off:
            return []
        return [f"Proportions differ between the drawings; evened out: {', '.join(off)}."]


def even_out(names: Sequence[str], pieces: Sequence[Piece], *, size: float = SIZE) -> Evened:
    """Return cameras that make all drawings show one object.

    Front, sides and back share the height; front, back and top the width; sides and top the depth.
    With s_i the scale of drawing i, w_i and h_i its size and E the object's sides, the logarithms
    of w_i = s_i E_across(i) and h_i = s_i E_down(i) are solved by least squares. Non-square pixels
    take the rest, so that all drawings have the object's size.

    Parameters
    ----------
    names : the drawings' sides, see `contract.drawings.SIDES`
    size : length of the object's longest side

    Raises
    ------
    RequestError
        If the drawings do not determine a side of the object, such as front and back alone.
    """
    sides = [side_of(name) for name in names]
    known = {axis for side in sides for axis in (side.across, side.down) if axis is not None}
    if len(known) < 3:
        missing = [word for axis, word in enumerate(WORDS) if axis not in known]
        raise RequestError(
            f"{_listed(names)} alone {'does' if len(names) == 1 else 'do'} not tell the object's "
            f"{' and '.join(missing)}.",
            "Add a drawing from another side, such as right or top.",
        )
    lengths = _solve(names, pieces, size)
    cameras, stretched = [], []
    for side, piece in zip(sides, pieces, strict=True):
        down = piece.height / lengths[side.down] if side.down is not None else 1.0
        across = piece.width / lengths[side.across] if side.across is not None else down
        stretched.append(down / across)
        if abs(math.log(across / down)) < SQUARE:
            across = down = math.sqrt(across * down)
        left, top, right, bottom = piece.box
        height, width = piece.image.shape[:2]
        matrix = pose(side.azimuth, side.elevation, AWAY * size)
        middle = (left + right) / 2, (top + bottom) / 2
        cameras.append(CameraData(matrix, across, down, *middle, width, height, "ORTHOGRAPHIC"))
    return Evened(tuple(cameras), (lengths[0], lengths[1], lengths[2]), tuple(stretched))


def _solve(names: Sequence[str], pieces: Sequence[Piece], size: float) -> np.ndarray:
    """Return the object's width, depth and height, (3,); the longest is `size`."""
    rows, values = [], []
    count = len(names)
    for index, (name, piece) in enumerate(zip(names, pieces, strict=True)):
        side = side_of(name)
        for axis, length in ((side.across, piece.width), (side.down, piece.height)):
            if axis is not None:
                row = np.zeros(count + 3)
                row[index] = row[count + axis] = 1.0
                rows.append(row)
                values.append(math.log(length))
    solved = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0][count:]
    return size * np.exp(solved - solved.max())


def _listed(names: Sequence[str]) -> str:
    words = list(names)
    text = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return text[:1].upper() + text[1:]
