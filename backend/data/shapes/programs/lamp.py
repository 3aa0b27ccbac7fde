"""Lamps: on tables, floors, desks and walls, pendants, chandeliers, lanterns, street lamps."""

import math

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from ..registry import category
from .common import arc, corners, disc_foot, oval
from .lampshades import (
    add_balls,
    add_blocks,
    add_bowl,
    add_cage,
    add_gourd,
    add_light_column,
    add_open_frame,
    add_reflector,
    add_shade,
    add_tripod,
    add_vase,
)


@category("lamp")
def lamp(b: Build) -> None:
    """Draw a lamp."""
    kind = b.choice(
        "table",
        "table",
        "floor",
        "floor",
        "desk",
        "pendant",
        "chandelier",
        "arc",
        "wall",
        "lantern",
        "street",
    )
    {
        "table": _table,
        "floor": _floor,
        "desk": _desk,
        "pendant": _pendant,
        "chandelier": _chandelier,
        "arc": _arc,
        "wall": _wall,
        "lantern": _lantern,
        "street": _street,
    }[kind](b)


def _table(b: Build) -> None:
    """A lamp for a table: a foot of many forms under a shade."""
    look = b.choice(looks.paint, looks.wood, looks.brass, looks.metal, looks.white)(b)
    height, radius = b.between(0.35, 0.6), b.between(0.2, 0.34)
    kind = b.choice("vase", "balls", "column", "tripod", "blocks", "gourd", "frame")
    if kind == "column":
        disc_foot(b, height, b.between(0.13, 0.18), 0.03, look)
    elif kind == "tripod":
        add_tripod(b, height, 0.2, 0.0, (0.012, 0.022), look)
    else:
        add_foot = {
            "vase": add_vase,
            "balls": add_balls,
            "blocks": add_blocks,
            "gourd": add_gourd,
            "frame": add_open_frame,
        }[kind]
        add_foot(b, height, look)
    b.cylinder((0, 0, height - 0.04), (0, 0, height + 0.25), 0.014, looks.metal(b))
    tall = b.between(0.22, 0.34)
    add_shade(b, height + 0.02, radius, tall, looks.glow(b))


def _floor(b: Build) -> None:
    """A lamp for the floor: a shade or a bowl on a high foot, or a column of light."""
    metal = b.choice(looks.metal, looks.dark, looks.brass, looks.wood)(b)
    height = b.between(1.15, 1.45)
    kind = b.choice("disc", "disc", "tripod", "torch", "column")
    if kind == "column":
        add_light_column(b, height, metal)
        return
    if kind == "tripod":
        add_tripod(b, height, 0.36, 0.25, (0.014, 0.025), metal)
        if b.chance(0.5):
            b.cylinder((0, 0, 0.42 * height), (0, 0, 0.44 * height), 0.22, metal)
    else:
        disc_foot(b, height, b.between(0.14, 0.2), 0.022, metal)
    b.cylinder((0, 0, height - 0.03), (0, 0, height + 0.26), 0.014, metal)
    if kind == "torch":
        add_bowl(b, height)
    else:
        add_shade(b, height - 0.02, b.between(0.2, 0.32), b.between(0.24, 0.36), looks.glow(b))


def _desk(b: Build) -> None:
    """An arm with one or two joints over a foot, ending in a reflector."""
    look, joint = b.choice(looks.paint, looks.metal, looks.dark)(b), looks.metal(b)
    b.cylinder((0, 0.2, 0), (0, 0.2, 0.045), b.between(0.14, 0.19), look, round=0.012)
    first = math.radians(b.between(-20, 35))
    second = math.radians(b.between(55, 110))
    low, high = b.between(0.4, 0.6), b.between(0.38, 0.55)
    start = np.array([0, 0.2, 0.04])
    elbow = start + low * np.array([0, math.sin(first), math.cos(first)])
    head = elbow + high * np.array([0, -math.sin(second), math.cos(second)])
    double = b.chance(0.5)
    for a, c in ((start, elbow), (elbow, head)):
        for side in (-1, 1) if double else (0,):
            b.rod(np.add(a, (side * 0.025, 0, 0)), np.add(c, (side * 0.025, 0, 0)), 0.012, look)
        b.cylinder(np.subtract(a, (0.045, 0, 0)), np.add(a, (0.045, 0, 0)), 0.03, joint)
    b.cylinder(np.subtract(head, (0.045, 0, 0)), np.add(head, (0.045, 0, 0)), 0.03, joint)
    with b.at(head, rotation_about("x", b.between(-50, 5))):
        if b.chance(0.7):
            add_reflector(b, b.between(0.13, 0.19), b.between(0.16, 0.24), look)
        else:
            b.box((0, -0.12, -0.02), (0.16, 0.42, 0.05), look, round=0.02)
            b.box((0, -0.12, -0.045), (0.11, 0.36, 0.02), looks.white(b))


