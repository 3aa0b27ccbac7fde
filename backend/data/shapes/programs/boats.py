"""Small and sailing vessels: sloops, square riggers, motor boats, rowing boats, catamarans."""

import math

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
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
    _cockpit(b, length, wide)
    if b.chance(0.7):
        _keel_and_rudder(b, length, deep)
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
        with b.at((0, y, 0.13), rotation_about("z", swing)):
            _boomed_sail(b, boom, tall, canvas, spar)
    if b.chance(0.8):
        _jib(b, -length / 2 + 0.02, masts[0], swing, canvas, spar)


def _cockpit(b: Build, length: float, wide: float) -> None:
    """Add a deck with a cockpit cut from it."""
    plan = deck_plan(length * 0.97, wide * 0.95, sharp=0.55, stern=0.6)
    with b.body():
        b.extrude(plan, 0.03, looks.wood(b))
        b.box(
            (0, 0.26 * length, 0.01),
            (wide * 0.5, 0.24 * length, 0.08),
            looks.dark(b),
            round=0.01,
            cut=True,
        )


def _keel_and_rudder(b: Build, length: float, deep: float) -> None:
    keel = [
        (-0.1 * length, -deep + 0.02),
        (0.1 * length, -deep + 0.02),
        (0.07 * length, -deep - 0.22),
        (-0.03 * length, -deep - 0.22),
    ]
    b.extrude(keel, 0.03, looks.dark(b), along="x")
    rudder = [
        (0.44 * length, -0.03),
        (0.52 * length, -0.03),
        (0.5 * length, -deep - 0.12),
        (0.45 * length, -deep - 0.12),
    ]
    b.extrude(rudder, 0.02, looks.dark(b), along="x")


def _boomed_sail(b: Build, boom: float, tall: float, canvas: Material, spar: Material) -> None:
    """Add a boom from the origin aft and its sail on a mast `tall` over deck, perhaps on a gaff."""
    b.rod((0, 0, 0), (0, boom, 0), 0.011, spar)
    if b.chance(0.25):
        top = [(0.6 * boom, 0.9 * (tall - 0.13)), (0.0, 0.62 * (tall - 0.13))]
        b.rod((0, 0, top[1][1]), (0, *top[0]), 0.009, spar)
        belly = []
    else:
        top = [(0.05 * boom, 0.92 * (tall - 0.13)), (0.0, 0.92 * (tall - 0.13))]
        belly = [(0.72 * boom, 0.36 * tall)]
    b.extrude([(0.0, 0.0), (boom * 0.98, 0.0), *belly, *top], 0.012, canvas, along="x")


def _jib(
    b: Build,
    front: float,
    mast: tuple[float, float],
    swing: float,
    canvas: Material,
    spar: Material,
) -> None:
    """Add a stay from the bow at y = `front` to a mast (y, height), and the sail behind it."""
    y, tall = mast
    head = b.between(0.75, 0.97) * tall
    b.rod((0, front, 0.015), (0, y, head), 0.005, spar)
    with b.at((0, front, 0.03), rotation_about("z", swing * 0.5)):
        reach = (y - front) * b.between(0.85, 1.25)
        lean = (y - front) / head
        top = (lean * head * 0.95 * math.cos(math.radians(swing)), head * 0.92)
        b.extrude([(0.0, 0.0), (reach, 0.05), top], 0.01, canvas, along="x")


