"""Sofas: straight, cornered, curved, Chesterfields, chaises longues, frames with cushions."""

import numpy as np

from .. import looks
from ..build import Build, turn
from ..parts import Material
from ..registry import category
from .common import arc, band, corners, leg


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
    cloth = _cloth(b)
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
    back = 0.2
    with b.at((0, depth / 2 - back / 2, low), turn("x", -b.between(0, 7))):
        b.box(
            (0, 0, (tall - low) / 2),
            (2 * inner + 0.02 if arms in ("block", "round") else width, back, tall - low),
            cloth,
            round=edge,
        )
    number = seats if b.chance(0.75) else 1
    soft = looks.same_or(b, cloth, looks.fabric)
    _cushions(
        b, -inner, inner, -back / 2 - 0.01, depth - back + 0.03, seat - thick, thick, number, soft
    )
    if b.chance(0.65):
        _back_cushions(
            b, -inner, inner, depth / 2 - back - 0.03, seat - 0.03, tall - seat + 0.02, number, soft
        )
    if arms != "none":
        for side in (-1, 1):
            _arm(
                b,
                side * (width / 2 - wide / 2),
                -depth / 2,
                depth / 2,
                low,
                arm_top,
                wide,
                cloth,
                arms,
                edge,
            )
    if low:
        _feet(b, width / 2 - 0.1, depth / 2 - 0.1, low)
    if b.chance(0.4):
        _pillows(b, inner, depth / 2 - back - 0.16, seat - 0.02)


def _corner(b: Build) -> None:
    """An L: a second wing or a chaise goes forward on one side."""
    cloth = _cloth(b)
    side = b.choice(-1, 1)
    width, depth = b.between(1.9, 2.5), b.between(0.8, 0.9)
    wing, arm = b.between(0.6, 1.0), b.between(0.1, 0.2)
    seat, low, tall = b.between(0.38, 0.44), b.choice(0.0, 0.1), b.between(0.7, 0.85)
    edge, back, thick = b.between(0.02, 0.05), 0.2, 0.15
    base = seat - thick
    block = b.between(0.75, 0.95)
    wing_x, wing_y = side * (width / 2 - block / 2), -depth / 2 - wing / 2
    mid = (low + base) / 2
    b.box((0, 0, mid), (width, depth, base - low), cloth, round=edge)
    b.box((wing_x, wing_y + 0.05, mid), (block, wing + 0.1, base - low), cloth, round=edge)
    b.box((0, depth / 2 - back / 2, (low + tall) / 2), (width, back, tall - low), cloth, round=edge)
    backed = b.chance(0.6)
    inner_wing = block - (back if backed else 0.0)
    if backed:
        long = depth + wing - b.choice(0.0, 0.3)
        b.box(
            (side * (width / 2 - back / 2), depth / 2 - long / 2, (low + tall) / 2),
            (back, long, tall - low),
            cloth,
            round=edge,
        )
    end = -side * (width / 2 - arm / 2)
    _arm(
        b,
        end,
        -depth / 2,
        depth / 2,
        low,
        b.between(0.54, 0.62),
        arm,
        cloth,
        b.choice("block", "round"),
        edge,
    )
    soft = looks.same_or(b, cloth, looks.fabric)
    inside = side * (width / 2 - block)
    left, right = sorted((-side * (width / 2 - arm), inside))
    _cushions(b, left, right, -back / 2, depth - back, base, thick, b.count(1, 2), soft)
    cx = wing_x - side * (back / 2 if backed else 0.0)
    long = depth - back + wing
    rows = b.count(1, 2)
    for i in range(rows):
        y = depth / 2 - back - long * (i + 0.5) / rows
        b.box(
            (cx, y, base + thick / 2),
            (inner_wing, long / rows * 0.985, thick),
            soft,
            round=0.4 * thick,
        )
    if b.chance(0.6):
        _back_cushions(
            b,
            left,
            right,
            depth / 2 - back - 0.04,
            seat - 0.03,
            tall - seat + 0.04,
            b.count(1, 2),
            soft,
        )
    if low:
        for x, y in (
            (-side * (width / 2 - 0.1), -depth / 2 + 0.1),
            (-side * (width / 2 - 0.1), depth / 2 - 0.1),
            (side * (width / 2 - 0.1), depth / 2 - 0.1),
            (side * (width / 2 - 0.1), -depth / 2 - wing + 0.15),
            (side * (width / 2 - block + 0.1), -depth / 2 - wing + 0.15),
        ):
            b.cylinder((x, y, 0), (x, y, low + 0.02), 0.03, looks.dark(b))


