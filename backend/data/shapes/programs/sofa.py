"""Sofas: straight, cornered, curved, Chesterfields, chaises longues, frames with cushions."""

from dataclasses import dataclass

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from ..registry import category
from .common import arc, band
from .upholstery import (
    add_arm,
    add_back_cushions,
    add_cushions,
    add_feet,
    add_pillows,
    cover,
)

BACK = 0.2
"""How thick the back of a straight or a cornered sofa is."""
CUSHION = 0.15
"""How thick the seat cushions of a cornered sofa are."""


@category("sofa")
def sofa(b: Build) -> None:
    """Draw a sofa; one sits looking to -Y."""
    kind = b.choice(
        "straight",
        "straight",
        "straight",
        "corner",
        "corner",
        "rolled",
        "frame",
        "curved",
        "chaise",
    )
    {
        "straight": _straight,
        "corner": _corner,
        "rolled": _rolled,
        "frame": _frame,
        "curved": _curved,
        "chaise": _chaise,
    }[kind](b)


def _straight(b: Build) -> None:
    """Two to four seats in a row, with arms or without."""
    cloth = cover(b)
    seats = b.choice(2, 2, 3, 3, 4)
    width, depth = 0.62 * seats + b.between(0.25, 0.45), b.between(0.8, 0.98)
    seat, low = b.between(0.38, 0.46), b.choice(0.0, 0.06, 0.14)
    tall, wide = b.between(0.72, 0.95), b.between(0.1, 0.24)
    edge = b.between(0.02, 0.06)
    arms = b.choice("block", "block", "round", "flare", "low", "none")
    arm_top = b.between(0.54, 0.66)
    inner = width / 2 - (wide if arms != "none" else 0.0)
    thick = b.between(0.12, 0.18)
    b.box(
        (0, 0, (low + seat - thick) / 2 + 0.01),
        (width * 0.98, depth * 0.97, seat - thick - low + 0.02),
        cloth,
        round=edge,
    )
    with b.at((0, depth / 2 - BACK / 2, low), rotation_about("x", -b.between(0, 7))):
        between_arms = 2 * inner + 0.02 if arms in ("block", "round") else width
        b.box((0, 0, (tall - low) / 2), (between_arms, BACK, tall - low), cloth, round=edge)
    _straight_cushions(b, inner, depth, seat, tall, thick, seats, cloth)
    if arms != "none":
        for side in (-1, 1):
            x, half = side * (width / 2 - wide / 2), depth / 2
            add_arm(b, x, -half, half, low, arm_top, wide, cloth, arms, edge)
    if low:
        add_feet(b, width / 2 - 0.1, depth / 2 - 0.1, low)
    if b.chance(0.4):
        add_pillows(b, inner, depth / 2 - BACK - 0.16, seat - 0.02)


def _straight_cushions(
    b: Build,
    inner: float,
    depth: float,
    seat: float,
    tall: float,
    thick: float,
    seats: int,
    cloth: Material,
) -> None:
    """Add one cushion a seat or one for all, and often cushions against the back."""
    number = seats if b.chance(0.75) else 1
    soft, long = looks.same_or(b, cloth, looks.fabric), depth - BACK + 0.03
    add_cushions(b, -inner, inner, -BACK / 2 - 0.01, long, seat - thick, thick, number, soft)
    if b.chance(0.65):
        y, z = depth / 2 - BACK - 0.03, seat - 0.03
        add_back_cushions(b, -inner, inner, y, z, tall - seat + 0.02, number, soft)


@dataclass(frozen=True)
class _Corner:
    """Measures of a sofa in the form of an L: its main part and the wing that goes forward.

    Attributes
    ----------
    side : where the wing is, -1 at the left end, 1 at the right one
    wing, block : how far the wing goes forward of the main part, and how wide it is
    low, seat, tall : heights of the base's lower face, of the seat and of the back
    edge : radius of the rounded edges
    """

    side: int
    width: float
    depth: float
    wing: float
    arm: float
    seat: float
    low: float
    tall: float
    edge: float
    block: float

    @property
    def wing_x(self) -> float:
        return self.side * (self.width / 2 - self.block / 2)


