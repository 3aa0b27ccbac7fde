"""Loudspeakers: boxes with cones, towers, soundbars, balls, cylinders, horns, stage wedges."""

import math

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from ..registry import category
from .common import corners, disc_foot, oval


@category("loudspeaker")
def loudspeaker(b: Build) -> None:
    """Draw a loudspeaker; its drivers look to -Y."""
    kind = b.choice("box", "box", "tower", "tower", "bar", "ball", "can", "horn", "wedge", "radio")
    {
        "box": _box,
        "tower": _tower,
        "bar": _bar,
        "ball": _ball,
        "can": _can,
        "horn": _horn,
        "wedge": _wedge,
        "radio": _radio,
    }[kind](b)


def _case(b: Build) -> Material:
    return b.choice(looks.wood, looks.wood, looks.dark, looks.white, looks.paint)(b)


def _opening(b: Build, x: float, z: float, y: float, radius: float, look: Material) -> None:
    """Cut the bowl of a driver into the body that is open, at the front face y."""
    b.cone((x, y - 0.02, z), (x, y + 0.5 * radius, z), radius * 0.93, radius * 0.35, look, cut=True)


def _driver(
    b: Build, x: float, z: float, y: float, radius: float, ring: Material, look: Material
) -> None:
    """Add the ring and the dome of a driver whose bowl `_opening` cuts."""
    b.ring((x, y, z), radius * 0.97, radius * b.between(0.05, 0.1), ring, axis=(0, 1, 0))
    b.ellipsoid((x, y + 0.42 * radius, z), (0.36 * radius, 0.2 * radius, 0.36 * radius), look)


def _drivers(b: Build, wide: float, tall: float) -> list[tuple[float, float, float]]:
    """Draw an arrangement of drivers (x, z, radius) on a front, from the top down."""
    big = 0.42 * wide
    kind = (
        b.choice("one", "two", "two", "three", "line")
        if tall > 1.9 * wide
        else b.choice("one", "two", "two", "four")
    )
    top = tall / 2
    if kind == "one":
        return [(0, 0.0, min(big, 0.42 * tall))]
    if kind == "four":
        small = 0.21 * min(wide, tall)
        return [(x, z, small) for x, z in corners(0.25 * wide, 0.25 * tall)]
    tweeter = (0.0, top - 0.24 * wide, 0.15 * wide)
    woofer = min(big, (tall - 0.5 * wide) / 2.2)
    rows = [tweeter, (0.0, top - 0.46 * wide - woofer, woofer)]
    while (
        kind in ("three", "line") and rows[-1][1] - 2.15 * woofer - woofer > -top and len(rows) < 5
    ):
        rows.append((0.0, rows[-1][1] - 2.12 * woofer, woofer))
        if kind == "three" and len(rows) == 3:
            break
    return rows


def _cabinet(b: Build, wide: float, deep: float, tall: float, case: Material) -> None:
    """Add a box with drivers around the origin."""
    ring, cone = looks.same_or(b, case, looks.metal, looks.dark), looks.dark(b)
    drivers = _drivers(b, wide, tall)
    port = b.chance(0.4) and drivers[-1][1] - drivers[-1][2] > -tall / 2 + 0.16 * wide
    with b.body():
        b.box((0, 0, 0), (wide, deep, tall), case, round=b.choice(0.0, 0.01, 0.03))
        for x, z, radius in drivers:
            _opening(b, x, z, -deep / 2, radius, cone)
        if port:
            z = -tall / 2 + 0.1 * wide
            if b.chance(0.5):
                b.cylinder((0, -deep, z), (0, 0, z), 0.06 * wide, cone, cut=True)
            else:
                b.box((0, -deep / 2, z), (0.55 * wide, 0.3, 0.05 * wide), cone, cut=True)
    for x, z, radius in drivers:
        _driver(b, x, z, -deep / 2, radius, ring, cone)


