"""Vessels, bow to -Y: under sail or oars, motor boats, freighters, liners, tugs, warships."""

import math

import numpy as np

from .. import looks
from ..build import Build, turn
from ..parts import Material
from ..registry import category


@category("vessel")
def vessel(b: Build) -> None:
    """Draw a ship or a boat."""
    kind = b.choice(
        "sail",
        "sail",
        "rigger",
        "speed",
        "yacht",
        "freighter",
        "liner",
        "tug",
        "warship",
        "row",
        "submarine",
        "catamaran",
    )
    {
        "sail": _sail,
        "rigger": _rigger,
        "speed": _speed,
        "yacht": _yacht,
        "freighter": _freighter,
        "liner": _liner,
        "tug": _tug,
        "warship": _warship,
        "row": _row,
        "submarine": _submarine,
        "catamaran": _catamaran,
    }[kind](b)


def _plan(length: float, wide: float, *, sharp: float, stern: float, steps: int = 7) -> np.ndarray:
    """Return a deck outline (M, 2), bow at -y; `sharp` is the bow's share, `stern` its width."""
    t = np.linspace(0, 1, steps)
    y = -length / 2 + length * sharp * t
    x = wide / 2 * np.sin(t * math.pi / 2) ** 0.9
    x = np.append(x, [wide / 2, wide / 2 * (0.35 + 0.65 * stern), wide / 2 * stern])
    y = np.append(y, [length * 0.2, length * 0.42, length / 2])
    right = np.stack([x, y], 1)
    left = right[1:][::-1] * [-1, 1]
    return np.concatenate([right, left])


def _hull(
    b: Build,
    length: float,
    wide: float,
    deep: float,
    look: Material,
    *,
    sharp: float = 0.4,
    stern: float = 0.7,
    layers: int = 3,
    sheer: float = 0.12,
) -> None:
    """Add a hull from the keel z = -deep to the deck z = 0: deck plans that shrink downwards."""
    for i in range(layers):
        share = (i + 1) / layers
        grow = 0.62 + 0.38 * math.sin(share * math.pi / 2)
        plan = _plan(length * (0.9 + 0.1 * share), wide * grow, sharp=sharp, stern=stern)
        low, high = -deep * (1 - i / layers), -deep * (1 - share)
        b.extrude(plan, high - low + 0.004, look, center=(0, 0, (low + high) / 2))
    if sheer:
        _raised(b, length, wide, sheer * deep, look, sharp, stern)


def _raised(
    b: Build, length: float, wide: float, tall: float, look: Material, sharp: float, stern: float
) -> None:
    """Add a bulwark around the deck: the deck's outline with its inside cut out."""
    plan = _plan(length, wide, sharp=sharp, stern=stern)
    with b.body():
        b.extrude(plan, tall + 0.02, look, center=(0, 0, tall / 2 - 0.01))
        b.extrude(
            plan * [0.93, 0.96] + [0, 0.006 * length],
            tall + 0.1,
            look,
            center=(0, 0, tall / 2 + 0.055),
            cut=True,
        )


def _house(
    b: Build,
    y: float,
    z: float,
    size: tuple[float, float, float],
    look: Material,
    glass: Material,
    *,
    lean: float = 0.0,
) -> None:
    """Add a deckhouse on z with a band of windows; its front leans back by degrees."""
    wide, long, tall = size
    shift = math.tan(math.radians(lean)) * tall
    outline = [
        (y - long / 2, z - 0.01),
        (y - long / 2 + shift, z + tall),
        (y + long / 2, z + tall),
        (y + long / 2, z - 0.01),
    ]
    b.extrude(outline, wide, look, along="x", round=0.01)
    middle = (y + shift / 2, z + 0.62 * tall)
    b.box((0, *middle), (wide + 0.012, (long - shift) * 0.86, 0.3 * tall), glass)
    with b.at((0, y - long / 2 + shift * 0.62, z + 0.62 * tall), turn("x", -lean)):
        b.box((0, -0.008, 0), (wide * 0.86, 0.016, 0.32 * tall), glass)


