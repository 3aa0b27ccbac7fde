"""Buses and lorries, nose to -Y."""

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from .chassis import add_wheels, cut_arches

CAB = 0.48
"""Length of a lorry's cab behind its nose."""


def bus(b: Build) -> None:
    """A bus or a coach with one deck of windows or two."""
    paint, glass, dark = looks.paint(b), looks.glass(b), looks.dark(b)
    length, wide, height = b.between(2.0, 2.9), b.between(0.62, 0.72), b.between(0.72, 0.85)
    double = b.chance(0.25)
    height *= 1.45 if double else 1.0
    radius = 0.13
    axles = (-0.3 * length, 0.3 * length)
    with b.body():
        b.box((0, 0, 0.1 + height / 2), (wide, length, height), paint, round=b.between(0.03, 0.1))
        cut_arches(b, axles, wide, radius)
    stripe = looks.paint(b)
    if double:
        for deck in (0.28, 0.74):
            _windows(b, 0.1 + deck * height + 0.1 * height, length, wide, 0.24, glass)
    else:
        _windows(b, 0.1 + 0.66 * height, length, wide, 0.27, glass)
    b.box((0, 0, 0.1 + 0.25 * height), (wide + 0.014, length * 0.97, 0.06), stripe)
    for side in (-1, 1):
        lamp = side * wide * 0.36
        b.cylinder(
            (lamp, -0.49 * length, 0.24),
            (lamp, -0.5 * length - 0.015, 0.24),
            0.04,
            looks.white(b),
        )
        _mirror(b, side, length, wide, height, dark)
    if b.chance(0.5):
        cooler = (wide * 0.6, 0.3 * length, 0.08)
        b.box((0, 0.1 * length, height + 0.12), cooler, looks.white(b), round=0.02)
    add_wheels(b, axles, wide, radius)


def _windows(b: Build, z: float, length: float, wide: float, tall: float, glass: Material) -> None:
    """Add one deck's windows around `z`: six a side, the front one and the rear one."""
    for i in range(6):
        y = length * ((i + 0.5) / 6 - 0.5) * 0.94
        b.box((0, y, z), (wide + 0.012, length * 0.13, tall), glass, round=0.005)
    b.box((0, -0.5 * length, z), (wide * 0.84, 0.016, tall + 0.03), glass)
    b.box((0, 0.5 * length, z), (wide * 0.7, 0.016, tall * 0.7), glass)


def _mirror(b: Build, side: int, length: float, wide: float, height: float, look: Material) -> None:
    """Hang a mirror on an arm ahead of a front corner."""
    x, y = side * (wide * 0.5 + 0.05), -0.53 * length
    corner = (side * wide * 0.48, -0.49 * length, 0.62 * height)
    b.path([corner, (x, y, 0.6 * height)], 0.012, look)
    b.ellipsoid((x, y, 0.57 * height), (0.02, 0.02, 0.07), look)


def truck(b: Build) -> None:
    """A lorry: a cab before a box, a tank, an open bed or a tipper."""
    paint, dark, glass = looks.paint(b), looks.dark(b), looks.glass(b)
    length, wide, radius = b.between(1.7, 2.5), b.between(0.58, 0.68), 0.145
    top = b.between(0.66, 0.8)
    nose = 0.25 if b.chance(0.35) else 0.0
    front, back = -length / 2, length / 2
    b.box((0, 0, 0.2), (wide * 0.55, length * 0.98, 0.09), dark)
    axles = (front + 0.22, back - 0.25)
    if length > 2.0:
        axles += (back - 0.25 - 2.2 * radius,)
    with b.body():
        _cab(b, front, nose, top, wide, paint)
        cut_arches(b, axles[:1], wide, radius)
    b.box(
        (0, front + nose + 0.02, top - 0.15),
        (wide * 0.86, 0.03, 0.17),
        glass,
        rotation=rotation_about("x", -10),
    )
    b.box((0, front + nose + 0.24, top - 0.15), (wide + 0.02, 0.2, 0.15), glass, round=0.01)
    b.box((0, front + 0.0, 0.18), (wide, 0.08, 0.1), looks.metal(b), round=0.02)
    behind = front + nose + CAB
    for side in (-1, 1):
        lamp = side * wide * 0.36
        b.cylinder((lamp, front + 0.04, 0.3), (lamp, front - 0.03, 0.3), 0.045, looks.white(b))
        if b.chance(0.5):
            _exhaust(b, side * wide, behind, top, dark)
    load = looks.paint(b)
    kind = b.choice("box", "tank", "bed", "flat")
    add_load = {"box": _box, "tank": _tank, "bed": _bed, "flat": _flat}[kind]
    add_load(b, behind + 0.06, back, wide, load, dark)
    add_wheels(b, axles, wide, radius)