def _foot(b: Build, wide: float, deep: float, low: float, look: Material) -> None:
    """Add spikes, a plate or a tall stand under a box whose lower face is at height `low`."""
    kind = b.choice("spikes", "plate", "none")
    if kind == "spikes":
        for x, y in corners(wide * 0.4, deep * 0.4):
            b.cone((x, y, low - 0.05), (x, y, low + 0.01), 0.005, 0.02, look)
    elif kind == "plate":
        b.box((0, 0, low - 0.015), (wide * 1.2, deep * 1.1, 0.035), look, round=0.008)


def _box(b: Build) -> None:
    case = _case(b)
    wide = b.between(0.4, 0.7)
    tall, deep = wide * b.between(1.1, 1.8), wide * b.between(0.7, 1.2)
    if b.chance(0.15):
        wide, tall = tall, wide
    _cabinet(b, wide, deep, tall, case)
    if b.chance(0.35):
        foot = looks.dark(b)
        height = b.between(0.6, 1.2)
        with b.at((0, 0, -tall / 2 - height)):
            disc_foot(b, height + 0.01, 0.42 * wide, 0.05, foot)
        b.box((0, 0, -tall / 2), (0.6 * wide, 0.6 * deep, 0.03), foot)
    else:
        _foot(b, wide, deep, -tall / 2, looks.dark(b))


def _tower(b: Build) -> None:
    case = _case(b)
    wide, tall, deep = b.between(0.28, 0.38), b.between(1.1, 1.6), b.between(0.3, 0.45)
    with b.at((0, 0, 0), rotation_about("x", -b.choice(0, 0, 5))):
        _cabinet(b, wide, deep, tall, case)
    if b.chance(0.25):
        b.cone((0, 0.02, tall / 2 - 0.01), (0, 0.02, tall / 2 + 0.12), 0.05, 0.12, looks.metal(b))
        b.ball((0, 0.02, tall / 2 + 0.13), 0.1, looks.dark(b))
    _foot(b, wide, deep, -tall / 2, looks.dark(b))


def _bar(b: Build) -> None:
    """A soundbar, sometimes with its separate woofer beneath."""
    case, dark = _case(b), looks.dark(b)
    wide, deep, tall = b.between(1.2, 1.8), b.between(0.12, 0.22), b.between(0.1, 0.2)
    number = b.count(2, 6)
    with b.body():
        b.box((0, 0, 0), (wide, deep, tall), case, round=b.between(0.01, 0.05))
        for i in range(number):
            fraction = (i + 0.5) / number - 0.5
            if number % 2 == 0 or abs(fraction) > 0.1:
                _opening(b, wide * 0.92 * fraction, 0, -deep / 2, 0.38 * tall, dark)
    for i in range(number):
        fraction = (i + 0.5) / number - 0.5
        if number % 2 == 0 or abs(fraction) > 0.1:
            _driver(b, wide * 0.92 * fraction, 0, -deep / 2, 0.38 * tall, dark, dark)
    if number % 2:
        b.box((0, -deep / 2, 0), (0.2, 0.02, tall * 0.4), looks.screen(b))
    for side in (-1, 1):
        x = side * wide * 0.36
        if b.chance(0.5):
            b.box((x, 0, -tall / 2 - 0.01), (0.12, deep * 0.8, 0.04), dark, round=0.01)
        else:
            b.cylinder((x, 0, -tall / 2 - 0.04), (x, 0, -tall / 2 + 0.01), 0.04, dark)


