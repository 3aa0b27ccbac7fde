"""Parts of lamps: shades, stands, reflectors, cages."""

import math

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from .common import corners

THICK = 0.012
"""How thick a shade's wall is."""


def add_shade(b: Build, z: float, radius: float, tall: float, look: Material) -> None:
    """Add an open shade around z, its lower rim at z, held by a spider and a bulb inside."""
    top = radius * b.choice(b.between(0.45, 0.75), 1.0, b.between(0.8, 0.95), 0.3)
    metal = looks.metal(b)
    kind = b.choice("cone", "cone", "drum", "bell", "square", "dome")
    if kind == "square":
        _square_shade(b, z + tall / 2, tall, 2 * radius, 2 * top, look)
    elif kind in ("bell", "dome"):
        steps = np.linspace(0, 1, 7)
        curve = (1 - steps) ** 2 if kind == "bell" else np.sqrt(1 - steps**2)
        top = 0.25 * radius
        outer = [
            (top + (radius - top) * float(c), z + float(s) * tall)
            for c, s in zip(curve, steps, strict=True)
        ]
        b.revolve([*outer, *[(r - THICK, h - THICK) for r, h in outer[::-1]]], look)
    else:
        top = radius if kind == "drum" else top
        b.revolve(
            [(radius, z), (top, z + tall), (top - THICK, z + tall), (radius - THICK, z)], look
        )
    _spider(b, z, tall, top * 0.98 - THICK * 0.5, metal)
    b.ball((0, 0, z + 0.35 * tall), min(0.05, 0.25 * radius), looks.white(b))


def _square_shade(
    b: Build, middle: float, tall: float, low: float, top: float, look: Material
) -> None:
    """Add a hollow pyramid's stump of sides `low` and `top` around the height `middle`."""
    inner, inner_top = (low - 0.03, low - 0.03), (top - 0.03, top - 0.03)
    with b.body():
        b.frustum((0, 0, middle), tall, (low, low), (top, top), look)
        b.frustum((0, 0, middle), tall * 1.02, inner, inner_top, look, cut=True)


def _spider(b: Build, z: float, tall: float, reach: float, look: Material) -> None:
    """Add the three rods that hold a shade, and their stem."""
    for i in range(3):
        angle = 2 * math.pi * (i + 0.5) / 3
        end = (reach * math.cos(angle), reach * math.sin(angle), z + 0.96 * tall)
        b.rod((0, 0, z + 0.93 * tall), end, 0.008, look)
    b.cylinder((0, 0, z + 0.25 * tall), (0, 0, z + 0.94 * tall), 0.016, look)


def add_tripod(
    b: Build,
    height: float,
    reach: float,
    start: float,
    radii: tuple[float, float],
    look: Material,
) -> None:
    """Add three legs to `height`, the first after `start` thirds of a turn; radii: foot and top."""
    for i in range(3):
        angle = 2 * math.pi * (i + start) / 3
        foot = (reach * math.cos(angle), reach * math.sin(angle), 0)
        b.cone(foot, (0, 0, height), *radii, look)


def add_vase(b: Build, height: float, look: Material) -> None:
    wide = b.between(0.1, 0.2)
    steps = np.linspace(0, 1, 10)
    swing = 0.35 + 0.65 * np.sin(np.pi * (0.1 + 0.85 * steps)) ** b.choice(1, 2)
    side = [(wide * float(s), height * float(t)) for s, t in zip(swing, steps, strict=True)]
    b.revolve([(0, 0), *side, (0, height)], look)


def add_gourd(b: Build, height: float, look: Material) -> None:
    with b.body(blend=0.06):
        b.ball((0, 0, 0.15), 0.16, look)
        b.ball((0, 0, 0.36), 0.1, look)
        b.cylinder((0, 0, 0.3), (0, 0, height + 0.02), 0.025, look)
        b.cylinder((0, 0, 0), (0, 0, 0.05), 0.09, look)


def add_balls(b: Build, height: float, look: Material) -> None:
    number = b.count(2, 4)
    size = height / number / 2
    b.cylinder((0, 0, -0.03), (0, 0, 0.02), 0.16, looks.metal(b))
    for i in range(number):
        b.ball((0, 0, size * (2 * i + 1) * 0.97), size, look)


def add_blocks(b: Build, height: float, look: Material) -> None:
    """Add blocks over each other, each turned against the one below."""
    number = b.count(2, 4)
    for i in range(number):
        with b.at((0, 0, height * (i + 0.5) / number), rotation_about("z", b.between(0, 45) * i)):
            b.box((0, 0, 0), (0.2, 0.2, height / number), look, round=0.01)


def add_open_frame(b: Build, height: float, look: Material) -> None:
    """Add four posts between two plates."""
    for x, y in corners(0.11, 0.11):
        b.box((x, y, height / 2), (0.02, 0.02, height), look)
    for z in (0.01, height - 0.01):
        b.box((0, 0, z), (0.24, 0.24, 0.02), look)


def add_light_column(b: Build, height: float, metal: Material) -> None:
    """Add a round or square column that glows, between a plate and a lid, in rings or edges."""
    look = looks.glow(b)
    radius = b.between(0.1, 0.17)
    b.box((0, 0, 0.02), (2.6 * radius, 2.6 * radius, 0.04), metal)
    if b.chance(0.5):
        b.cylinder((0, 0, 0.03), (0, 0, height), radius, look)
        for z in np.linspace(0.15, height, b.count(3, 6)):
            b.ring((0, 0, float(z)), radius, 0.012, metal)
    else:
        b.box((0, 0, height / 2), (2 * radius, 2 * radius, height), look, round=0.01)
        for x, y in corners(radius, radius):
            b.box((x, y, height / 2), (0.025, 0.025, height), metal)
    b.box((0, 0, height), (2.2 * radius, 2.2 * radius, 0.03), metal)


def add_bowl(b: Build, z: float) -> None:
    """Add a bowl that opens upwards from height `z`."""
    steps = np.linspace(0, 1, 7)
    outer = [(0.03 + 0.2 * float(np.sqrt(s)), z + 0.16 * float(s)) for s in steps]
    inner = [(max(r - 0.015, 0.004), h + 0.012) for r, h in outer[::-1]]
    b.revolve([*outer, *inner], looks.glow(b))


def add_reflector(b: Build, radius: float, tall: float, look: Material) -> None:
    """Add a reflector that hangs from the origin and opens downwards, with its bulb."""
    steps = np.linspace(0, 1, 6)
    line = [
        (0.045 + (radius - 0.045) * float(s) ** b.choice(0.7, 1.0, 1.6), -tall * float(s))
        for s in steps
    ]
    b.revolve([*line, *[(r - 0.014, z - 0.004) for r, z in line[::-1]]], look)
    b.cylinder((0, 0, -0.35 * tall), (0, 0, 0.05), 0.05, look, round=0.015)
    b.ball((0, 0, -0.55 * tall), 0.05, looks.white(b))


def add_cage(b: Build, radius: float, metal: Material) -> None:
    """Add a round wire cage with a bulb, hanging from the origin."""
    for i in range(b.count(2, 4)):
        b.ring(
            (0, 0, -radius),
            radius,
            0.01,
            metal,
            rotation=rotation_about("z", 180 * i / 4) @ rotation_about("x", 90),
        )
    b.ring((0, 0, -radius), radius, 0.01, metal)
    b.cylinder((0, 0, -0.5 * radius), (0, 0, 0.03), 0.035, metal)
    b.ball((0, 0, -0.75 * radius), 0.34 * radius, looks.glow(b))
