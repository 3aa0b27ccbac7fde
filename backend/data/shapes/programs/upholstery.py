"""What sofas share: covers, feet, cushions, arms, pillows."""

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from .common import corners, leg


def cover(b: Build) -> Material:
    """Sample a sofa's covering: cloth or leather."""
    return looks.fabric(b) if b.chance(0.65) else looks.leather(b)


def add_feet(b: Build, x: float, y: float, low: float, thick: float = 0.05) -> None:
    """Add feet under (+-x, +-y) that reach up into what stands at height `low`."""
    look = b.choice(looks.wood, looks.metal, looks.dark)(b)
    style = b.choice("square", "tapered", "splayed", "sled", "round")
    if style == "sled":
        for side in (-1, 1):
            b.path(
                [
                    (side * x, -y, low + 0.02),
                    (side * x, -y, 0.012),
                    (side * x, y, 0.012),
                    (side * x, y, low + 0.02),
                ],
                0.012,
                look,
            )
        return
    for cx, cy in corners(x, y):
        out = 1.05 if style == "splayed" else 1.0
        leg(b, style, (cx, cy, low + 0.03), (cx * out, cy * out, 0), thick, look)


def add_cushions(
    b: Build,
    left: float,
    right: float,
    y: float,
    depth: float,
    z: float,
    thick: float,
    number: int,
    look: Material,
) -> None:
    """Add seat cushions from x = left to right, centred at y, their lower face at z."""
    wide = (right - left) / number
    for i in range(number):
        b.box(
            (left + wide * (i + 0.5), y, z + thick / 2),
            (wide * 0.985, depth, thick),
            look,
            round=0.4 * thick,
        )


def add_arm(
    b: Build,
    x: float,
    y0: float,
    y1: float,
    low: float,
    top: float,
    wide: float,
    look: Material,
    kind: str,
    edge: float,
) -> None:
    """Add one arm: a block, a rounded or a flared one."""
    middle, long = (y0 + y1) / 2, y1 - y0
    if kind == "round":
        b.box((x, middle, (low + top) / 2), (wide * 0.8, long, top - low), look, round=edge)
        b.cylinder((x, y0, top), (x, y1, top), wide * 0.62, look, round=0.03)
    elif kind == "low":
        b.box((x, middle, (low + top) / 2 - 0.06), (wide, long, top - low - 0.12), look, round=edge)
        b.box((x, middle, top - 0.1), (wide, long * 0.98, 0.1), look, round=0.045)
    else:
        lean = 8 if kind == "flare" else 0
        with b.at((x, middle, low), rotation_about("y", float(np.sign(x)) * lean)):
            b.box((0, 0, (top - low) / 2), (wide, long, top - low), look, round=edge)


def add_back_cushions(
    b: Build,
    left: float,
    right: float,
    y: float,
    z: float,
    tall: float,
    number: int,
    look: Material,
) -> None:
    """Add cushions that lean back, from x = left to right, on height z at depth y."""
    wide = (right - left) / number
    for i in range(number):
        with b.at((left + wide * (i + 0.5), y, z), rotation_about("x", -b.between(8, 14))):
            b.box((0, 0, tall / 2), (wide * 0.97, 0.16, tall), look, round=0.065)


def add_pillows(b: Build, half: float, y: float, z: float) -> None:
    """Throw one or two pillows against the ends."""
    for side in (-1, 1):
        if b.chance(0.5):
            with b.at(
                (side * (half - 0.16), y, z),
                rotation_about("z", side * 20) @ rotation_about("x", -22),
            ):
                b.box((0, 0, 0.14), (0.34, 0.1, 0.34), looks.fabric(b), round=0.048)
