"""Rifles, muzzle to -Y: bolt and lever action, assault, shotguns, bullpups, muskets."""

import numpy as np

from .. import looks
from ..build import Build
from ..parts import Material
from ..registry import category


@category("rifle")
def rifle(b: Build) -> None:
    """Draw a long gun, seen in side view as (y, z) with the barrel along z = 0."""
    kind = b.choice(
        "hunting", "hunting", "assault", "assault", "double", "lever", "bullpup", "musket"
    )
    {
        "hunting": _hunting,
        "assault": _assault,
        "double": _double,
        "lever": _lever,
        "bullpup": _bullpup,
        "musket": _musket,
    }[kind](b)


def _side(
    b: Build,
    outline: list[tuple[float, float]],
    thick: float,
    look: Material,
    *,
    round: float = 0.0,
    cut: bool = False,
) -> None:
    """Add an outline in the side view (y, z), pulled along x."""
    b.extrude(outline, thick, look, along="x", round=round, cut=cut)


def _barrel(
    b: Build,
    start: float,
    end: float,
    radius: float,
    look: Material,
    *,
    z: float = 0.0,
    x: float = 0.0,
) -> None:
    """Add a barrel from y = start to the muzzle at y = end, bored at the muzzle."""
    with b.body():
        b.cone((x, start, z), (x, end, z), radius * 1.15, radius, look)
        b.cylinder((x, end + 0.06, z), (x, end - 0.02, z), radius * 0.55, look, cut=True)


def _guard(b: Build, y: float, z: float, look: Material, size: float = 0.045) -> None:
    """Add a trigger and its guard under (y, z)."""
    b.path(
        [
            (0, y - size, z + 0.01),
            (0, y - size, z - size),
            (0, y + size, z - size),
            (0, y + size * 1.2, z + 0.01),
        ],
        0.006,
        look,
    )
    b.rod((0, y, z + 0.01), (0, y - 0.008, z - size * 0.7), 0.005, look)


def _scope(b: Build, y: float, z: float, look: Material, length: float) -> None:
    """Add a telescopic sight over (y, z) on two mounts."""
    height = z + b.between(0.055, 0.075)
    half, radius = length / 2, b.between(0.018, 0.026)
    b.cylinder((0, y - half, height), (0, y + half, height), radius * 0.75, look)
    for end, size in ((-half, 1.45), (half, 1.2)):
        b.cone(
            (0, y + 0.55 * end, height), (0, y + end, height), radius * 0.75, radius * size, look
        )
        b.cylinder((0, y + end, height), (0, y + 1.35 * end, height), radius * size, look)
    b.cylinder((0, y, height), (0, y, height + 0.05), 0.014, look)
    b.cylinder((0, y, height), (0.045, y, height), 0.013, look)
    for end in (-0.4, 0.4):
        b.box((0, y + end * half, (height + z) / 2), (0.02, 0.022, height - z + 0.01), look)


def _sights(b: Build, front: float, rear: float, z: float, look: Material) -> None:
    for y, tall in ((front, 0.04), (rear, 0.03)):
        b.box((0, y, z + tall / 2 - 0.004), (0.01, 0.03, tall), look)


def _bipod(b: Build, y: float, z: float, look: Material) -> None:
    for side in (-1, 1):
        b.rod((0, y, z), (side * 0.11, y - 0.05, z - 0.24), 0.009, look)
        b.ball((side * 0.11, y - 0.05, z - 0.24), 0.014, look)


def _sling(b: Build, front: float, rear: float, low: float, look: Material) -> None:
    points = [
        (0.0, y, low - 0.1 * float(np.sin(np.pi * t)) - 0.02 * t)
        for t, y in ((t, front + (rear - front) * t) for t in np.linspace(0, 1, 8))
    ]
    b.path(points, 0.008, look)


def _bolt(b: Build, y: float, z: float, look: Material) -> None:
    b.rod((0, y, z), (0.06, y + 0.02, z - 0.02), 0.007, look)
    b.ball((0.068, y + 0.022, z - 0.025), 0.014, look)


