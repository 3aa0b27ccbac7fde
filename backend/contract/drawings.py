"""Drawings of an object from fixed sides, and rings of cameras: names and poses for both halves.

Sides are named as Blender names its views. The object faces -Y and stands on +Z, so "right" is
seen from +X and shows the object facing left; "top" has the front at the bottom of the image.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .cameras import CameraData
from .errors import RequestError


@dataclass(frozen=True)
class Side:
    """The viewing direction of a drawing.

    Attributes
    ----------
    azimuth : degrees about +Z from the front, towards the right
    elevation : degrees; 90 is the top
    across, down : the object's axis, 0 to 2, along the image's width and height; None: no single
        axis
    """

    azimuth: float
    elevation: float = 0.0
    across: int | None = None
    down: int | None = 2


SIDES = {
    "front": Side(0.0, 0.0, 0),
    "right": Side(90.0, 0.0, 1),
    "back": Side(180.0, 0.0, 0),
    "left": Side(270.0, 0.0, 1),
    "top": Side(0.0, 90.0, 0, 1),
    "bottom": Side(0.0, -90.0, 0, 1),
    "front-right": Side(45.0),
    "back-right": Side(135.0),
    "back-left": Side(225.0),
    "front-left": Side(315.0),
}
SIZE = 1.8  # default length of the object's longest side
RING = 8  # default number of cameras of a ring
MOST_CAMERAS = 360  # of a ring

_WORDS = {
    "front": "front",
    "anterior": "front",
    "side": "side",
    "profile": "side",
    "right": "right",
    "left": "left",
    "back": "back",
    "rear": "back",
    "behind": "back",
    "top": "top",
    "above": "top",
    "bottom": "bottom",
    "below": "bottom",
    "under": "bottom",
}


def side_of(name: str) -> Side:
    """Return the side of that name.

    Raises
    ------
    RequestError
        If there is none.
    """
    if name not in SIDES:
        raise RequestError(f"{name!r} is not a side.", f"Choose from {', '.join(SIDES)}.")
    return SIDES[name]


def parse_names(words: str) -> tuple[str, ...]:
    """Return names of sides separated by commas, such as "front,right,back"; "-" leaves one out.

    Raises
    ------
    RequestError
        If a name is not a side, or is given twice.
    """
    names = tuple(word.strip().lower() for word in words.split(","))
    check_names([name for name in names if name != "-"])
    return names


def check_names(names: Sequence[str]) -> None:
    """Raise `RequestError` if a name is not a side, or two drawings have the same."""
    for index, name in enumerate(names):
        side_of(name)
        if name in names[:index]:
            raise RequestError(
                f"Two drawings are named {name!r}.", "Give each drawing a side of its own."
            )


def name_in_file(path: str | Path) -> str:
    """Return the side that a file's name contains as a word; empty if it contains none.

    "chair_front.png" is the front, "Side View.png" the right, "back-left.jpg" between back and
    left, "left side.png" the left.
    """
    words = re.findall(r"[a-z]+", Path(path).stem.lower())
    sides = list(dict.fromkeys(_WORDS[word] for word in words if word in _WORDS))
    if len(sides) > 1 and "side" in sides:
        sides.remove("side")
    if len(sides) == 2:
        both = next((n for n in SIDES if set(n.split("-")) == set(sides)), "")
        return both
    if len(sides) != 1:
        return ""
    return "right" if sides[0] == "side" else sides[0]


def pose(azimuth: float, elevation: float, distance: float) -> np.ndarray:
    """Return (4, 4) world_from_camera, Blender's axes, looking at the origin, upright.

    Parameters
    ----------
    azimuth : degrees about +Z, 0 at -Y, 90 at +X
    elevation : degrees above the ground, -90 to 90
    distance : from the origin
    """
    a, e = math.radians(azimuth), math.radians(elevation)
    back = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
    right = np.array([math.cos(a), math.sin(a), 0.0])
    matrix = np.eye(4)
    matrix[:3, :3] = np.round(np.stack([right, np.cross(back, right), back], axis=1), 15)
    matrix[:3, 3] = matrix[:3, 2] * distance
    return matrix


def ring(
    count: int = RING,
    *,
    elevation: float = 15.0,
    focal: float = 50.0 / 36.0,
    size: tuple[int, int] = (1024, 1024),
    object_size: float = SIZE,
    center: Sequence[float] = (0.0, 0.0, 0.0),
    margin: float = 1.1,
) -> list[CameraData]:
    """Return perspective cameras in equal steps around an object, all looking at its centre.

    The first one is in front of the object (-Y), the next ones go around to its right (+X). They
    are so far away that a cube of the object's size fits into the image.

    Parameters
    ----------
    count : how many
    elevation : degrees
    focal : focal length in widths of the image
    size : width and height of the images in pixels
    object_size : length of the object's longest side
    center : of the object, world
    margin : how much wider than the object's sphere the image is

    Raises
    ------
    RequestError
        If a number is out of range.
    """
    _check_ring(count, elevation, focal, object_size)
    width, height = size
    reach = margin * object_size * math.sqrt(3) / 2
    narrow = focal * width / min(width, height)
    distance = reach / math.sin(math.atan(0.5 / narrow))
    cameras = []
    for index in range(count):
        matrix = pose(360.0 * index / count, elevation, distance)
        matrix[:3, 3] += np.asarray(center, np.float64)
        pixels = focal * width
        cameras.append(CameraData(matrix, pixels, pixels, width / 2, height / 2, width, height))
    return cameras


def _check_ring(count: int, elevation: float, focal: float, object_size: float) -> None:
    if not 1 <= count <= MOST_CAMERAS:
        raise RequestError(
            f"A ring of {count} cameras can't be made.", f"Choose 1 to {MOST_CAMERAS} cameras."
        )
    if not -89.0 <= elevation <= 89.0:
        raise RequestError(
            f"The elevation is {elevation:g} degrees.", "Choose one between -89 and 89."
        )
    if not (0.05 <= focal <= 100.0 and math.isfinite(object_size) and object_size > 0):
        raise RequestError(
            f"The focal length is {focal:g} image widths, the object's size {object_size:g}.",
            "Choose a focal length between .05 and 100, and a size above zero.",
        )