def _rolled(b: Build) -> None:
    """A Chesterfield or a camelback: rolled arms as high as the back, or a swung top."""
    cloth = _cloth(b)
    width, depth = b.between(1.5, 2.1), b.between(0.8, 0.9)
    low, seat, tall = b.between(0.06, 0.14), 0.44, b.between(0.66, 0.78)
    roll = b.between(0.075, 0.1)
    camel = b.chance(0.45)
    b.box(
        (0, 0, (low + seat - 0.14) / 2),
        (width - 2 * roll, depth - 0.02, seat - 0.14 - low),
        cloth,
        round=0.02,
    )
    inner = width / 2 - 2 * roll
    _cushions(
        b,
        -inner,
        inner,
        -0.08,
        depth - 0.24,
        seat - 0.15,
        0.15,
        b.count(1, 3),
        looks.same_or(b, cloth, looks.fabric),
    )
    arm_top = tall - roll if not camel else tall - 0.14
    for side in (-1, 1):
        x = side * (width / 2 - roll)
        b.box(
            (x - side * 0.0, 0, (low + arm_top) / 2),
            (roll * 1.5, depth - 0.02, arm_top - low),
            cloth,
            round=0.02,
        )
        b.cylinder(
            (x, -depth / 2, arm_top), (x, depth / 2 - roll, arm_top), roll, cloth, round=0.02
        )
        b.cylinder(
            (x, -depth / 2 - 0.006, arm_top), (x, -depth / 2 + 0.02, arm_top), roll * 0.5, cloth
        )
    y = depth / 2 - roll
    if camel:
        steps = np.linspace(-1, 1, 15)
        line = [
            (float(s) * (width / 2 - roll), tall + 0.1 * float(np.cos(np.pi * s))) for s in steps
        ]
        b.extrude(
            [(-width / 2 + roll, low), (width / 2 - roll, low), *line[::-1]],
            0.14,
            cloth,
            along="y",
            center=(0, y, 0),
            round=0.03,
        )
    else:
        b.box(
            (0, y, (low + tall - roll) / 2),
            (width - 2 * roll, roll * 1.5, tall - roll - low),
            cloth,
            round=0.02,
        )
        b.cylinder(
            (-width / 2 + roll * 0.6, y, tall - roll),
            (width / 2 - roll * 0.6, y, tall - roll),
            roll,
            cloth,
            round=0.02,
        )
        if b.chance(0.7):
            for i in range(9):
                for j in range(2):
                    x = inner * 2 * ((i + 0.5 + 0.5 * j - 0.25) / 9 - 0.5)
                    b.ball((x, y - roll * 0.78, seat + 0.06 + 0.08 * j), 0.017, looks.leather(b))
    _feet(b, width / 2 - 0.12, depth / 2 - 0.1, low, 0.06)


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
        with b.at((side * x, y, 0), turn("x", 0)):
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
    _cushions(b, -inner, inner, -0.06, depth - 0.13, seat - 0.01, 0.13, seats, cloth)
    _back_cushions(b, -inner, inner, y - 0.11, seat + 0.08, tall - seat - 0.02, seats, cloth)