def _corner(b: Build) -> None:
    """An L: a second wing or a chaise goes forward on one side."""
    cloth = cover(b)
    c = _Corner(
        side=b.choice(-1, 1),
        width=b.between(1.9, 2.5),
        depth=b.between(0.8, 0.9),
        wing=b.between(0.6, 1.0),
        arm=b.between(0.1, 0.2),
        seat=b.between(0.38, 0.44),
        low=b.choice(0.0, 0.1),
        tall=b.between(0.7, 0.85),
        edge=b.between(0.02, 0.05),
        block=b.between(0.75, 0.95),
    )
    backed = _corner_frame(b, c, cloth)
    x, half, top = -c.side * (c.width / 2 - c.arm / 2), c.depth / 2, b.between(0.54, 0.62)
    add_arm(b, x, -half, half, c.low, top, c.arm, cloth, b.choice("block", "round"), c.edge)
    _corner_cushions(b, c, backed, looks.same_or(b, cloth, looks.fabric))
    if c.low:
        _corner_feet(b, c)


def _corner_frame(b: Build, c: _Corner, look: Material) -> bool:
    """Add the base and the back; return whether the wing has a back, too."""
    base = c.seat - CUSHION
    mid, high = (c.low + base) / 2, base - c.low
    b.box((0, 0, mid), (c.width, c.depth, high), look, round=c.edge)
    wing_y = -c.depth / 2 - c.wing / 2
    b.box((c.wing_x, wing_y + 0.05, mid), (c.block, c.wing + 0.1, high), look, round=c.edge)
    y, z, tall = c.depth / 2 - BACK / 2, (c.low + c.tall) / 2, c.tall - c.low
    b.box((0, y, z), (c.width, BACK, tall), look, round=c.edge)
    backed = b.chance(0.6)
    if backed:
        long = c.depth + c.wing - b.choice(0.0, 0.3)
        at = (c.side * (c.width / 2 - BACK / 2), c.depth / 2 - long / 2, z)
        b.box(at, (BACK, long, tall), look, round=c.edge)
    return backed


def _corner_cushions(b: Build, c: _Corner, backed: bool, soft: Material) -> None:
    """Add the cushions of the main part and of the wing, and often some against the back."""
    base = c.seat - CUSHION
    inside = c.side * (c.width / 2 - c.block)
    left, right = sorted((-c.side * (c.width / 2 - c.arm), inside))
    deep = c.depth - BACK
    add_cushions(b, left, right, -BACK / 2, deep, base, CUSHION, b.count(1, 2), soft)
    x = c.wing_x - c.side * (BACK / 2 if backed else 0.0)
    wide = c.block - (BACK if backed else 0.0)
    long = c.depth - BACK + c.wing
    rows = b.count(1, 2)
    for i in range(rows):
        y = c.depth / 2 - BACK - long * (i + 0.5) / rows
        size = (wide, long / rows * 0.985, CUSHION)
        b.box((x, y, base + CUSHION / 2), size, soft, round=0.4 * CUSHION)
    if b.chance(0.6):
        y, tall = c.depth / 2 - BACK - 0.04, c.tall - c.seat + 0.04
        add_back_cushions(b, left, right, y, c.seat - 0.03, tall, b.count(1, 2), soft)


def _corner_feet(b: Build, c: _Corner) -> None:
    """Add five feet: two under the free end, three under the wing."""
    front, back, out = -c.depth / 2, c.depth / 2, c.width / 2 - 0.1
    for x, y in (
        (-c.side * out, front + 0.1),
        (-c.side * out, back - 0.1),
        (c.side * out, back - 0.1),
        (c.side * out, front - c.wing + 0.15),
        (c.side * (c.width / 2 - c.block + 0.1), front - c.wing + 0.15),
    ):
        b.cylinder((x, y, 0), (x, y, c.low + 0.02), 0.03, looks.dark(b))


def _rolled(b: Build) -> None:
    """A Chesterfield or a camelback: rolled arms as high as the back, or a swung top."""
    cloth = cover(b)
    width, depth = b.between(1.5, 2.1), b.between(0.8, 0.9)
    low, seat, tall = b.between(0.06, 0.14), 0.44, b.between(0.66, 0.78)
    roll = b.between(0.075, 0.1)
    camel = b.chance(0.45)
    base = (width - 2 * roll, depth - 0.02, seat - 0.14 - low)
    b.box((0, 0, (low + seat - 0.14) / 2), base, cloth, round=0.02)
    inner = width / 2 - 2 * roll
    number, soft = b.count(1, 3), looks.same_or(b, cloth, looks.fabric)
    add_cushions(b, -inner, inner, -0.08, depth - 0.24, seat - 0.15, 0.15, number, soft)
    for side in (-1, 1):
        top = tall - roll if not camel else tall - 0.14
        _rolled_arm(b, side * (width / 2 - roll), depth, low, top, roll, cloth)
    y = depth / 2 - roll
    if camel:
        _camel_back(b, y, width / 2 - roll, low, tall, cloth)
    else:
        _rolled_back(b, y, width, low, tall, roll, cloth)
        if b.chance(0.7):
            _buttons(b, inner, y - roll * 0.78, seat + 0.06)
    add_feet(b, width / 2 - 0.12, depth / 2 - 0.1, low, 0.06)