def _pendant(b: Build) -> None:
    """A lamp that hangs from a rose on a cord."""
    look, metal = b.choice(looks.glow, looks.metal, looks.paint)(b), looks.metal(b)
    drop = b.between(0.4, 0.9)
    b.cone((0, 0, 0), (0, 0, -0.05), 0.07, 0.045, metal)
    b.cylinder((0, 0, 0), (0, 0, -drop), 0.009, metal)
    radius = b.between(0.18, 0.36)
    kind = b.choice("dome", "ball", "cone", "rings", "drum", "cage")
    with b.at((0, 0, -drop)):
        if kind in ("dome", "cone"):
            add_reflector(b, radius, radius * b.between(0.6, 1.0), look)
        elif kind == "ball":
            b.ball((0, 0, -radius * 0.9), radius * 0.9, look)
            b.cylinder((0, 0, -0.06), (0, 0, 0.04), 0.06, metal)
        elif kind == "rings":
            number = b.count(3, 6)
            for i in range(number):
                fraction = math.sin(math.pi * (i + 0.6) / (number + 0.2))
                b.cylinder((0, 0, -0.09 * i - 0.03), (0, 0, -0.09 * i), radius * fraction, look)
            b.cylinder((0, 0, -0.09 * number), (0, 0, 0), 0.03, metal)
        elif kind == "drum":
            add_shade(b, -0.3, radius, 0.3, look)
        else:
            add_cage(b, radius, metal)


def _chandelier(b: Build) -> None:
    metal, glow = b.choice(looks.brass, looks.dark, looks.metal)(b), looks.glow(b)
    arms, reach, drop = b.count(4, 8), b.between(0.3, 0.48), b.between(0.3, 0.55)
    b.cone((0, 0, 0), (0, 0, -0.05), 0.08, 0.05, metal)
    b.cylinder((0, 0, 0), (0, 0, -drop - 0.25), 0.014, metal)
    b.ellipsoid((0, 0, -drop - 0.2), (0.07, 0.07, 0.1), metal)
    b.ball((0, 0, -drop - 0.31), 0.04, metal)
    style = b.choice("bow", "straight", "wheel")
    down = b.chance(0.35)
    for i in range(arms):
        angle = 2 * math.pi * i / arms
        out = np.array([math.cos(angle), math.sin(angle), 0])
        hub, end = np.array([0, 0, -drop - 0.2]), reach * out + [0, 0, -drop - 0.16]
        if style == "bow":
            b.path(
                [
                    hub,
                    0.45 * reach * out + [0, 0, -drop - 0.3],
                    0.85 * reach * out + [0, 0, -drop - 0.28],
                    end,
                ],
                0.013,
                metal,
            )
        else:
            b.rod(hub, end, 0.013, metal)
        side = -1 if down else 1
        b.cone(end, np.add(end, (0, 0, side * 0.04)), 0.02, 0.045, metal)
        if down:
            b.cone(np.add(end, (0, 0, -0.03)), np.add(end, (0, 0, -0.16)), 0.035, 0.09, glow)
        else:
            b.cylinder(np.add(end, (0, 0, 0.02)), np.add(end, (0, 0, 0.13)), 0.02, glow)
            b.ellipsoid(np.add(end, (0, 0, 0.15)), (0.022, 0.022, 0.04), glow)
    if style == "wheel":
        b.ring((0, 0, -drop - 0.16), reach, 0.018, metal)


def _arc(b: Build) -> None:
    """A floor lamp on a long bow over a heavy foot."""
    metal, foot = looks.metal(b), b.choice(looks.dark, looks.white, looks.wood)(b)
    reach, height = b.between(0.8, 1.1), b.between(1.2, 1.5)
    if b.chance(0.5):
        b.box((0, reach / 2, 0.06), (0.28, 0.28, 0.12), foot, round=0.01)
    else:
        b.cylinder((0, reach / 2, 0), (0, reach / 2, 0.07), 0.18, foot, round=0.015)
    bow = np.add(arc(reach / 2, 0, 150, 9, flat=(height - 0.5) * 2 / reach), (0, 0.5))
    points = [(0, reach / 2, 0.05), *[(0, float(y), float(z)) for y, z in bow]]
    b.path(points, 0.017, metal)
    with b.at(points[-1]):
        b.cylinder((0, 0, -0.12), (0, 0, 0), 0.01, metal)
        with b.at((0, 0, -0.08)):
            if b.chance(0.6):
                add_reflector(
                    b,
                    b.between(0.18, 0.24),
                    b.between(0.14, 0.2),
                    b.choice(looks.metal, looks.glow)(b),
                )
            else:
                b.ball((0, 0, -0.15), 0.15, looks.glow(b))