def _stock(b: Build, start: float, end: float, drop: float, tall: float, look: Material) -> None:
    """Add a one-piece stock: wrist, comb, butt; from y = start back to y = end."""
    span = end - start
    kind = b.choice("straight", "pistol", "thumbhole", "monte")
    low = -0.045
    outline = [(start, 0.012), (start, low), (start + 0.2 * span, low - 0.015)]
    if kind in ("pistol", "thumbhole"):
        outline += [
            (start + 0.26 * span, low - 0.1),
            (start + 0.36 * span, low - 0.1),
            (start + 0.4 * span, low - 0.035),
        ]
    outline += [(end, -drop - tall), (end, -drop)]
    if kind == "monte":
        outline += [(start + 0.75 * span, -0.2 * drop), (start + 0.5 * span, -0.2 * drop)]
    outline.append((start + 0.28 * span, -0.005))
    with b.body():
        _side(b, outline, 0.05, look, round=0.012)
        if kind == "thumbhole":
            b.cylinder(
                (-1, start + 0.42 * span, low - 0.005),
                (1, start + 0.42 * span, low - 0.005),
                0.028,
                look,
                cut=True,
            )
    b.box(
        (0, end + 0.008, -drop - tall / 2), (0.055, 0.025, tall + 0.02), looks.dark(b), round=0.006
    )


def _hunting(b: Build) -> None:
    wood, metal = (
        looks.wood(b) if b.chance(0.75) else looks.dark(b),
        b.choice(looks.dark, looks.metal)(b),
    )
    long = b.between(0.5, 0.75)
    _barrel(b, 0.02, -long, b.between(0.011, 0.017), metal)
    fore = -b.between(0.3, 0.85) * long
    _side(
        b,
        [(fore, -0.008), (fore + 0.03, -0.035), (0.1, -0.05), (0.1, 0.0), (fore, 0.0)],
        0.046,
        wood,
        round=0.01,
    )
    b.cylinder((0, -0.06, 0.005), (0, 0.2, 0.005), 0.02, metal, round=0.004)
    b.box((0, 0.08, -0.012), (0.036, 0.24, 0.045), metal, round=0.004)
    _stock(b, 0.08, b.between(0.48, 0.58), b.between(0.03, 0.07), b.between(0.1, 0.13), wood)
    _guard(b, 0.13, -0.05, metal)
    if b.chance(0.7):
        _bolt(b, 0.17, 0.005, metal)
    if b.chance(0.4):
        b.box((0, 0.03, -0.09), (0.028, 0.07, 0.1), metal, round=0.004)
    if b.chance(0.65):
        _scope(b, 0.06, 0.015, looks.dark(b), b.between(0.2, 0.32))
    else:
        _sights(b, -long + 0.03, -0.06, 0.015, metal)
    if b.chance(0.25):
        _bipod(b, fore + 0.05, -0.03, metal)
    if b.chance(0.25):
        _sling(b, fore + 0.08, 0.46, -0.04, looks.leather(b))
    if b.chance(0.25):
        b.cylinder(
            (0, -long + 0.02, 0),
            (0, -long - b.between(0.06, 0.2), 0),
            b.between(0.018, 0.028),
            metal,
            round=0.004,
        )


def _assault(b: Build) -> None:
    """A receiver with a grip, a magazine, a stock behind and sights or a scope on top."""
    metal, grip = (
        b.choice(looks.dark, looks.dark, looks.metal)(b),
        b.choice(looks.dark, looks.wood, looks.paint)(b),
    )
    long = b.between(0.42, 0.6)
    _barrel(b, 0.02, -long, 0.013, metal)
    b.cylinder((0, -long + 0.01, 0), (0, -long - 0.05, 0), 0.018, metal)
    receiver = [(-0.06, 0.035), (0.24, 0.035), (0.24, -0.02), (0.18, -0.06), (-0.06, -0.055)]
    _side(b, receiver, 0.05, metal, round=0.006)
    fore = -b.between(0.26, 0.36)
    _handguard(b, fore, metal, grip)
    _magazine(b, metal)
    handle = [(0.14, -0.05), (0.19, -0.05), (0.245, -0.17), (0.19, -0.18)]
    _side(b, handle, 0.036, grip, round=0.006)
    _guard(b, 0.105, -0.058, metal)
    _folding_stock(b, metal, grip)
    _top(b, fore, metal)
    if b.chance(0.3):
        b.rod((0, fore + 0.07, -0.03), (0, fore + 0.08, -0.13), 0.017, grip)
    if b.chance(0.2):
        b.cylinder((0, -0.08, -0.055), (0, fore - 0.08, -0.055), 0.022, metal)
        b.box((0, (fore - 0.08) / 2, -0.035), (0.02, 0.12, 0.05), metal)
    elif b.chance(0.2):
        _bipod(b, fore - 0.02, -0.008, metal)