def _ball(b: Build) -> None:
    """A ball or an egg with one or two drivers, on a foot, a stem or three legs."""
    case, dark, metal = _case(b), looks.dark(b), looks.metal(b)
    tall = b.choice(1.0, 1.0, 1.25, 1.5)
    with b.body():
        b.ellipsoid((0, 0, 0), (0.4, 0.4, 0.4 * tall), case)
        for z, radius in ((0.0, 0.24),) if tall == 1.0 else ((-0.1, 0.2), (0.22, 0.09)):
            b.cylinder((0, -1, z), (0, -0.3 if radius > 0.1 else -0.24, z), radius, dark, cut=True)
            b.cone((0, -0.35, z), (0, -0.1, z), radius * 0.9, radius * 0.3, dark, cut=True)
    for z, radius in ((0.0, 0.24),) if tall == 1.0 else ((-0.1, 0.2), (0.22, 0.09)):
        y = -0.3 if radius > 0.1 else -0.28
        b.ring((0, y, z), radius * 0.95, 0.02, metal, axis=(0, 1, 0))
        b.ball((0, -0.1 - radius * 0.1, z), radius * 0.35, metal)
        b.cylinder((0, -0.12, z), (0, 0.05, z), radius * 0.3, metal)
    foot = b.choice("ring", "stem", "legs")
    low = -0.4 * tall
    if foot == "ring":
        b.ring((0, 0, low + 0.02), 0.17, 0.05, dark)
    elif foot == "stem":
        with b.at((0, 0, low - 0.5)):
            disc_foot(b, 0.54, 0.26, 0.035, metal)
    else:
        for i in range(3):
            angle = 2 * math.pi * (i + 0.25) / 3
            out = np.array([math.cos(angle), math.sin(angle), 0])
            b.cone(
                0.42 * out + [0, 0, low - 0.16], 0.18 * out + [0, 0, low + 0.12], 0.014, 0.03, metal
            )


def _can(b: Build) -> None:
    """A smart speaker: a cylinder or a cone with a grille of rings and a light on top."""
    case, trim = b.choice(looks.fabric, looks.dark, looks.white, looks.metal)(b), looks.metal(b)
    radius = b.between(0.22, 0.4)
    tall = b.between(0.5, 1.1)
    waist = b.between(0.75, 1.15)
    profile = [
        (0, 0),
        (radius * 0.9, 0),
        (radius, 0.05),
        (radius * waist, tall * 0.95),
        (radius * waist * 0.9, tall),
        (0, tall),
    ]
    b.revolve(profile, case)
    number = b.choice(0, 3, 6, 9)
    for i in range(number):
        z = tall * (0.15 + 0.65 * i / max(number - 1, 1))
        b.ring((0, 0, z), radius * (1 + (waist - 1) * z / tall), 0.012, trim)
    b.ring((0, 0, tall), radius * waist * 0.72, 0.018, looks.screen(b))
    b.cylinder((0, 0, tall - 0.02), (0, 0, tall + 0.012), radius * waist * 0.4, trim)
    if b.chance(0.35):
        b.ring(
            (0, 0, tall * 0.97),
            radius * 0.9,
            0.03,
            trim,
            rotation=rotation_about("y", -90) @ rotation_about("z", 0),
            arc=180,
        )
    if b.chance(0.4):
        b.cylinder((0, 0, -0.03), (0, 0, 0.02), radius * 1.1, trim, round=0.008)


def _horn(b: Build) -> None:
    """A horn: over a bass box, or a megaphone on a post."""
    horn, case, dark = (
        looks.same_or(b, looks.brass(b), looks.dark, looks.white),
        _case(b),
        looks.dark(b),
    )
    mouth, long = b.between(0.28, 0.42), b.between(0.45, 0.65)
    steps = np.linspace(0, 1, 8)
    bell = 0.05 + (mouth - 0.05) * steps**2.2
    inner = [(max(r - 0.025, 0.012), s * long) for r, s in zip(bell, steps, strict=True)]
    outer = [(r + 0.008, s * long) for r, s in zip(bell, steps, strict=True)]
    box = b.chance(0.6)
    height = 0.8
    with b.at((0, 0.1, height), rotation_about("x", 90)):
        b.revolve([*outer, *inner[::-1]], horn)
        b.cylinder((0, 0, -0.16), (0, 0, 0.05), 0.12, dark, round=0.03)
    if box:
        wide = b.between(0.5, 0.7)
        with b.at((0, 0, 0.22 - mouth * 0.2)):
            _cabinet(b, wide, 0.5, 0.5, case)
        b.box((0, 0.2, 0.55), (0.16, 0.16, 0.5), dark)
    else:
        b.cylinder((0, 0.14, 0), (0, 0.14, height), 0.035, dark)
        b.extrude(oval(0.5, 0.5), 0.04, dark, center=(0, 0.14, 0.02))


