"""Cabinets: wardrobes, chests of drawers, open shelves, sideboards, corner and glass cabinets."""

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from ..registry import category
from .common import HANDLES, corners, handle, leg

Bay = tuple[float, float, float, float]
"""An opening in the face of a carcass: center x, center z, width, height."""
Front = tuple[str, float, float, float, float]
"""What closes an opening, "door", "drawer" or "glass", and its place and size as a bay's."""


@category("cabinet")
def cabinet(b: Build) -> None:
    """Draw a cabinet: a carcass on feet, filled with doors, drawers and open bays."""
    kind = b.choice("mixed", "mixed", "mixed", "shelf", "dresser", "ladder")
    {"mixed": _mixed, "shelf": _shelf, "dresser": _dresser, "ladder": _lockers}[kind](b)


def _size(b: Build) -> tuple[float, float, float]:
    kind = b.choice("tall", "wide", "low", "cube")
    if kind == "tall":
        return b.between(0.5, 1.1), b.between(0.35, 0.6), b.between(1.5, 2.1)
    if kind == "wide":
        return b.between(1.3, 2.0), b.between(0.38, 0.5), b.between(0.6, 1.0)
    if kind == "low":
        return b.between(1.2, 1.9), b.between(0.35, 0.5), b.between(0.35, 0.55)
    return b.between(0.45, 0.9), b.between(0.4, 0.55), b.between(0.5, 1.0)


def _foot(b: Build, x: float, y: float, look: Material) -> None:
    """Add feet, a plinth or nothing below z = 0; the carcass reaches down to z = 0."""
    kind = b.choice("legs", "plinth", "none", "runners")
    tall = b.between(0.06, 0.2)
    if kind == "legs":
        style = b.choice("square", "tapered", "splayed", "round")
        for cx, cy in corners(x / 2 - 0.06, y / 2 - 0.06):
            out = 1.06 if style == "splayed" else 1.0
            leg(b, style, (cx, cy, 0.02), (cx * out, cy * out, -tall), 0.05, look)
    elif kind == "plinth":
        b.box((0, 0.02, -0.03), (x - 0.06, y - 0.08, 0.1), look)
    elif kind == "runners":
        for side in (-1, 1):
            b.box((side * (x / 2 - 0.05), 0, -0.03), (0.05, y, 0.1), look)


def _carcass(
    b: Build,
    x: float,
    y: float,
    z: float,
    look: Material,
    *,
    bays: list[Bay],
) -> None:
    """Add the box with open bays (center x, center z, width, height) cut from its front."""
    wall = 0.03
    with b.body():
        b.box((0, 0, z / 2), (x, y, z), look, round=b.choice(0.0, 0.01))
        for cx, cz, wide, tall in bays:
            b.box((cx, -wall, cz), (wide, y, tall), look, cut=True)


def _mixed(b: Build) -> None:
    """Columns of doors, drawers, glass and open bays in one carcass."""
    x, y, z = _size(b)
    look = b.choice(looks.wood, looks.wood, looks.white, looks.paint)(b)
    front, metal = (
        looks.same_or(b, look, looks.wood, looks.paint, looks.white),
        b.choice(looks.metal, looks.brass, looks.dark)(b),
    )
    _foot(b, x, y, looks.same_or(b, look, looks.metal, looks.dark))
    columns = max(1, round(x / b.between(0.4, 0.7)))
    wide = (x - 0.04) / columns
    pattern = [b.choice("door", "drawers", "open", "glass", "split") for _ in range(columns)]
    if b.chance(0.5):
        pattern = [pattern[min(i, columns - 1 - i)] for i in range(columns)]
    bays, fronts = [], []
    for i, kind in enumerate(pattern):
        more_bays, more_fronts = _column(b, kind, -x / 2 + 0.02 + wide * (i + 0.5), wide, z)
        bays += more_bays
        fronts += more_fronts
    _carcass(b, x, y, z, look, bays=bays)
    framed, pull = b.chance(0.5), b.choice(*HANDLES)
    for n, (kind, cx, cz, w, h) in enumerate(fronts):
        at, left = (cx, -y / 2, cz), n % 2 == 0
        _front(b, kind, at, w - 0.02, h - 0.02, front, metal, left=left, framed=framed, pull=pull)
    if b.chance(0.45):
        b.box((0, -0.01, z + 0.01), (x + 0.06, y + 0.05, 0.04), look, round=0.006)


