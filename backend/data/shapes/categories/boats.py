"""Small and sailing vessels: sloops, square riggers, motor boats, rowing boats, catamarans."""

import math

import numpy as np

from .. import looks
from ..build import Build, turn
from .hulls import add_deckhouse, add_hull, add_mast, deck_plan


def sail(b: Build) -> None:
    """A sloop, a ketch or a dinghy under sail."""
    hull, canvas, spar = (
        b.choice(looks.white, looks.paint, looks.wood)(b),
        looks.white(b) if b.chance(0.7) else looks.paint(b),
        b.choice(looks.metal, looks.wood)(b),
    )
    length, wide, deep = b.between(1.1, 1.5), b.between(0.32, 0.44), b.between(0.12, 0.18)
    add_hull(b, length, wide, deep, hull, sharp=0.55, stern=b.between(0.4, 0.75))
    with b.body():
        b.extrude(
            deck_plan(length * 0.97, wide * 0.95, sharp=0.55, stern=0.6),
            0.03,
            looks.wood(b),
            center=(0, 0, 0.0),
        )
        b.box(
            (0, 0.26 * length, 0.01),
            (wide * 0.5, 0.24 * length, 0.08),
            looks.dark(b),
            round=0.01,
            cut=True,
        )
    if b.chance(0.7):
        fin = [
            (-0.1 * length, -deep + 0.02),
            (0.1 * length, -deep + 0.02),
            (0.07 * length, -deep - 0.22),
            (-0.03 * length, -deep - 0.22),
        ]
        b.extrude(fin, 0.03, looks.dark(b), along="x")
        b.extrude(
            [
                (0.44 * length, -0.03),
                (0.52 * length, -0.03),
                (0.5 * length, -deep - 0.12),
                (0.45 * length, -deep - 0.12),
            ],
            0.02,
            looks.dark(b),
            along="x",
        )
    if b.chance(0.7):
        add_deckhouse(
            b,
            -0.02 * length,
            0.01,
            (wide * 0.52, 0.34 * length, 0.07),
            looks.white(b),
            looks.glass(b),
            lean=25,
        )
    masts = [(-0.1 * length, b.between(1.2, 1.6))]
    if b.chance(0.3):
        masts.append((0.3 * length, masts[0][1] * 0.65))
    swing = b.between(-18, 18)
    for i, (y, tall) in enumerate(masts):
        add_mast(b, y, 0, tall, spar)
        boom = b.between(0.36, 0.46) * length * (1.0 if i == 0 else 0.6)
        with b.at((0, y, 0.13), turn("z", swing)):
            b.rod((0, 0, 0), (0, boom, 0), 0.011, spar)
            gaff = b.chance(0.25)
            top = [(0.05 * boom, 0.92 * (tall - 0.13)), (0.0, 0.92 * (tall - 0.13))]
            if gaff:
                top = [(0.6 * boom, 0.9 * (tall - 0.13)), (0.0, 0.62 * (tall - 0.13))]
                b.rod((0, 0, top[1][1]), (0, *top[0]), 0.009, spar)
            belly = [(0.72 * boom, 0.36 * tall)] if not gaff else []
            b.extrude([(0.0, 0.0), (boom * 0.98, 0.0), *belly, *top], 0.012, canvas, along="x")
    if b.chance(0.8):
        y, tall = masts[0]
        front, head = -length / 2 + 0.02, b.between(0.75, 0.97) * tall
        b.rod((0, front, 0.015), (0, y, head), 0.005, spar)
        with b.at((0, front, 0.03), turn("z", swing * 0.5)):
            reach = (y - front) * b.between(0.85, 1.25)
            lean = (y - front) / head
            b.extrude(
                [
                    (0.0, 0.0),
                    (reach, 0.05),
                    (lean * head * 0.95 * math.cos(math.radians(swing)), head * 0.92),
                ],
                0.01,
                canvas,
                along="x",
            )