def _handguard(b: Build, fore: float, metal: Material, grip: Material) -> None:
    """Add a square or a round handguard from the receiver to y = `fore`."""
    if b.chance(0.5):
        b.box((0, (fore - 0.04) / 2, 0), (0.056, -fore - 0.02, 0.07), grip, round=0.012)
    else:
        b.cylinder((0, -0.04, 0), (0, fore, 0), 0.036, grip, round=0.006)
        for i in range(4):
            b.ring((0, fore + 0.05 + 0.05 * i, 0), 0.036, 0.005, metal, axis=(0, 1, 0))


def _top(b: Build, fore: float, look: Material) -> None:
    """Add what is on the receiver: plain sights, a rail, a carrying handle or a scope."""
    kind = b.choice("sights", "rail", "handle", "scope")
    if kind in ("rail", "scope"):
        b.box((0, 0.0, 0.043), (0.022, 0.44, 0.016), look)
    if kind == "scope":
        _scope(b, 0.06, 0.045, looks.dark(b), b.between(0.14, 0.24))
    elif kind == "rail":
        b.box((0, 0.06, 0.075), (0.04, 0.07, 0.05), looks.dark(b), round=0.008)
    elif kind == "handle":
        b.path([(0, 0.0, 0.03), (0, 0.01, 0.09), (0, 0.19, 0.085), (0, 0.22, 0.03)], 0.011, look)
    if kind in ("sights", "handle"):
        _sights(b, fore - 0.03, 0.16, 0.012, look)
        b.cylinder((0, fore - 0.05, 0.032), (0, -0.04, 0.032), 0.01, look)
        b.box((0, fore - 0.035, 0.018), (0.016, 0.03, 0.045), look)


def _magazine(b: Build, look: Material) -> None:
    kind = b.choice("straight", "curved", "curved", "drum")
    if kind == "straight":
        _side(
            b,
            [(0.0, -0.05), (0.07, -0.05), (0.055, -0.2), (-0.015, -0.19)],
            0.03,
            look,
            round=0.004,
        )
    elif kind == "drum":
        b.box((0, 0.03, -0.07), (0.03, 0.06, 0.07), look)
        b.cylinder((-0.04, 0.03, -0.15), (0.04, 0.03, -0.15), 0.075, look, round=0.012)
    else:
        angle = np.radians(np.linspace(0, 38, 6))
        inner, outer = 0.3, 0.37
        line = [
            (0.07 - outer + outer * np.cos(a), -0.045 - outer * np.sin(a) * 0.85) for a in angle
        ]
        back = [(0.07 - outer + inner * np.cos(a), -0.045 - inner * np.sin(a)) for a in angle[::-1]]
        _side(b, [*line, *back], 0.03, look, round=0.003)