def _cab(b: Build, front: float, nose: float, top: float, wide: float, look: Material) -> None:
    """Add the cab in side view, with a bonnet where there is a nose."""
    outline = [
        (0, 0.14),
        (0, 0.45),
        (nose + 0.01, 0.5 if nose else 0.45),
        (nose + 0.06, top),
        (nose + CAB, top),
        (nose + CAB, 0.14),
    ]
    b.extrude([(front + y, z) for y, z in outline], wide, look, along="x", round=0.02)


def _exhaust(b: Build, wide: float, y: float, top: float, step: Material) -> None:
    """Add a pipe that stands behind the cab, on the side of the sign of `wide`, over a step."""
    x = wide * 0.42
    b.cylinder((x, y + 0.04, 0.22), (x, y + 0.04, top + 0.14), 0.022, looks.metal(b))
    b.box((wide * 0.35, y + 0.03, 0.24), (0.14, 0.08, 0.06), step)


# Loads reach from y = start to y = end over the chassis.


def _box(b: Build, start: float, end: float, wide: float, look: Material, dark: Material) -> None:
    """Add a closed box with two doors behind."""
    tall = b.between(0.55, 0.75)
    z = 0.24 + tall / 2
    b.box((0, (end + start) / 2, z), (wide * 1.04, end - start, tall), look, round=0.012)
    for side in (-1, 1):
        door = (wide * 0.46, 0.02, tall * 0.92)
        b.box((side * wide * 0.25, end + 0.004, z), door, looks.metal(b))


def _tank(b: Build, start: float, end: float, wide: float, look: Material, dark: Material) -> None:
    """Add a tank on two saddles, with its dome."""
    b.cylinder((0, start, 0.5), (0, end, 0.5), 0.28, look, round=0.08)
    for fraction in (0.2, 0.8):
        b.box((0, start + fraction * (end - start), 0.3), (0.4, 0.1, 0.16), dark)
    middle = (end + start) / 2
    b.cylinder((0, middle, 0.7), (0, middle, 0.82), 0.07, dark)


def _bed(b: Build, start: float, end: float, wide: float, look: Material, dark: Material) -> None:
    """Add an open bed with walls."""
    middle, long, tall = (end + start) / 2, end - start, 0.28
    with b.body():
        b.box((0, middle, 0.24 + tall / 2), (wide * 1.02, long, tall), look)
        b.box((0, middle, 0.3 + tall / 2), (wide * 0.94, long - 0.05, tall), dark, cut=True)


def _flat(b: Build, start: float, end: float, wide: float, look: Material, dark: Material) -> None:
    """Add a flat bed that carries one to three crates."""
    middle, long, tall = (end + start) / 2, end - start, 0.06
    with b.body():
        b.box((0, middle, 0.24 + tall / 2), (wide * 1.02, long, tall), look)
    for fraction in np.linspace(0.2, 0.8, b.count(1, 3)):
        at = (0, start + float(fraction) * long, 0.39)
        b.box(at, (wide * 0.7, long * 0.22, 0.2), looks.wood(b), round=0.01)