def _mast(b: Build, y: float, z: float, tall: float, look: Material, radius: float = 0.014) -> None:
    b.cone((0, y, z - 0.02), (0, y, z + tall), radius, radius * 0.5, look)


def _funnel(
    b: Build, y: float, z: float, tall: float, radius: float, look: Material, dark: Material
) -> None:
    lean = b.between(0, 0.12) * tall
    b.cone((0, y, z - 0.02), (0, y + lean, z + tall), radius, radius * 0.9, look)
    b.cylinder(
        (0, y + lean * 0.9, z + tall * 0.86),
        (0, y + lean * 1.05, z + tall * 1.05),
        radius * 0.97,
        dark,
    )


def _sail(b: Build) -> None:
    """A sloop, a ketch or a dinghy under sail."""
    hull, canvas, spar = (
        b.choice(looks.white, looks.paint, looks.wood)(b),
        looks.white(b) if b.chance(0.7) else looks.paint(b),
        b.choice(looks.metal, looks.wood)(b),
    )
    length, wide, deep = b.between(1.1, 1.5), b.between(0.32, 0.44), b.between(0.12, 0.18)
    _hull(b, length, wide, deep, hull, sharp=0.55, stern=b.between(0.4, 0.75))
    with b.body():
        b.extrude(
            _plan(length * 0.97, wide * 0.95, sharp=0.55, stern=0.6),
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
        _house(
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
        _mast(b, y, 0, tall, spar)
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


def _rigger(b: Build) -> None:
    """A square rigger: two or three masts with yards, a high stern, a bowsprit."""
    hull, canvas, spar = (
        looks.wood(b),
        looks.white(b) if b.chance(0.8) else looks.fabric(b),
        looks.wood(b),
    )
    length, wide, deep = b.between(1.3, 1.7), b.between(0.32, 0.42), b.between(0.2, 0.28)
    _hull(b, length, wide, deep, hull, sharp=0.35, stern=0.75, layers=4, sheer=0.25)
    castle = b.between(0.1, 0.2)
    plan = _plan(length, wide, sharp=0.35, stern=0.75)
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
        _mast(b, y, 0, height, spar, 0.02)
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


def _speed(b: Build) -> None:
    """A motor boat: a planing hull with a windscreen, seats, an outboard or a tower."""
    hull, trim, dark, glass = (
        b.choice(looks.white, looks.paint)(b),
        looks.paint(b),
        looks.dark(b),
        looks.glass(b),
    )
    length, wide, deep = b.between(1.2, 1.6), b.between(0.42, 0.52), b.between(0.16, 0.22)
    plan = _plan(length, wide, sharp=0.6, stern=0.92)
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


def _yacht(b: Build) -> None:
    """A motor yacht: decks that step back, raked fronts, an arch with a mast."""
    hull, glass = looks.white(b) if b.chance(0.75) else looks.paint(b), looks.glass(b)
    length, wide, deep = b.between(1.5, 2.0), b.between(0.38, 0.48), b.between(0.2, 0.28)
    _hull(b, length, wide, deep, hull, sharp=0.5, stern=0.85)
    levels = b.count(1, 3)
    z, long, y = 0.0, b.between(0.5, 0.62) * length, 0.04 * length
    for i in range(levels):
        tall = b.between(0.11, 0.15)
        _house(
            b,
            y,
            z,
            (wide * (0.8 - 0.1 * i), long, tall),
            looks.white(b),
            glass,
            lean=b.between(35, 58),
        )
        z += tall
        b.extrude(
            _plan(long * 1.06, wide * (0.86 - 0.1 * i), sharp=0.3, stern=0.9),
            0.02,
            hull,
            center=(0, y + 0.02 * length, z),
        )
        long *= b.between(0.55, 0.72)
        y += 0.05 * length
    for side in (-1, 1):
        b.rod(
            (side * wide * 0.25, y + long * 0.2, z),
            (side * wide * 0.18, y + long * 0.4, z + 0.16),
            0.016,
            hull,
        )
    b.rod(
        (-wide * 0.18, y + long * 0.4, z + 0.16),
        (wide * 0.18, y + long * 0.4, z + 0.16),
        0.016,
        hull,
    )
    _mast(b, y + long * 0.4, z + 0.15, 0.18, looks.metal(b), 0.01)
    b.ball((0.06, y + long * 0.4, z + 0.19), 0.035, looks.white(b))
    _rail(b, length, wide, looks.metal(b))


def _rail(b: Build, length: float, wide: float, look: Material) -> None:
    """Add a rail around the bow."""
    plan = _plan(length * 0.97, wide * 0.92, sharp=0.5, stern=0.8)
    forward = plan[:6]
    points = [(-x, y, 0.09) for x, y in forward[::-1]] + [(x, y, 0.09) for x, y in forward[1:]]
    b.path(points, 0.006, look)
    for x, y, z in points:
        b.rod((x, y, -0.02), (x, y, z), 0.005, look)


def _freighter(b: Build) -> None:
    """A cargo ship: containers, hatches with cranes, or a tanker's pipes; the bridge aft."""
    hull, red, dark = looks.paint(b), looks.paint(b), looks.dark(b)
    length, wide, deep = b.between(2.0, 2.6), b.between(0.34, 0.42), b.between(0.2, 0.26)
    _hull(b, length, wide, deep, hull, sharp=0.16, stern=0.8, sheer=0.1)
    b.extrude(
        _plan(length * 0.955, wide * 0.95, sharp=0.16, stern=0.8),
        0.03,
        red,
        center=(0, 0, -deep - 0.01),
    )
    b.ellipsoid((0, -0.48 * length, -0.8 * deep), (0.04, 0.09, 0.045), red)
    white, glass = looks.white(b), looks.glass(b)
    aft = 0.4 * length
    tall = 0.0
    for i in range(b.count(2, 4)):
        _house(
            b, aft, tall, (wide * (0.92 - 0.06 * i), 0.16 * length - 0.03 * i, 0.1), white, glass
        )
        tall += 0.1
    b.box((0, aft - 0.05 * length, tall + 0.02), (wide * 1.05, 0.06, 0.06), white)
    _funnel(b, aft + 0.07 * length, tall - 0.1, 0.24, 0.06, red, dark)
    _mast(b, aft - 0.04 * length, tall, 0.24, white, 0.012)
    start, end = -0.4 * length, 0.29 * length
    kind = b.choice("boxes", "boxes", "cranes", "tanker")
    if kind == "boxes":
        rows = b.count(6, 9)
        step = (end - start) / rows
        for i in range(rows):
            height = b.count(1, 4)
            for j in range(height):
                b.box(
                    (0, start + step * (i + 0.5), 0.05 + 0.085 * j),
                    (wide * 0.9, step * 0.9, 0.084),
                    looks.paint(b),
                )
    elif kind == "cranes":
        for i in range(b.count(2, 4)):
            y = start + (end - start) * (i + 0.5) / 4
            b.box((0, y, 0.03), (wide * 0.66, 0.12 * length, 0.08), red, round=0.01)
            pole = y + 0.085 * length
            b.cylinder((0, pole, -0.02), (0, pole, 0.32), 0.026, white)
            b.rod((0, pole, 0.3), (0.0, pole - 0.16 * length, 0.44), 0.012, white)
            b.rod((0, pole, 0.12), (0.0, pole - 0.16 * length, 0.44), 0.01, white)
    else:
        for x in (-0.04, 0.0, 0.04):
            b.rod((x, start, 0.05), (x, end + 0.05, 0.05), 0.012, red)
        for i in range(5):
            y = start + (end - start) * (i + 0.5) / 5
            b.box((0, y, 0.03), (wide * 0.7, 0.02, 0.1), white)
            for side in (-1, 1):
                b.cylinder(
                    (side * wide * 0.28, y + 0.08, -0.02),
                    (side * wide * 0.28, y + 0.08, 0.05),
                    0.045,
                    red,
                )
    _mast(b, -0.44 * length, 0, 0.26, white, 0.012)


def _liner(b: Build) -> None:
    """A passenger ship: long decks of windows, boats, one to four funnels; or a paddle steamer."""
    hull, white, glass, dark = (
        b.choice(looks.dark, looks.white, looks.paint)(b),
        looks.white(b),
        looks.glass(b),
        looks.dark(b),
    )
    length, wide, deep = b.between(2.0, 2.6), b.between(0.3, 0.38), b.between(0.2, 0.28)
    _hull(b, length, wide, deep, hull, sharp=0.3, stern=0.55, layers=3)
    decks = b.count(2, 5)
    z, long, y = 0.0, 0.76 * length, 0.02 * length
    for i in range(decks):
        b.extrude(
            _plan(long, wide * (0.94 - 0.05 * i), sharp=0.16, stern=0.7),
            0.07,
            white,
            center=(0, y, z + 0.03),
        )
        b.extrude(
            _plan(long * 0.97, wide * (0.94 - 0.05 * i) + 0.012, sharp=0.16, stern=0.7),
            0.022,
            glass,
            center=(0, y, z + 0.035),
        )
        z += 0.065
        long *= b.between(0.86, 0.95)
    funnels, colour = b.count(1, 4), looks.paint(b)
    for i in range(funnels):
        _funnel(
            b,
            y + long * (0.56 * (i + 0.5) / funnels - 0.2),
            z,
            b.between(0.2, 0.26),
            b.between(0.05, 0.07),
            colour,
            dark,
        )
    for i in range(4):
        for side in (-1, 1):
            b.ellipsoid(
                (
                    side * wide * (0.47 - 0.025 * (decks - 1)),
                    y + long * (0.17 * i - 0.25),
                    z - 0.02,
                ),
                (0.03, 0.07, 0.028),
                b.choice(white, looks.wood(b)),
            )
    _mast(b, y - long * 0.44, z - 0.07, 0.4, dark, 0.012)
    if b.chance(0.5):
        _mast(b, y + long * 0.46, z - 0.07, 0.34, dark, 0.012)
    b.box((0, y - long * 0.4, z + 0.03), (wide * 0.9, 0.07, 0.07), white)
    if b.chance(0.2):
        for side in (-1, 1):
            b.cylinder(
                (side * wide * 0.4, 0.05, 0.0),
                (side * (wide / 2 + 0.1), 0.05, 0.0),
                0.17,
                looks.paint(b),
                round=0.02,
            )


def _tug(b: Build) -> None:
    """A tug or a fishing boat: short and deep, a high wheelhouse, a mast with a boom."""
    hull, white, glass, dark, trim = (
        looks.paint(b),
        looks.white(b),
        looks.glass(b),
        looks.dark(b),
        looks.paint(b),
    )
    length, wide, deep = b.between(1.0, 1.3), b.between(0.4, 0.48), b.between(0.24, 0.32)
    _hull(b, length, wide, deep, hull, sharp=0.4, stern=0.7, sheer=0.35)
    y = b.choice(-0.14, 0.16) * length
    _house(b, y, 0.0, (wide * 0.62, 0.34 * length, 0.17), white, glass)
    _house(
        b, y - 0.05, 0.16, (wide * 0.52, 0.2 * length, 0.17), b.choice(white, trim), glass, lean=-8
    )
    b.box((0, y - 0.05, 0.34), (wide * 0.6, 0.25 * length, 0.025), trim, round=0.01)
    if b.chance(0.6):
        _funnel(b, y + 0.13 * length, 0.15, 0.24, 0.055, trim, dark)
    back = 0.3 * length if y < 0 else -0.2 * length
    _mast(b, back if b.chance(0.5) else y + 0.06 * length, 0.0, b.between(0.6, 0.85), dark, 0.02)
    b.rod((0, back, 0.0), (0, back, 0.3), 0.018, dark)
    b.rod((0, back, 0.1), (0, back + (0.3 if y < 0 else -0.24) * length * 0.8, 0.42), 0.012, dark)
    if b.chance(0.5):
        for i in range(4):
            for side in (-1, 1):
                at = (side * wide * 0.5, length * (0.1 * i - 0.1), -0.05)
                b.ring(at, 0.05, 0.022, dark, axis=(1, 0, 0))
    if b.chance(0.5):
        for side in (-1, 1):
            b.path(
                [
                    (side * wide * 0.4, 0.42 * length, -0.02),
                    (side * wide * 0.36, 0.42 * length, 0.34),
                    (0, 0.42 * length, 0.36),
                ],
                0.014,
                dark,
            )
    b.cylinder((-0.09, back * 0.6 + 0.06, 0.05), (0.09, back * 0.6 + 0.06, 0.05), 0.07, dark)


def _warship(b: Build) -> None:
    look, dark, glass = looks.metal(b), looks.dark(b), looks.glass(b)
    length, wide, deep = b.between(2.1, 2.6), b.between(0.26, 0.32), b.between(0.16, 0.2)
    if b.chance(0.25):
        _carrier(b, look, dark, glass, length)
        return
    _hull(b, length, wide, deep, look, sharp=0.45, stern=0.75, sheer=0.1)
    z, y = 0.0, -0.08 * length
    for i in range(b.count(2, 3)):
        long, tall = (0.36 - 0.09 * i) * length, 0.1
        b.frustum(
            (0, y, z + tall / 2),
            tall,
            (wide * (0.92 - 0.1 * i), long),
            (wide * (0.74 - 0.1 * i), long * 0.9),
            look,
        )
        z += tall * 0.97
    b.box((0, y - 0.05 * length, z - 0.05), (wide * 0.6, 0.12 * length, 0.025), glass)
    b.frustum((0, y, z + 0.12), 0.26, (0.13, 0.16), (0.04, 0.05), look)
    b.box((0, y, z + 0.2), (0.24, 0.02, 0.02), dark)
    _mast(b, y, z + 0.22, 0.2, dark, 0.01)
    b.ball((0, y, z + 0.27), 0.04, looks.white(b))
    b.frustum(
        (0, y + 0.24 * length, 0.09),
        0.2,
        (wide * 0.75, 0.2 * length),
        (wide * 0.5, 0.12 * length),
        look,
    )
    _funnel(b, y + 0.22 * length, 0.17, 0.13, 0.06, look, dark)
    guns = [(-0.34 * length, -1), (0.36 * length, 1)]
    if b.chance(0.5):
        guns.insert(1, (-0.27 * length, -1))
    for i, (place, way) in enumerate(guns):
        base = 0.07 if len(guns) == 3 and i == 1 else 0.0
        b.cylinder((0, place, -0.01), (0, place, base + 0.02), 0.07, look)
        b.frustum((0, place, base + 0.045), 0.08, (0.14, 0.16), (0.1, 0.1), look)
        for x in (-0.03, 0.03) if b.chance(0.5) else (0.0,):
            b.rod((x, place, base + 0.05), (x, place + way * 0.22, base + 0.09), 0.011, dark)


def _carrier(b: Build, look: Material, dark: Material, glass: Material, length: float) -> None:
    """An aircraft carrier: a wide flat deck over a slim hull, an island on the right."""
    _hull(b, length, 0.3, 0.2, look, sharp=0.3, stern=0.8, sheer=0.0)
    deck = [
        (-0.11, -0.5),
        (0.11, -0.5),
        (0.18, -0.3),
        (0.21, 0.2),
        (0.19, 0.5),
        (-0.16, 0.5),
        (-0.3, 0.3),
        (-0.3, -0.02),
        (-0.17, -0.2),
    ]
    b.extrude([(x * 1.25, y * length) for x, y in deck], 0.045, dark, center=(0, 0, 0.015))
    b.box((0.18, 0.1 * length, 0.12), (0.09, 0.17 * length, 0.2), look, round=0.01)
    b.box((0.18, 0.07 * length, 0.19), (0.1, 0.1 * length, 0.04), glass)
    b.frustum((0.18, 0.1 * length, 0.3), 0.2, (0.06, 0.08), (0.02, 0.03), look)
    for i in range(b.count(2, 6)):
        x, y = (-0.2 + 0.1 * (i % 2)), length * (0.36 - 0.09 * i)
        b.rod((x, y + 0.06, 0.055), (x, y - 0.07, 0.055), 0.02, looks.metal(b))
        b.extrude(
            [(x, y - 0.03), (x + 0.07, y + 0.04), (x - 0.07, y + 0.04)],
            0.012,
            looks.metal(b),
            center=(0, 0, 0.055),
        )


def _row(b: Build) -> None:
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
            outline = _plan(length, wide, sharp=0.5, stern=0.7)
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


def _submarine(b: Build) -> None:
    look, dark = b.choice(looks.dark, looks.metal, looks.paint)(b), looks.dark(b)
    length, radius = b.between(2.0, 2.6), b.between(0.14, 0.19)
    with b.body(blend=0.08):
        b.rod((0, -length / 2 + radius, 0), (0, 0.25 * length, 0), radius, look)
        b.rod((0, 0.2 * length, 0), (0, 0.5 * length, 0), radius * 0.95, look, end_radius=0.03)
        tower = [
            (-0.2 * length, 0.05),
            (-0.18 * length, radius + 0.2),
            (-0.04 * length, radius + 0.2),
            (0.0, 0.05),
        ]
        b.extrude(tower, 0.09, look, along="x", round=0.02)
    for i in range(b.count(2, 4)):
        y = -0.15 * length + 0.04 * i * length
        b.cylinder((0, y, radius), (0, y, radius + b.between(0.28, 0.44)), 0.01, dark)
    height = radius + 0.12 if b.chance(0.5) else 0.02
    b.box(
        (0, -0.13 * length if height > 0.1 else -0.32 * length, height),
        (0.5, 0.1, 0.018),
        look,
        round=0.006,
    )
    for i in range(2):
        with b.at((0, 0.43 * length, 0), turn("y", 90 * i)):
            b.extrude(
                [(-0.2, -0.04), (0.2, -0.04), (0.2, 0.07), (-0.2, 0.07)], 0.02, look, round=0.006
            )
    b.cylinder((0, 0.48 * length, 0), (0, 0.55 * length, 0), 0.025, dark)
    for i in range(5):
        with b.at((0, 0.54 * length, 0), turn("y", 72 * i)):
            b.box((0, 0, 0.07), (0.05, 0.015, 0.13), looks.brass(b), rotation=turn("z", 25))
    if b.chance(0.4):
        b.box((0, -0.1 * length, radius - 0.005), (0.12, 0.62 * length, 0.03), dark, round=0.008)


def _catamaran(b: Build) -> None:
    """Two slim hulls under a deck, with a sail or a cabin."""
    hull, glass, spar = (
        looks.white(b) if b.chance(0.6) else looks.paint(b),
        looks.glass(b),
        looks.metal(b),
    )
    length, wide = b.between(1.2, 1.5), b.between(0.6, 0.75)
    for side in (-1, 1):
        with b.at((side * wide / 2, 0, 0)):
            _hull(b, length, 0.16, 0.17, hull, sharp=0.5, stern=0.6, sheer=0.0)
    b.box((0, 0.1 * length, 0.005), (wide + 0.02, 0.55 * length, 0.03), hull, round=0.008)
    b.rod((-wide / 2, -0.35 * length, -0.01), (wide / 2, -0.35 * length, -0.01), 0.014, spar)
    if b.chance(0.6):
        _house(b, 0.06 * length, 0.01, (wide * 0.8, 0.36 * length, 0.13), hull, glass, lean=40)
    tall = b.between(1.2, 1.5)
    _mast(b, -0.05 * length, 0.02, tall, spar, 0.016)
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