def _folding_stock(b: Build, metal: Material, grip: Material) -> None:
    end = b.between(0.44, 0.56)
    kind = b.choice("solid", "tube", "skeleton", "wire", "wood")
    if kind in ("solid", "tube"):
        b.cylinder((0, 0.22, 0.005), (0, end - 0.02, 0.005), 0.019, metal)
        tall = 0.12 if kind == "solid" else 0.1
        start = 0.3 if kind == "solid" else end - 0.14
        _side(
            b,
            [(start, 0.028), (start, -0.03), (end - 0.03, -tall), (end, -tall), (end, 0.028)],
            0.038,
            grip,
            round=0.006,
        )
    elif kind == "wood":
        _side(
            b, [(0.23, 0.03), (0.23, -0.035), (end, -0.15), (end, -0.02)], 0.045, grip, round=0.01
        )
    elif kind == "skeleton":
        with b.body():
            _side(
                b,
                [(0.22, 0.03), (0.22, -0.035), (end - 0.03, -0.13), (end, -0.13), (end, 0.02)],
                0.03,
                grip,
                round=0.004,
            )
            _side(
                b,
                [(0.28, 0.01), (0.28, -0.02), (end - 0.03, -0.09), (end - 0.03, 0.0)],
                0.2,
                grip,
                cut=True,
            )
    else:
        b.path(
            [(0, 0.22, 0.01), (0, end, 0.0), (0, end + 0.01, -0.12), (0, 0.23, -0.03)], 0.009, metal
        )


def _double(b: Build) -> None:
    """A shotgun: two barrels side by side or over each other, or one over a tube with a pump."""
    wood, metal = looks.wood(b), b.choice(looks.dark, looks.metal)(b)
    long, radius = b.between(0.55, 0.75), 0.017
    kind = b.choice("side", "over", "pump")
    _two_barrels(b, kind, long, radius, metal)
    receiver = [(-0.02, 0.035), (0.14, 0.03), (0.2, 0.0), (0.17, -0.055), (-0.02, -0.055)]
    _side(b, receiver, 0.052, metal, round=0.006)
    fore = -b.between(0.24, 0.32)
    if kind == "pump":
        b.cylinder((0, -0.12, -0.018), (0, fore - 0.12, -0.018), 0.034, wood, round=0.008)
        b.box((0, -0.78 * long, 0), (0.012, 0.03, 0.05), metal)
    else:
        forend = [(-0.01, -0.01), (fore, -0.01), (fore + 0.03, -0.045), (-0.01, -0.06)]
        _side(b, forend, 0.05, wood, round=0.01)
    _stock(b, 0.13, b.between(0.48, 0.56), b.between(0.04, 0.08), b.between(0.1, 0.13), wood)
    _guard(b, 0.1, -0.055, metal)
    b.ball((0, -long + 0.01, 0.036 if kind != "side" else 0.018), 0.006, looks.brass(b))
    if b.chance(0.4):
        rib = radius * (2.2 if kind != "side" else 1.0)
        b.box((0, -long / 2, rib), (0.01, long * 0.96, 0.016), metal)


def _two_barrels(b: Build, kind: str, long: float, radius: float, look: Material) -> None:
    """Add two barrels, or a shorter and thinner tube under one where there is a pump."""
    for sign in (-1, 1):
        if kind == "side":
            _barrel(b, 0.05, -long, radius, look, x=sign * radius)
        elif kind == "over":
            _barrel(b, 0.05, -long, radius, look, z=sign * radius)
        else:
            reach, thick = (-long, radius) if sign > 0 else (-0.8 * long, radius * 0.9)
            _barrel(b, 0.05, reach, thick, look, z=sign * radius * 1.05)


def _lever(b: Build) -> None:
    wood, metal = looks.wood(b), b.choice(looks.brass, looks.dark, looks.metal)(b)
    long = b.between(0.45, 0.65)
    steel = looks.dark(b)
    _barrel(b, 0.0, -long, 0.014, steel)
    b.cylinder((0, 0.0, -0.028), (0, -long * b.between(0.6, 0.97), -0.028), 0.011, steel)
    for y in (-0.55 * long, -0.3 * long):
        b.box((0, y, -0.014), (0.034, 0.018, 0.055), metal, round=0.006)
    _side(
        b,
        [(-0.02, 0.02), (0.14, 0.03), (0.2, 0.005), (0.2, -0.05), (-0.02, -0.05)],
        0.044,
        metal,
        round=0.004,
    )
    _side(
        b,
        [(-0.02, 0.0), (-0.3 * long - 0.02, -0.005), (-0.3 * long - 0.02, -0.045), (-0.02, -0.05)],
        0.046,
        wood,
        round=0.008,
    )
    b.path(
        [
            (0, 0.06, -0.045),
            (0, 0.07, -0.085),
            (0, 0.15, -0.085),
            (0, 0.155, -0.11),
            (0, 0.27, -0.12),
            (0, 0.28, -0.085),
            (0, 0.16, -0.055),
        ],
        0.007,
        steel,
    )
    b.rod((0, 0.11, -0.045), (0, 0.1, -0.075), 0.005, steel)
    b.box((0, 0.19, 0.03), (0.014, 0.025, 0.05), steel)
    _stock(b, 0.18, b.between(0.52, 0.6), b.between(0.05, 0.09), b.between(0.1, 0.12), wood)
    _sights(b, -long + 0.02, -0.1, 0.012, steel)