def _wedge(b: Build) -> None:
    """A stage monitor: a wedge with a slanted front."""
    case, dark, metal = looks.dark(b), looks.dark(b), looks.metal(b)
    wide, tall, deep = b.between(0.6, 0.9), b.between(0.42, 0.52), b.between(0.5, 0.6)
    outline = np.array(
        [
            (-deep / 2, 0),
            (deep / 2, 0),
            (deep / 2, 0.5 * tall),
            (0.25 * deep, tall),
            (0.1 * deep, tall),
            (-deep / 2, 0.14),
        ]
    )
    start, end = outline[5], outline[4]
    along = end - start
    tilt = -(90 - math.degrees(math.atan2(along[1], along[0])))
    middle = (start + end) / 2
    radius = min(0.4 * float(np.hypot(*along)), 0.26 * wide)
    places = (
        [(-0.22 * wide, radius), (0.28 * wide, radius * 0.5)]
        if b.chance(0.6)
        else [(-0.24 * wide, radius), (0.24 * wide, radius)]
    )
    with b.body():
        b.extrude(outline, wide, case, along="x")
        with b.at((0, *middle), rotation_about("x", tilt)):
            for x, size in places:
                _opening(b, x, 0, 0, size, dark)
        for side in (-1, 1):
            grip = (side * wide / 2, 0.1 * deep, 0.55 * tall)
            b.box(grip, (0.1, 0.2, 0.07), dark, round=0.02, cut=True)
    with b.at((0, *middle), rotation_about("x", tilt)):
        for x, size in places:
            _driver(b, x, 0, 0, size, metal, dark)
    for side in (-1, 1):
        b.box((side * wide * 0.4, 0, 0.0), (0.05, deep * 0.8, 0.03), metal)


def _radio(b: Build) -> None:
    """A portable: two drivers, a handle, an aerial, knobs."""
    case, dark, metal = looks.paint(b), looks.dark(b), looks.metal(b)
    wide, tall, deep = b.between(1.1, 1.5), b.between(0.5, 0.7), b.between(0.25, 0.35)
    radius = 0.38 * tall
    places = [-0.31 * wide, 0.31 * wide]
    radius = min(radius, 0.18 * wide)
    with b.body():
        b.box((0, 0, 0), (wide, deep, tall), case, round=b.between(0.02, 0.1))
        for x in places:
            _opening(b, x, -0.04, -deep / 2, radius, dark)
    for x in places:
        _driver(b, x, -0.04, -deep / 2, radius, metal, dark)
    b.box((0, -deep / 2, -0.08), (0.2 * wide, 0.03, 0.3 * tall), dark, round=0.008)
    b.box((0, -deep / 2, 0.3 * tall), (0.5 * wide, 0.02, 0.14 * tall), looks.screen(b), round=0.005)
    for i in range(b.count(2, 5)):
        x = 0.07 * wide * (i - 2)
        b.cylinder((x, 0, tall / 2 - 0.01), (x, 0, tall / 2 + 0.04), 0.03, metal)
    top = tall / 2 + b.between(0.12, 0.2)
    b.path(
        [
            (-0.4 * wide, 0.04, tall / 2 - 0.03),
            (-0.38 * wide, 0.04, top),
            (0.38 * wide, 0.04, top),
            (0.4 * wide, 0.04, tall / 2 - 0.03),
        ],
        0.022,
        dark,
    )
    if b.chance(0.6):
        b.rod(
            (0.42 * wide, deep * 0.35, tall / 2 - 0.02),
            (0.3 * wide, deep * 0.35, tall / 2 + 0.6),
            0.009,
            metal,
        )