def _rolled_arm(
    b: Build, x: float, depth: float, low: float, top: float, roll: float, look: Material
) -> None:
    """Add an arm at `x` with a roll around height `top`, closed in front by a disc."""
    front, back = -depth / 2, depth / 2
    size = (roll * 1.5, depth - 0.02, top - low)
    b.box((x, 0, (low + top) / 2), size, look, round=0.02)
    b.cylinder((x, front, top), (x, back - roll, top), roll, look, round=0.02)
    b.cylinder((x, front - 0.006, top), (x, front + 0.02, top), roll * 0.5, look)


def _camel_back(b: Build, y: float, half: float, low: float, tall: float, look: Material) -> None:
    """Add a back of half width `half` whose top swings up in the middle."""
    steps = np.linspace(-1, 1, 15)
    top = [(float(s) * half, tall + 0.1 * float(np.cos(np.pi * s))) for s in steps]
    outline = [(-half, low), (half, low), *top[::-1]]
    b.extrude(outline, 0.14, look, along="y", center=(0, y, 0), round=0.03)


def _rolled_back(
    b: Build, y: float, width: float, low: float, tall: float, roll: float, look: Material
) -> None:
    size = (width - 2 * roll, roll * 1.5, tall - roll - low)
    b.box((0, y, (low + tall - roll) / 2), size, look, round=0.02)
    half, z = width / 2 - roll * 0.6, tall - roll
    b.cylinder((-half, y, z), (half, y, z), roll, look, round=0.02)


def _buttons(b: Build, inner: float, y: float, z: float) -> None:
    """Add two rows of buttons, staggered, from x = -inner to inner."""
    for i in range(9):
        for j in range(2):
            x = inner * 2 * ((i + 0.5 + 0.5 * j - 0.25) / 9 - 0.5)
            b.ball((x, y, z + 0.08 * j), 0.017, looks.leather(b))