def _bullpup(b: Build) -> None:
    look, metal = b.choice(looks.dark, looks.paint, looks.metal)(b), looks.dark(b)
    long = b.between(0.25, 0.4)
    _barrel(b, 0.0, -long, 0.014, metal)
    b.cylinder((0, -long + 0.01, 0), (0, -long - 0.05, 0), 0.02, metal)
    _side(
        b,
        [
            (-0.2, 0.03),
            (-0.18, -0.05),
            (-0.02, -0.06),
            (0.02, -0.17),
            (0.075, -0.17),
            (0.08, -0.055),
            (0.2, -0.06),
            (0.46, -0.11),
            (0.48, -0.1),
            (0.48, 0.045),
            (0.3, 0.05),
            (-0.1, 0.045),
        ],
        0.056,
        look,
        round=0.012,
    )
    _side(b, [(0.2, -0.05), (0.27, -0.06), (0.24, -0.22), (0.17, -0.21)], 0.03, metal, round=0.004)
    b.path([(0, -0.07, -0.05), (0, -0.06, -0.1), (0, 0.01, -0.1)], 0.008, look)
    b.rod((0, -0.02, -0.05), (0, -0.025, -0.08), 0.005, metal)
    if b.chance(0.5):
        b.path([(0, -0.12, 0.04), (0, -0.1, 0.1), (0, 0.12, 0.1), (0, 0.15, 0.045)], 0.014, look)
    else:
        b.box((0, 0.05, 0.052), (0.022, 0.4, 0.014), metal)
        _scope(b, 0.06, 0.055, metal, b.between(0.14, 0.24))
    b.box((0, 0.485, -0.03), (0.058, 0.02, 0.16), metal, round=0.004)


def _musket(b: Build) -> None:
    wood, metal, steel = looks.wood(b), b.choice(looks.brass, looks.metal)(b), looks.metal(b)
    long = b.between(0.75, 1.0)
    _barrel(b, 0.06, -long, 0.014, steel)
    fore = -long * b.between(0.8, 0.95)
    _side(
        b,
        [(fore, 0.0), (fore, -0.028), (0.1, -0.05), (0.14, -0.05), (0.14, 0.005)],
        0.036,
        wood,
        round=0.006,
    )
    for fraction in np.linspace(0.25, 0.9, b.count(2, 4)):
        b.box((0, fore * float(fraction), -0.008), (0.048, 0.025, 0.05), metal, round=0.01)
    b.cylinder((0, 0.0, -0.034), (0, -long * 0.97, -0.03), 0.005, steel)
    _stock(b, 0.1, b.between(0.48, 0.56), b.between(0.06, 0.1), b.between(0.1, 0.13), wood)
    _guard(b, 0.13, -0.05, metal, 0.05)
    b.box((0.024, 0.1, -0.01), (0.01, 0.13, 0.035), steel, round=0.003)
    b.path([(0.028, 0.13, 0.0), (0.028, 0.14, 0.045), (0.028, 0.1, 0.06)], 0.008, steel)
    if b.chance(0.45):
        b.cylinder((0, -long + 0.06, 0.018), (0, -long, 0.018), 0.01, steel)
        _side(b, [(-long + 0.02, 0.012), (-long - 0.36, 0.02), (-long + 0.02, 0.034)], 0.008, steel)