def _column(b: Build, kind: str, x: float, wide: float, z: float) -> tuple[list[Bay], list[Front]]:
    """Return the open bays and the fronts of one column around `x` in a carcass of height `z`."""
    inside = z - 0.04
    rows = max(1, round(z / b.between(0.18, 0.35)))
    height = inside / rows
    middles = [0.02 + height * (row + 0.5) for row in range(rows)]
    if kind == "open":
        return [(x, middle, wide - 0.03, height - 0.03) for middle in middles], []
    if kind == "drawers":
        return [], [("drawer", x, middle, wide, height) for middle in middles]
    if kind == "split":
        fraction = b.between(0.4, 0.65) * inside
        bay = (x, 0.02 + fraction + (inside - fraction) / 2, wide - 0.03, inside - fraction - 0.03)
        return [bay], [("door", x, 0.02 + fraction / 2, wide, fraction)]
    return [], [(kind, x, z / 2, wide, inside)]


def _front(
    b: Build,
    kind: str,
    at: tuple[float, float, float],
    wide: float,
    tall: float,
    look: Material,
    metal: Material,
    *,
    left: bool,
    framed: bool,
    pull: str,
) -> None:
    """Add one door or drawer front at the face of the carcass, with its handle."""
    x, y, z = at
    b.box((x, y - 0.004, z), (wide, 0.026, tall), look, round=0.003)
    if kind == "glass":
        b.box((x, y - 0.008, z), (wide * 0.75, 0.026, tall * 0.86), looks.glass(b))
    elif framed:
        for side in (-1, 1):
            b.box((x + side * (wide / 2 - 0.025), y - 0.014, z), (0.05, 0.02, tall), look)
            b.box((x, y - 0.014, z + side * (tall / 2 - 0.025)), (wide, 0.02, 0.05), look)
    if kind == "drawer":
        handle(b, (x, y - 0.015, z), min(0.3, 0.5 * wide), metal, pull)
    else:
        side = 1 if left else -1
        handle(
            b,
            (x + side * (wide / 2 - 0.035), y - 0.02, z),
            min(0.22, tall * 0.3),
            metal,
            pull,
            upright=True,
        )


def _shelf(b: Build) -> None:
    """Open shelves: a grid of bays, right through or with a back."""
    x, z, y = b.between(0.6, 1.4), b.between(0.9, 2.0), b.between(0.25, 0.4)
    look = b.choice(looks.wood, looks.white, looks.paint)(b)
    columns, rows = b.count(1, 3), b.count(2, 5)
    wide, tall = (x - 0.03) / columns, (z - 0.03) / rows
    through = b.chance(0.5)
    missing = b.between(0, 0.25)
    with b.body():
        b.box((0, 0, z / 2), (x, y, z), look)
        for i in range(columns):
            for j in range(rows):
                if b.chance(missing):
                    continue
                at = (-x / 2 + 0.015 + wide * (i + 0.5), -0.02, 0.015 + tall * (j + 0.5))
                b.box(at, (wide - 0.03, y + (0.2 if through else 0), tall - 0.03), look, cut=True)
    if b.chance(0.4):
        _foot(b, x, y, looks.metal(b))
    for _ in range(b.count(0, 4)):
        i, j = b.count(0, columns - 1), b.count(0, rows - 1)
        height = tall * b.between(0.4, 0.75)
        at = (
            -x / 2 + 0.015 + wide * (i + b.between(0.3, 0.7)),
            0.02,
            0.028 + tall * j + height / 2,
        )
        b.box(at, (b.between(0.05, 0.35) * wide, y * 0.6, height), looks.paint(b))