def rigger(b: Build) -> None:
    """A square rigger: two or three masts with yards, a high stern, a bowsprit."""
    hull, canvas, spar = (
        looks.wood(b),
        looks.white(b) if b.chance(0.8) else looks.fabric(b),
        looks.wood(b),
    )
    length, wide, deep = b.between(1.3, 1.7), b.between(0.32, 0.42), b.between(0.2, 0.28)
    add_hull(b, length, wide, deep, hull, sharp=0.35, stern=0.75, layers=4, sheer=0.25)
    _stern_and_beak(b, length, wide, hull)
    b.rod((0, -length / 2 + 0.1, 0.04), (0, -length / 2 - 0.32, 0.2), 0.016, spar)
    masts, tall = b.count(2, 3), b.between(1.0, 1.3)
    furled = b.chance(0.25)
    for i in range(masts):
        y = length * (-0.28 + 0.58 * i / (masts - 1))
        height = tall * (1.0 if i == masts // 2 else 0.86)
        _square_mast(b, y, height, wide, furled, canvas, spar)
    if b.chance(0.6):
        staysail = [
            (-length / 2 - 0.28, 0.19),
            (-0.3 * length, 0.14),
            (-0.285 * length, tall * 0.7),
        ]
        b.extrude(staysail, 0.01, canvas, along="x")
    if b.chance(0.5):
        _cannons(b, length, wide)


def _stern_and_beak(b: Build, length: float, wide: float, look: Material) -> None:
    """Raise the stern as a castle and add the beak under the bowsprit."""
    castle = b.between(0.1, 0.2)
    plan = deck_plan(length, wide, sharp=0.35, stern=0.75)
    stern = plan[np.abs(plan[:, 1] - length / 2) < 0.31 * length]
    b.extrude(stern, castle + 0.05, look, center=(0, 0, castle / 2 + 0.02))
    beak = [
        (-length / 2 + 0.03, -0.05),
        (-length / 2 + 0.2, -0.02),
        (-length / 2 + 0.2, 0.08),
        (-length / 2, 0.09),
    ]
    b.extrude(beak, 0.12, look, along="x")


def _square_mast(
    b: Build,
    y: float,
    height: float,
    wide: float,
    furled: bool,
    canvas: Material,
    spar: Material,
) -> None:
    """Add a mast with its yards and their sails, its top and its shrouds."""
    add_mast(b, y, 0, height, spar, 0.02)
    rows = b.count(2, 4)
    for j in range(rows):
        z = height * (0.3 + 0.62 * j / max(rows - 1, 1))
        half = wide * (0.95 - 0.4 * j / rows)
        b.rod((-half, y - 0.02, z), (half, y - 0.02, z), 0.009, spar)
        if furled:
            left, right = (-half * 0.9, y - 0.03, z - 0.01), (half * 0.9, y - 0.03, z - 0.01)
            b.rod(left, right, 0.022, canvas)
        else:
            with b.at((0, y - 0.02, z), rotation_about("x", -7)):
                _square_sail(b, half, height * 0.62 / rows * 0.8, canvas)
    b.cylinder((0, y, 0.55 * height), (0, y, 0.58 * height), 0.045, spar)
    for side in (-1, 1):
        b.rod((side * wide * 0.46, y + 0.06, 0.02), (0, y, 0.78 * height), 0.004, spar)


def _square_sail(b: Build, half: float, drop: float, canvas: Material) -> None:
    """Hang a sail from a yard of half width `half` at the origin."""
    lower = half * 1.15
    outline = [
        (-half * 0.95, 0.0),
        (half * 0.95, 0.0),
        (lower, -drop),
        (0, -drop * 0.9),
        (-lower, -drop),
    ]
    b.extrude(outline, 0.014, canvas, along="y")


def _cannons(b: Build, length: float, wide: float) -> None:
    """Add five cannons a side."""
    for i in range(5):
        y = length * (0.08 * i - 0.12)
        for side in (-1, 1):
            inner, muzzle = (side * wide * 0.3, y, -0.04), (side * wide * 0.56, y, -0.04)
            b.cylinder(inner, muzzle, 0.014, looks.dark(b))


def speed(b: Build) -> None:
    """A motor boat: a planing hull with a windscreen, seats, an outboard or a tower."""
    hull, trim, dark, glass = (
        b.choice(looks.white, looks.paint)(b),
        looks.paint(b),
        looks.dark(b),
        looks.glass(b),
    )
    length, wide, deep = b.between(1.2, 1.6), b.between(0.42, 0.52), b.between(0.16, 0.22)
    _planing_hull(b, length, wide, deep, hull, trim)
    with b.at((0, -0.05 * length, 0.01), rotation_about("x", -40)):
        b.box((0, 0, 0.08), (wide * 0.8, 0.015, 0.17), glass)
    for y in (0.1, 0.3) if b.chance(0.6) else (0.14,):
        for x in (-0.18, 0.18):
            b.box((x * wide, y * length, -0.03), (wide * 0.28, 0.13, 0.09), trim, round=0.02)
            b.box((x * wide, y * length + 0.06, 0.04), (wide * 0.28, 0.03, 0.17), trim, round=0.012)
    kind = b.choice("outboard", "two", "inboard")
    for x in {"outboard": (0.0,), "two": (-0.1, 0.1), "inboard": ()}[kind]:
        _outboard(b, x, 0.5 * length, dark)
    if b.chance(0.35):
        _tower(b, length, wide)
    if b.chance(0.4):
        _bow_rail(b, length, wide)


def _planing_hull(
    b: Build, length: float, wide: float, deep: float, hull: Material, trim: Material
) -> None:
    """Add a hull that rises towards the bow, open inside, with a band around it."""
    plan = deck_plan(length, wide, sharp=0.6, stern=0.92)
    under_bow = [
        (-0.8 * length, -0.32 * deep),
        (-0.46 * length, -0.32 * deep),
        (-0.22 * length, -deep),
        (-0.22 * length, -2 * deep),
        (-0.8 * length, -2 * deep),
    ]
    inside = (wide * 0.76, 0.46 * length, 0.2)
    with b.body():
        b.extrude(plan, deep, hull, center=(0, 0, -deep / 2 + 0.02))
        b.extrude(under_bow, 2, hull, along="x", cut=True)
        b.box((0, 0.2 * length, 0.04), inside, trim, round=0.02, cut=True)
    b.extrude(plan * [1.015, 1.005], 0.025, trim, center=(0, 0, -0.35 * deep))


def _outboard(b: Build, x: float, stern: float, look: Material) -> None:
    """Hang an outboard engine on the stern: its head, shaft, foot and clamp."""
    b.box((x, stern + 0.05, 0.05), (0.1, 0.13, 0.16), look, round=0.03)
    b.box((x, stern + 0.06, -0.14), (0.035, 0.06, 0.3), look, round=0.01)
    b.ellipsoid((x, stern + 0.06, -0.26), (0.03, 0.09, 0.03), look)
    b.box((x, stern, 0.0), (0.06, 0.06, 0.06), look)


def _tower(b: Build, length: float, wide: float) -> None:
    """Add a wakeboard tower over the seats."""
    for side in (-1, 1):
        points = [
            (side * wide * 0.42, 0.12 * length, 0.0),
            (side * wide * 0.36, 0.06 * length, 0.34),
            (0, 0.05 * length, 0.36),
        ]
        b.path(points, 0.013, looks.metal(b))


def _bow_rail(b: Build, length: float, wide: float) -> None:
    points = [
        (-wide * 0.3, -0.2 * length, 0.02),
        (-wide * 0.28, -0.22 * length, 0.08),
        (0, -0.44 * length, 0.09),
        (wide * 0.28, -0.22 * length, 0.08),
        (wide * 0.3, -0.2 * length, 0.02),
    ]
    b.path(points, 0.008, looks.metal(b))


def row(b: Build) -> None:
    """A rowing boat, a canoe or a kayak, open, with benches and oars or paddles."""
    hull, inside = b.choice(looks.wood, looks.paint)(b), looks.wood(b)
    canoe = b.chance(0.5)
    length, wide, deep = (
        b.between(1.2, 1.6),
        b.between(0.3, 0.36) if canoe else b.between(0.42, 0.52),
        b.between(0.14, 0.2),
    )
    add_shell = _round_shell if canoe else _planked_shell
    add_shell(b, length, wide, deep, hull, inside)
    seats = b.count(2, 3)
    for i in range(seats):
        y = length * (-0.24 + 0.5 * i / (seats - 1))
        reach = wide * math.sqrt(max(1 - (2 * y / length) ** 2, 0.05))
        b.box((0, y, -0.25 * deep), (reach * 0.96, 0.09, 0.025), inside)
    if not canoe or b.chance(0.4):
        _oars(b, length * 0.04, wide, inside)
    else:
        b.rod((wide * 0.3, -0.3 * length, -0.02), (-wide * 0.1, 0.3 * length, 0.0), 0.011, inside)
        b.ellipsoid((wide * 0.33, -0.36 * length, -0.025), (0.035, 0.1, 0.012), inside)


def _round_shell(
    b: Build, length: float, wide: float, deep: float, hull: Material, inside: Material
) -> None:
    """Add a canoe's shell: the lower half of a hollow ellipsoid."""
    x, y, z = wide / 2, length / 2, deep
    with b.body():
        b.ellipsoid((0, 0, 0), (x, y, z), hull)
        b.ellipsoid((0, 0, 0.02), (x - 0.022, y - 0.05, z - 0.01), inside, cut=True)
        b.box((0, 0, 0.5), (1, 3, 0.98), inside, cut=True)


def _planked_shell(
    b: Build, length: float, wide: float, deep: float, hull: Material, inside: Material
) -> None:
    """Add a rowing boat's shell: three strakes, hollow in two steps."""
    outline = deck_plan(length, wide, sharp=0.5, stern=0.7)
    with b.body():
        for i, grow in enumerate((0.72, 0.88, 1.0)):
            b.extrude(
                outline * [grow, 0.94 + 0.03 * i],
                deep / 3 + 0.003,
                hull,
                center=(0, 0, -deep + deep * (i + 0.5) / 3),
            )
        b.extrude(outline * [0.86, 0.94], deep * 1.3, inside, cut=True)
        b.extrude(outline * [0.62, 0.86], deep * 1.72, inside, cut=True)


def _oars(b: Build, y: float, wide: float, look: Material) -> None:
    """Add an oar on a rowlock at each side."""
    for side in (-1, 1):
        x = side * wide * 0.49
        b.cylinder((x, y, -0.03), (x, y, 0.045), 0.014, looks.metal(b))
        blade = side * (wide / 2 + 0.42)
        b.rod((side * 0.05, y + 0.02, 0.09), (blade, y - 0.03, -0.1), 0.012, look)
        b.ellipsoid((side * (wide / 2 + 0.48), y - 0.035, -0.13), (0.1, 0.035, 0.03), look)


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
    _catamaran_rig(b, length, spar)


def _catamaran_rig(b: Build, length: float, spar: Material) -> None:
    """Add the mast, a mainsail with a curved leech and often a jib."""
    tall = b.between(1.2, 1.5)
    add_mast(b, -0.05 * length, 0.02, tall, spar, 0.016)
    canvas = looks.white(b) if b.chance(0.6) else looks.paint(b)
    boom = 0.45 * length
    mainsail = [
        (0, 0),
        (boom, 0),
        (0.7 * boom, 0.5 * tall),
        (0.12 * boom, 0.84 * tall),
        (0, 0.84 * tall),
    ]
    with b.at((0, -0.05 * length, 0.2), rotation_about("z", b.between(-15, 15))):
        b.rod((0, 0, 0), (0, boom, 0), 0.011, spar)
        b.extrude(mainsail, 0.012, canvas, along="x")
    if b.chance(0.7):
        b.rod((0, -0.35 * length, 0.0), (0, -0.05 * length, 0.9 * tall), 0.005, spar)
        jib = [(-0.34 * length, 0.03), (-0.07 * length, 0.1), (-0.06 * length, 0.85 * tall)]
        b.extrude(jib, 0.01, canvas, along="x")