def _curved(b: Build) -> None:
    """A sofa along an arc, the back outside."""
    cloth = _cloth(b)
    sweep, radius = b.between(45, 75), b.between(1.2, 1.6)
    seat, low, tall, deep = 0.42, b.choice(0.0, 0.1), b.between(0.68, 0.82), b.between(0.7, 0.8)

    def ring(near: float, far: float, trim: float) -> np.ndarray:
        return band(
            arc(near, 90 - sweep + trim, 90 + sweep - trim, 14),
            arc(far, 90 - sweep + trim, 90 + sweep - trim, 14),
        )

    b.extrude(
        ring(radius - deep, radius, 0),
        seat - 0.12 - low,
        cloth,
        center=(0, 0, (low + seat - 0.12) / 2),
        round=0.02,
    )
    b.extrude(
        ring(radius - deep + 0.03, radius - 0.17, 1.5),
        0.15,
        looks.same_or(b, cloth, looks.fabric),
        center=(0, 0, seat - 0.06),
        round=0.04,
    )
    b.extrude(
        ring(radius - 0.17, radius - 0.02, 0.5),
        tall - low,
        cloth,
        center=(0, 0, (low + tall) / 2),
        round=0.04,
    )
    for i in range(5 if low else 0):
        angle = np.radians(90 - sweep + 2 * sweep * (i + 0.3) / 4.6)
        for share in (radius - deep + 0.1, radius - 0.12):
            x, y = share * np.cos(angle), share * np.sin(angle)
            b.cylinder((x, y, 0), (x, y, low + 0.03), 0.03, looks.dark(b))
    if b.chance(0.4):
        b.cylinder(
            (0, radius - deep - 0.35, 0.0), (0, radius - deep + 0.02, 0.0), 0.01, looks.dark(b)
        )
        b.cylinder(
            (0, radius - deep - 0.3, 0), (0, radius - deep - 0.3, 0.36), 0.26, cloth, round=0.05
        )


def _chaise(b: Build) -> None:
    """A chaise longue or a daybed: long, one raised end, half a back."""
    cloth = _cloth(b)
    width, depth = b.between(1.5, 1.9), b.between(0.62, 0.8)
    low, seat = b.between(0.1, 0.2), b.between(0.4, 0.46)
    side = b.choice(-1, 1)
    b.box((0, 0, (low + seat) / 2), (width, depth, seat - low - 0.04), cloth, round=0.04)
    b.box(
        (0, 0, seat),
        (width * 0.97, depth * 0.95, 0.13),
        looks.same_or(b, cloth, looks.fabric),
        round=0.05,
    )
    kind = b.choice("lean", "roll", "both")
    with b.at((side * (width / 2 - 0.1), 0, seat - 0.08), turn("y", side * b.between(12, 35))):
        b.box((0, 0, 0.24), (0.14, depth, 0.5), cloth, round=0.05)
        if kind == "roll":
            b.cylinder(
                (side * 0.02, -depth / 2, 0.46),
                (side * 0.02, depth / 2, 0.46),
                0.1,
                cloth,
                round=0.03,
            )
    if kind == "both":
        with b.at((-side * (width / 2 - 0.1), 0, seat - 0.08), turn("y", -side * 20)):
            b.box((0, 0, 0.16), (0.14, depth, 0.34), cloth, round=0.05)
    if b.chance(0.6):
        outline = [
            (-width / 2, 0),
            (width / 2, 0),
            (width / 2, 0.42),
            (0.1 * width, 0.36),
            (-0.3 * width, 0.1),
            (-width / 2, 0.04),
        ]
        outline = [(side * x, z) for x, z in outline]
        b.extrude(
            outline, 0.1, cloth, along="y", center=(0, depth / 2 - 0.05, seat - 0.06), round=0.025
        )
    if b.chance(0.5):
        b.cylinder(
            (side * (width / 2 - 0.32), -depth * 0.42, seat + 0.12),
            (side * (width / 2 - 0.32), depth * 0.42, seat + 0.12),
            0.09,
            looks.fabric(b),
            round=0.03,
        )
    _feet(b, width / 2 - 0.12, depth / 2 - 0.08, low)