def _frame(b: Build) -> None:
    """A frame of wood or steel that carries loose cushions: open arms, a slatted back."""
    look, cloth = b.choice(looks.wood, looks.wood, looks.metal, looks.dark)(b), looks.fabric(b)
    seats = b.count(2, 3)
    width, depth = 0.6 * seats + 0.15, b.between(0.72, 0.85)
    seat, tall, thick = b.between(0.3, 0.36), b.between(0.7, 0.82), b.between(0.03, 0.05)
    x, y = width / 2 - thick / 2, depth / 2 - thick / 2
    b.box((0, 0, seat - 0.03), (width, depth, 0.05), look)
    arm = b.between(0.52, 0.6)
    for side in (-1, 1):
        b.box((side * x, -y, arm / 2), (thick, thick, arm), look)
        with b.at((side * x, y, 0), rotation_about("x", 0)):
            b.box((0, 0, tall / 2), (thick, thick, tall), look)
        b.box((side * x, 0, arm), (thick * 1.8, depth, thick * 0.8), look, round=0.008)
        if b.chance(0.4):
            for i in range(4):
                b.box(
                    (side * x, depth * (i - 1.5) / 5, (arm + seat) / 2),
                    (0.018, 0.025, arm - seat),
                    look,
                )
    b.box((0, y, tall - 0.03), (width, thick * 0.8, 0.06), look)
    for i in range(b.choice(0, 6, 10) * seats // 2):
        count = 5 * seats
        b.box(
            (width * ((i % count + 0.5) / count - 0.5), y, (tall + seat) / 2),
            (0.025, 0.015, tall - seat),
            look,
        )
    inner = width / 2 - thick * 1.2
    b.box((0, y, (tall + seat) / 2), (width, 0.02, 0.05), look)
    add_cushions(b, -inner, inner, -0.06, depth - 0.13, seat - 0.01, 0.13, seats, cloth)
    add_back_cushions(b, -inner, inner, y - 0.11, seat + 0.08, tall - seat - 0.02, seats, cloth)


def _curved(b: Build) -> None:
    """A sofa along an arc, the back outside."""
    cloth = cover(b)
    sweep, radius = b.between(45, 75), b.between(1.2, 1.6)
    seat, low, tall, deep = 0.42, b.choice(0.0, 0.1), b.between(0.68, 0.82), b.between(0.7, 0.8)
    near = radius - deep

    def ring(inner: float, outer: float, trim: float) -> np.ndarray:
        start, stop = 90 - sweep + trim, 90 + sweep - trim
        return band(arc(inner, start, stop, 14), arc(outer, start, stop, 14))

    base, mid = seat - 0.12 - low, (low + seat - 0.12) / 2
    b.extrude(ring(near, radius, 0), base, cloth, center=(0, 0, mid), round=0.02)
    cushion = ring(near + 0.03, radius - 0.17, 1.5)
    soft = looks.same_or(b, cloth, looks.fabric)
    b.extrude(cushion, 0.15, soft, center=(0, 0, seat - 0.06), round=0.04)
    back = ring(radius - 0.17, radius - 0.02, 0.5)
    b.extrude(back, tall - low, cloth, center=(0, 0, (low + tall) / 2), round=0.04)
    for i in range(5 if low else 0):
        angle = np.radians(90 - sweep + 2 * sweep * (i + 0.3) / 4.6)
        for fraction in (near + 0.1, radius - 0.12):
            x, y = fraction * np.cos(angle), fraction * np.sin(angle)
            b.cylinder((x, y, 0), (x, y, low + 0.03), 0.03, looks.dark(b))
    if b.chance(0.4):
        _ottoman(b, near, cloth)


def _ottoman(b: Build, near: float, look: Material) -> None:
    """Put a round stool before the seat's edge at y = `near`, held to it by a bar on the floor."""
    b.cylinder((0, near - 0.35, 0.0), (0, near + 0.02, 0.0), 0.01, looks.dark(b))
    b.cylinder((0, near - 0.3, 0), (0, near - 0.3, 0.36), 0.26, look, round=0.05)


def _chaise(b: Build) -> None:
    """A chaise longue or a daybed: long, one raised end, half a back."""
    cloth = cover(b)
    width, depth = b.between(1.5, 1.9), b.between(0.62, 0.8)
    low, seat = b.between(0.1, 0.2), b.between(0.4, 0.46)
    side = b.choice(-1, 1)
    b.box((0, 0, (low + seat) / 2), (width, depth, seat - low - 0.04), cloth, round=0.04)
    soft = looks.same_or(b, cloth, looks.fabric)
    b.box((0, 0, seat), (width * 0.97, depth * 0.95, 0.13), soft, round=0.05)
    _raised_ends(b, side, width, depth, seat, cloth)
    if b.chance(0.6):
        _half_back(b, side, width, depth, seat, cloth)
    if b.chance(0.5):
        x, half = side * (width / 2 - 0.32), depth * 0.42
        bolster = looks.fabric(b)
        b.cylinder((x, -half, seat + 0.12), (x, half, seat + 0.12), 0.09, bolster, round=0.03)
    add_feet(b, width / 2 - 0.12, depth / 2 - 0.08, low)


def _raised_ends(
    b: Build, side: int, width: float, depth: float, seat: float, look: Material
) -> None:
    """Raise the end on a side, perhaps with a roll on top, perhaps the other end, too."""
    kind = b.choice("lean", "roll", "both")
    x, z = width / 2 - 0.1, seat - 0.08
    with b.at((side * x, 0, z), rotation_about("y", side * b.between(12, 35))):
        b.box((0, 0, 0.24), (0.14, depth, 0.5), look, round=0.05)
        if kind == "roll":
            front, back = (side * 0.02, -depth / 2, 0.46), (side * 0.02, depth / 2, 0.46)
            b.cylinder(front, back, 0.1, look, round=0.03)
    if kind == "both":
        with b.at((-side * x, 0, z), rotation_about("y", -side * 20)):
            b.box((0, 0, 0.16), (0.14, depth, 0.34), look, round=0.05)


def _half_back(
    b: Build, side: int, width: float, depth: float, seat: float, look: Material
) -> None:
    """Add a back that falls from the raised end to the seat."""
    outline = [
        (-width / 2, 0),
        (width / 2, 0),
        (width / 2, 0.42),
        (0.1 * width, 0.36),
        (-0.3 * width, 0.1),
        (-width / 2, 0.04),
    ]
    outline = [(side * x, z) for x, z in outline]
    b.extrude(outline, 0.1, look, along="y", center=(0, depth / 2 - 0.05, seat - 0.06), round=0.025)
