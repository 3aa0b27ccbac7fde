"""Widen drawings to the whole volume: beyond an image's border, space is unknown, not empty."""

import math
from collections.abc import Sequence
from dataclasses import replace

from torch.nn.functional import pad

from ..contract.cameras import CameraData
from ..contract.drawings import SIDES, SIZE
from .cutting import Piece
from .sizes import Evened

BEYOND = 1.04  # half the frame's side, in half sides of the volume


def framed(
    names: Sequence[str], pieces: Sequence[Piece], evened: Evened
) -> tuple[tuple[Piece, ...], Evened]:
    """Return pieces and cameras whose images show the whole volume around the object."""
    half = BEYOND * max(evened.sides) / SIZE
    shown, cameras = [], []
    for name, piece, camera in zip(names, pieces, evened.cameras, strict=True):
        corner = math.sqrt(2.0) if SIDES[name].azimuth % 90 else 1.0
        wider, moved = _widened(piece, camera, half * corner, half)
        shown.append(wider)
        cameras.append(moved)
    return tuple(shown), replace(evened, cameras=tuple(cameras))


def _widened(
    piece: Piece, camera: CameraData, across: float, down: float
) -> tuple[Piece, CameraData]:
    """Return a piece padded with transparency, `half` units to all sides of its middle."""
    x, y = across * camera.fl_x, down * camera.fl_y
    left, top = (max(math.ceil(v), 0) for v in (x - camera.cx, y - camera.cy))
    right = max(math.ceil(x - (camera.w - camera.cx)), 0)
    bottom = max(math.ceil(y - (camera.h - camera.cy)), 0)
    image = pad(piece.image, (0, 0, left, right, top, bottom))
    box = piece.box
    wider = replace(
        piece,
        image=image,
        place=(piece.place[0] - left, piece.place[1] - top),
        box=(box[0] + left, box[1] + top, box[2] + left, box[3] + top),
    )
    moved = replace(
        camera,
        cx=camera.cx + left,
        cy=camera.cy + top,
        w=camera.w + left + right,
        h=camera.h + top + bottom,
    )
    return wider, moved