def _dresser(b: Build) -> None:
    """A chest of drawers under a mirror or a narrower top, or a sideboard with a hutch."""
    x, y, z = b.between(0.8, 1.3), b.between(0.4, 0.5), b.between(0.7, 0.95)
    look, metal = b.choice(looks.wood, looks.white)(b), b.choice(looks.brass, looks.metal)(b)
    _foot(b, x, y, look)
    _carcass(b, x, y, z, look, bays=[])
    _drawers(b, x, y, z, look, metal)
    b.box((0, -0.01, z + 0.01), (x + 0.04, y + 0.04, 0.03), look, round=0.008)
    top = b.choice("mirror", "hutch", "rail")
    if top == "mirror":
        frame, pane = _mirror(0.7 * x, b.between(0.5, 0.7)), _mirror(0.6 * x, 0.45)
        b.extrude(frame, 0.04, look, along="y", center=(0, y / 2 - 0.05, z + 0.02))
        pane, at = np.add(pane, (0, 0.03)), (0, y / 2 - 0.06, z + 0.02)
        b.extrude(pane, 0.05, looks.glass(b), along="y", center=at)
    elif top == "hutch":
        tall, deep = b.between(0.6, 0.9), 0.55 * y
        with b.at((0, y / 2 - deep / 2, z + 0.02)):
            _hutch(b, x, deep, tall, look)
    else:
        b.box((0, y / 2 - 0.01, z + 0.06), (x, 0.025, 0.12), look)


def _drawers(b: Build, x: float, y: float, z: float, look: Material, metal: Material) -> None:
    """Fill the face of a carcass of size x, y, z with equal drawers."""
    rows, columns, pull = b.count(2, 4), b.count(1, 2), b.choice(*HANDLES)
    front = looks.same_or(b, look, looks.wood)
    wide, tall = x / columns - 0.04, (z - 0.04) / rows - 0.02
    for j in range(rows):
        for i in range(columns):
            at = (x * ((i + 0.5) / columns - 0.5), -y / 2, 0.02 + (z - 0.04) * (j + 0.5) / rows)
            _front(b, "drawer", at, wide, tall, front, metal, left=False, framed=False, pull=pull)


def _hutch(b: Build, x: float, deep: float, tall: float, look: Material) -> None:
    """Add open shelves under a cornice, standing on z = 0."""
    rows = b.count(2, 3)
    bays = [(0.0, tall * (j + 0.5) / rows, x - 0.08, tall / rows - 0.04) for j in range(rows)]
    _carcass(b, x - 0.02, deep, tall, look, bays=bays)
    b.box((0, -0.01, tall), (x + 0.04, deep + 0.04, 0.05), look, round=0.01)


def _mirror(wide: float, tall: float) -> np.ndarray:
    """Return an upright outline (M, 2) on z = 0, with an arched top."""
    outline = [(-wide / 2, 0), (wide / 2, 0), (wide / 2, 0.8 * tall)]
    outline += [
        (0.3 * wide, 0.96 * tall),
        (0, tall),
        (-0.3 * wide, 0.96 * tall),
        (-wide / 2, 0.8 * tall),
    ]
    return np.array(outline)


def _lockers(b: Build) -> None:
    """A ladder shelf that leans, or a cart on castors with open levels."""
    look, metal = (
        b.choice(looks.wood, looks.white, looks.paint)(b),
        b.choice(looks.metal, looks.dark, looks.brass)(b),
    )
    x, y, z, levels = b.between(0.5, 0.9), b.between(0.35, 0.5), b.between(0.8, 1.7), b.count(3, 5)
    closed, pull = b.count(0, levels - 2), b.choice(*HANDLES)
    pole = b.between(0.015, 0.025)
    for cx, cy in corners(x / 2 - pole, y / 2 - pole):
        b.box((cx, cy, z / 2), (2 * pole, 2 * pole, z), metal)
        b.ball((cx, cy, 0.0), 0.035, looks.dark(b))
    gap = (z - 0.12) / (levels - 1)
    for i in range(levels):
        b.box((0, 0, 0.08 + gap * i), (x, y, 0.03), look)
        if i < closed:
            height = 0.08 + gap * (i + 0.5)
            b.box((0, 0, height), (x - 4 * pole, y * 0.94, gap), look)
            _front(
                b,
                b.choice("door", "drawer"),
                (0, -y * 0.47, height),
                x - 5 * pole,
                gap - 0.06,
                look,
                metal,
                left=True,
                framed=False,
                pull=pull,
            )
    if b.chance(0.4):
        for lean in (-1, 1):
            b.box(
                (0, y / 2 - pole, z / 2),
                (0.02, 0.012, 0.97 * float(np.hypot(x - 2 * pole, z - 0.16))),
                metal,
                rotation=rotation_about(
                    "y", lean * float(np.degrees(np.arctan2(x - 2 * pole, z - 0.16)))
                ),
            )