def rigger(b: Build) -> None:
    """A square rigger: two or three masts with yards, a high stern, a bowsprit."""
    hull, canvas, spar = (
        looks.wood(b),
        looks.white(b) if b.chance(0.8) else looks.fabric(b),
        looks.wood(b),
    )
    length, wide, deep = b.between(1.3, 1.7), b.between(0.32, 0.42), b.between(0.2, 0.28)
    add_hull(b, length, wide, deep, hull, sharp=0.35, stern=0.75, layers=4, sheer=0.25)
    castle = b.between(0.1, 0.2)
    plan = deck_plan(length, wide, sharp=0.35, stern=0.75)
    stern = plan[np.abs(plan[:, 1] - length / 2) < 0.31 * length]
    b.extrude(stern, castle + 0.05, hull, center=(0, 0, castle / 2 + 0.02))
    b.extrude(
        [
            (-length / 2 + 0.03, -0.05),
            (-length / 2 + 0.2, -0.02),
            (-length / 2 + 0.2, 0.08),
            (-length / 2, 0.09),
        ],
        0.12,
        hull,
        along="x",
    )
    b.rod((0, -length / 2 + 0.1, 0.04), (0, -length / 2 - 0.32, 0.2), 0.016, spar)
    masts, tall = b.count(2, 3), b.between(1.0, 1.3)
    furled = b.chance(0.25)
    for i in range(masts):
        y = length * (-0.28 + 0.58 * i / (masts - 1))
        height = tall * (1.0 if i == masts // 2 else 0.86)
        add_mast(b, y, 0, height, spar, 0.02)
        rows = b.count(2, 4)
        for j in range(rows):
            z = height * (0.3 + 0.62 * j / max(rows - 1, 1))
            half = wide * (0.95 - 0.4 * j / rows)
            b.rod((-half, y - 0.02, z), (half, y - 0.02, z), 0.009, spar)
            drop = height * 0.62 / rows * 0.8
            if furled:
                b.rod(
                    (-half * 0.9, y - 0.03, z - 0.01),
                    (half * 0.9, y - 0.03, z - 0.01),
                    0.022,
                    canvas,
                )
                continue
            lower = half * 1.15
            with b.at((0, y - 0.02, z), turn("x", -7)):
                b.extrude(
                    [
                        (-half * 0.95, 0.0),
                        (half * 0.95, 0.0),
                        (lower, -drop),
                        (0, -drop * 0.9),
                        (-lower, -drop),
                    ],
                    0.014,
                    canvas,
                    along="y",
                )
        b.cylinder((0, y, 0.55 * height), (0, y, 0.58 * height), 0.045, spar)
        for side in (-1, 1):
            b.rod((side * wide * 0.46, y + 0.06, 0.02), (0, y, 0.78 * height), 0.004, spar)
    if b.chance(0.6):
        head = tall * 0.7
        b.extrude(
            [(-length / 2 - 0.28, 0.19), (-0.3 * length, 0.14), (-0.285 * length, head)],
            0.01,
            canvas,
            along="x",
        )
    if b.chance(0.5):
        for i in range(5):
            for side in (-1, 1):
                b.cylinder(
                    (side * wide * 0.3, length * (0.08 * i - 0.12), -0.04),
                    (side * wide * 0.56, length * (0.08 * i - 0.12), -0.04),
                    0.014,
                    looks.dark(b),
                )


def speed(b: Build) -> None:
    """A motor boat: a planing hull with a windscreen, seats, an outboard or a tower."""
    hull, trim, dark, glass = (
        b.choice(looks.white, looks.paint)(b),
        looks.paint(b),
        looks.dark(b),
        looks.glass(b),
    )
    length, wide, deep = b.between(1.2, 1.6), b.between(0.42, 0.52), b.between(0.16, 0.22)
    plan = deck_plan(length, wide, sharp=0.6, stern=0.92)
    with b.body():
        b.extrude(plan, deep, hull, center=(0, 0, -deep / 2 + 0.02))
        b.extrude(
            [
                (-0.8 * length, -0.32 * deep),
                (-0.46 * length, -0.32 * deep),
                (-0.22 * length, -deep),
                (-0.22 * length, -2 * deep),
                (-0.8 * length, -2 * deep),
            ],
            2,
            hull,
            along="x",
            cut=True,
        )
        b.box(
            (0, 0.2 * length, 0.04), (wide * 0.76, 0.46 * length, 0.2), trim, round=0.02, cut=True
        )
    b.extrude(plan * [1.015, 1.005], 0.025, trim, center=(0, 0, -0.35 * deep))
    with b.at((0, -0.05 * length, 0.01), turn("x", -40)):
        b.box((0, 0, 0.08), (wide * 0.8, 0.015, 0.17), glass)
    for y in (0.1, 0.3) if b.chance(0.6) else (0.14,):
        for x in (-0.18, 0.18):
            b.box((x * wide, y * length, -0.03), (wide * 0.28, 0.13, 0.09), trim, round=0.02)
            b.box((x * wide, y * length + 0.06, 0.04), (wide * 0.28, 0.03, 0.17), trim, round=0.012)
    kind = b.choice("outboard", "two", "inboard")
    for x in {"outboard": (0.0,), "two": (-0.1, 0.1), "inboard": ()}[kind]:
        b.box((x, 0.5 * length + 0.05, 0.05), (0.1, 0.13, 0.16), dark, round=0.03)
        b.box((x, 0.5 * length + 0.06, -0.14), (0.035, 0.06, 0.3), dark, round=0.01)
        b.ellipsoid((x, 0.5 * length + 0.06, -0.26), (0.03, 0.09, 0.03), dark)
        b.box((x, 0.5 * length, 0.0), (0.06, 0.06, 0.06), dark)
    if b.chance(0.35):
        for side_x in (-1, 1):
            b.path(
                [
                    (side_x * wide * 0.42, 0.12 * length, 0.0),
                    (side_x * wide * 0.36, 0.06 * length, 0.34),
                    (0, 0.05 * length, 0.36),
                ],
                0.013,
                looks.metal(b),
            )
    if b.chance(0.4):
        b.path(
            [
                (-wide * 0.3, -0.2 * length, 0.02),
                (-wide * 0.28, -0.22 * length, 0.08),
                (0, -0.44 * length, 0.09),
                (wide * 0.28, -0.22 * length, 0.08),
                (wide * 0.3, -0.2 * length, 0.02),
            ],
            0.008,
            looks.metal(b),
        )


def row(b: Build) -> None:
    """A rowing boat, a canoe or a kayak, open, with benches and oars or paddles."""
    hull, inside = b.choice(looks.wood, looks.paint)(b), looks.wood(b)
    canoe = b.chance(0.5)
    length, wide, deep = (
        b.between(1.2, 1.6),
        b.between(0.3, 0.36) if canoe else b.between(0.42, 0.52),
        b.between(0.14, 0.2),
    )
    stretch = (wide / 2, length / 2, deep)
    with b.body():
        if canoe:
            b.ellipsoid((0, 0, 0), stretch, hull)
            b.ellipsoid(
                (0, 0, 0.02),
                (stretch[0] - 0.022, stretch[1] - 0.05, stretch[2] - 0.01),
                inside,
                cut=True,
            )
            b.box((0, 0, 0.5), (1, 3, 0.98), inside, cut=True)
        else:
            outline = deck_plan(length, wide, sharp=0.5, stern=0.7)
            for i in range(3):
                grow = (0.72, 0.88, 1.0)[i]
                b.extrude(
                    outline * [grow, 0.94 + 0.03 * i],
                    deep / 3 + 0.003,
                    hull,
                    center=(0, 0, -deep + deep * (i + 0.5) / 3),
                )
            b.extrude(outline * [0.86, 0.94], deep * 1.3, inside, center=(0, 0, 0.0), cut=True)
            b.extrude(outline * [0.62, 0.86], deep * 1.72, inside, center=(0, 0, 0.0), cut=True)
    seats = b.count(2, 3)
    for i in range(seats):
        y = length * (-0.24 + 0.5 * i / (seats - 1))
        reach = wide * math.sqrt(max(1 - (2 * y / length) ** 2, 0.05))
        b.box((0, y, -0.25 * deep), (reach * 0.96, 0.09, 0.025), inside)
    if not canoe or b.chance(0.4):
        y = length * 0.04
        for side in (-1, 1):
            x = side * wide * 0.49
            b.cylinder((x, y, -0.03), (x, y, 0.045), 0.014, looks.metal(b))
            b.rod(
                (side * 0.05, y + 0.02, 0.09),
                (side * (wide / 2 + 0.42), y - 0.03, -0.1),
                0.012,
                inside,
            )
            b.ellipsoid((side * (wide / 2 + 0.48), y - 0.035, -0.13), (0.1, 0.035, 0.03), inside)
    else:
        b.rod((wide * 0.3, -0.3 * length, -0.02), (-wide * 0.1, 0.3 * length, 0.0), 0.011, inside)
        b.ellipsoid((wide * 0.33, -0.36 * length, -0.025), (0.035, 0.1, 0.012), inside)


def catamaran(b: Build) -> None:
    """Two slim hulls under a deck, with a sail or a cabin."""
    hull, glass, spar = (
        looks.white(b) if b.chance(0.6) else looks.paint(b),
        looks.glass(b),
        looks.metal(b),
    )
    length, wide = b.between(1.2, 1.5), b.between(0.6, 0.75)
    for side in (-1, 1):
        with b.at((side * wide / 2, 0, 0)):
            add_hull(b, length, 0.16, 0.17, hull, sharp=0.5, stern=0.6, sheer=0.0)
    b.box((0, 0.1 * length, 0.005), (wide + 0.02, 0.55 * length, 0.03), hull, round=0.008)
    b.rod((-wide / 2, -0.35 * length, -0.01), (wide / 2, -0.35 * length, -0.01), 0.014, spar)
    if b.chance(0.6):
        add_deckhouse(
            b, 0.06 * length, 0.01, (wide * 0.8, 0.36 * length, 0.13), hull, glass, lean=40
        )
    tall = b.between(1.2, 1.5)
    add_mast(b, -0.05 * length, 0.02, tall, spar, 0.016)
    canvas = looks.white(b) if b.chance(0.6) else looks.paint(b)
    with b.at((0, -0.05 * length, 0.2), turn("z", b.between(-15, 15))):
        boom = 0.45 * length
        b.rod((0, 0, 0), (0, boom, 0), 0.011, spar)
        b.extrude(
            [
                (0, 0),
                (boom, 0),
                (0.7 * boom, 0.5 * tall),
                (0.12 * boom, 0.84 * tall),
                (0, 0.84 * tall),
            ],
            0.012,
            canvas,
            along="x",
        )
    if b.chance(0.7):
        b.rod((0, -0.35 * length, 0.0), (0, -0.05 * length, 0.9 * tall), 0.005, spar)
        b.extrude(
            [(-0.34 * length, 0.03), (-0.07 * length, 0.1), (-0.06 * length, 0.85 * tall)],
            0.01,
            canvas,
            along="x",
        )