def _wall(b: Build) -> None:
    metal, glow = b.choice(looks.metal, looks.brass, looks.dark)(b), looks.glow(b)
    plate = b.between(0.22, 0.36)
    b.extrude(oval(0.6 * plate, plate, 16, b.choice(2, 6)), 0.03, metal, along="y")
    arms = b.choice(1, 1, 2)
    for side in (0,) if arms == 1 else (-1, 1):
        x = side * 0.16
        tip = (x, -0.22, b.between(0.0, 0.06))
        b.path([(x * 0.2, 0, -0.03), (x * 0.8, -0.14, -0.08), (x, -0.22, -0.06), tip], 0.012, metal)
        with b.at(tip):
            kind = b.choice("cup", "ball", "shade", "candle")
            if kind == "ball":
                b.ball((0, 0, 0.08), 0.1, glow)
            elif kind == "candle":
                b.cone((0, 0, -0.01), (0, 0, 0.03), 0.025, 0.045, metal)
                b.cylinder((0, 0, 0), (0, 0, 0.15), 0.018, glow)
            elif kind == "cup":
                b.revolve([(0.03, 0), (0.11, 0.16), (0.095, 0.16), (0.0, 0.015), (0, 0)], glow)
            else:
                b.cylinder((0, 0, -0.02), (0, 0, 0.1), 0.012, metal)
                b.revolve(
                    [
                        (0.12, 0.0),
                        (0.08, 0.16),
                        (0.0, 0.16),
                        (0, 0.145),
                        (0.07, 0.145),
                        (0.108, 0.0),
                    ],
                    glow,
                )
                b.cylinder((0, 0, 0.0), (0, 0, 0.155), 0.012, metal)


def _lantern(b: Build) -> None:
    metal, glow = b.choice(looks.dark, looks.brass, looks.paint)(b), looks.glow(b)
    wide, tall = b.between(0.3, 0.42), b.between(0.42, 0.65)
    taper = b.between(0.75, 1.0)
    for x, y in corners(wide / 2, wide / 2):
        b.rod((x * taper, y * taper, 0.03), (x, y, tall), 0.017, metal)
    b.box((0, 0, 0.025), (wide * taper + 0.06, wide * taper + 0.06, 0.05), metal)
    b.box((0, 0, tall), (wide + 0.08, wide + 0.08, 0.03), metal)
    b.frustum((0, 0, tall + 0.08), 0.15, (wide + 0.06, wide + 0.06), (0.1, 0.1), metal)
    b.ring((0, 0, tall + 0.22), 0.08, 0.014, metal, rotation=rotation_about("x", 90))
    b.cylinder((0, 0, 0.03), (0, 0, tall * 0.5), 0.06, glow)
    b.ellipsoid((0, 0, tall * 0.55), (0.03, 0.03, 0.06), glow)
    if b.chance(0.5):
        for side in (-1, 1):
            b.rod(
                (side * wide / 2 * (taper + 1) / 2, -wide / 2 * (taper + 1) / 2, tall / 2),
                (side * wide / 2 * (taper + 1) / 2, wide / 2 * (taper + 1) / 2, tall / 2),
                0.01,
                metal,
            )
            b.rod(
                (-wide / 2 * (taper + 1) / 2, side * wide / 2 * (taper + 1) / 2, tall / 2),
                (wide / 2 * (taper + 1) / 2, side * wide / 2 * (taper + 1) / 2, tall / 2),
                0.01,
                metal,
            )


def _street(b: Build) -> None:
    metal, glow = b.choice(looks.dark, looks.metal)(b), looks.glow(b)
    height, heads = b.between(1.5, 2.0), b.choice(1, 1, 2, 3)
    b.revolve(
        [(0, 0), (0.13, 0), (0.13, 0.04), (0.07, 0.12), (0.05, 0.3), (0.026, height), (0, height)],
        metal,
    )
    kind = b.choice("bow", "globe", "lantern")
    if heads == 1 and kind != "bow":
        with b.at((0, 0, height)):
            _head(b, kind, metal, glow)
        return
    for i in range(heads):
        with b.at((0, 0, height - 0.03), rotation_about("z", 360 * i / heads)):
            b.path(
                [(0, 0, -0.1), (0, -0.12, 0.02), (0, -0.3, 0.06), (0, -0.42, 0.05)], 0.018, metal
            )
            if kind == "bow":
                b.box((0, -0.5, 0.045), (0.13, 0.28, 0.05), metal, round=0.022)
                b.box((0, -0.5, 0.02), (0.09, 0.2, 0.03), glow)
            else:
                with b.at((0, -0.42, 0.05)):
                    _head(b, kind, metal, glow)


def _head(b: Build, kind: str, metal: Material, glow: Material) -> None:
    b.cylinder((0, 0, -0.04), (0, 0, 0.05), 0.045, metal)
    if kind == "globe":
        b.ball((0, 0, 0.14), 0.13, glow)
        return
    b.frustum((0, 0, 0.15), 0.22, (0.12, 0.12), (0.22, 0.22), glow)
    b.frustum((0, 0, 0.3), 0.09, (0.28, 0.28), (0.06, 0.06), metal)
    b.ball((0, 0, 0.36), 0.03, metal)
