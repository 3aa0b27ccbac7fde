"""Telephones: smartphones, flip, slide and key phones, desk and wall sets, cordless ones."""

import math

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from ..registry import category
from .common import oval
from .telephone_parts import (
    add_cord,
    add_cradle,
    add_desk_body,
    add_finger_wheel,
    add_handset,
    add_keypad,
    add_slab,
    case_look,
)


@category("telephone")
def telephone(b: Build) -> None:
    """Draw a telephone: standing ones face -Y, lying ones face up."""
    kind = b.choice(
        "smart", "smart", "keys", "flip", "slide", "dial", "desk", "cordless", "wall", "candle"
    )
    {
        "smart": _smart,
        "keys": _keys,
        "flip": _flip,
        "slide": _slide,
        "dial": _dial,
        "desk": _desk,
        "cordless": _cordless,
        "wall": _wall,
        "candle": _candlestick,
    }[kind](b)


def _smart(b: Build) -> None:
    """A slab with a screen in front and cameras behind, perhaps in a cover."""
    case, screen = case_look(b), looks.screen(b)
    wide, tall, thick = b.between(0.68, 0.8), b.between(1.35, 1.65), b.between(0.07, 0.13)
    bezel, chin = b.between(0.02, 0.06), b.between(0.02, 0.22)
    opening = (wide - 2 * bezel, 0.02, tall - bezel - chin)
    with b.body():
        add_slab(b, wide, tall, thick, case, b.between(0.06, 0.12))
        b.box((0, -thick / 2, (chin - bezel) / 2), opening, screen, cut=True)
        if chin > 0.14:
            z = -tall / 2 + chin / 2
            b.cylinder((0, -1, z), (0, -thick / 2 + 0.012, z), 0.3 * chin, screen, cut=True)
        b.box((0, 0, -tall / 2), (0.12, 0.03, 0.03), screen, cut=True)
    _cameras(b, wide, tall, thick / 2, case)
    for z, long in ((0.3, 0.2), (0.05, 0.12)):
        b.box((wide / 2, 0, z * tall * 0.5), (0.025, thick * 0.3, long), case, round=0.008)
    if b.chance(0.3):
        _cover(b, wide, tall, thick)


def _cameras(b: Build, wide: float, tall: float, y: float, case: Material) -> None:
    """Add one lens, a row of three or a block of two to four to the rear face at `y`."""
    lens = looks.dark(b)
    kind = b.choice("block", "row", "one")
    if kind == "block":
        size = b.between(0.2, 0.3)
        at = (wide / 2 - 0.08 - size / 2, tall / 2 - 0.08 - size / 2)
        b.box((at[0], y, at[1]), (size, 0.05, size), case, round=0.02)
        for i in range(b.count(2, 4)):
            x = at[0] + size * 0.24 * (-1 if i % 2 else 1)
            z = at[1] + size * 0.24 * (-1 if i // 2 else 1)
            b.cylinder((x, y, z), (x, y + 0.045, z), 0.18 * size, lens)
    else:
        for i in range(3 if kind == "row" else 1):
            x, z = wide / 2 - 0.14, tall / 2 - 0.14 - 0.14 * i
            b.cylinder((x, y - 0.02, z), (x, y + 0.025, z), 0.055, lens)


def _cover(b: Build, wide: float, tall: float, thick: float) -> None:
    """Add a cover around the four sides."""
    look = looks.paint(b)
    for x in (-wide / 2 - 0.012, wide / 2 + 0.012):
        b.box((x, 0.01, 0), (0.03, thick * 1.2, tall * 0.98), look, round=0.012)
    for side in (-1, 1):
        b.box((0, 0.01, side * tall / 2), (wide, thick * 1.2, 0.03), look, round=0.012)


def _keys(b: Build) -> None:
    case, keys, screen = (
        case_look(b),
        b.choice(looks.white, looks.dark, looks.metal)(b),
        looks.screen(b),
    )
    wide, tall, thick = b.between(0.5, 0.65), b.between(1.2, 1.45), b.between(0.17, 0.26)
    fraction = b.between(0.28, 0.42)
    with b.body():
        add_slab(b, wide, tall, thick, case, b.between(0.08, 0.2))
        b.box(
            (0, -thick / 2, tall * (0.5 - fraction / 2 - 0.08)),
            (wide * 0.78, 0.04, tall * fraction),
            screen,
            round=0.01,
            cut=True,
        )
        b.box((0, -thick / 2, tall * 0.465), (wide * 0.3, 0.05, 0.02), screen, cut=True)
    pad = tall * (0.78 - fraction)
    low = -tall / 2 + 0.06
    with b.at((0, 0, low + pad * 0.36)):
        add_keypad(b, wide * 0.86, pad * 0.68, -thick / 2, keys, round_keys=b.chance(0.3))
    b.ring((0, -thick / 2, low + pad * 0.86), pad * 0.09, 0.02, keys, axis=(0, 1, 0))
    b.cylinder(
        (0, -thick / 2 + 0.01, low + pad * 0.86),
        (0, -thick / 2 - 0.02, low + pad * 0.86),
        pad * 0.05,
        keys,
    )
    if b.chance(0.5):
        b.cylinder(
            (wide * 0.34, 0.0, tall / 2 - 0.06),
            (wide * 0.34, 0.0, tall / 2 + b.between(0.1, 0.4)),
            0.05,
            looks.dark(b),
            round=0.03,
        )


def _flip(b: Build) -> None:
    """A phone that folds at its middle."""
    case, keys, screen = (
        case_look(b),
        looks.same_or(b, looks.metal(b), looks.white, looks.dark),
        looks.screen(b),
    )
    wide, half, thick = b.between(0.55, 0.68), b.between(0.72, 0.88), b.between(0.09, 0.13)
    opening = b.between(125, 165)
    with b.at((0, 0, -half / 2)):
        b.box((0, 0, 0), (wide, thick, half), case, round=0.035)
        with b.at((0, 0, -0.08)):
            add_keypad(b, wide * 0.84, half * 0.6, -thick / 2, keys)
        b.ring((0, -thick / 2, half * 0.34), 0.07, 0.02, keys, axis=(0, 1, 0))
    b.cylinder(
        (-wide * 0.48, -thick / 2, 0), (wide * 0.48, -thick / 2, 0), thick * 0.62, case, round=0.02
    )
    with b.at((0, -thick / 2, 0), rotation_about("x", -(opening - 180))), b.body():
        b.box((0, thick * 0.35, half / 2), (wide, thick * 0.8, half), case, round=0.03)
        b.box((0, -thick * 0.05, half * 0.52), (wide * 0.8, 0.025, half * 0.68), screen, cut=True)
    if b.chance(0.4):
        b.cylinder(
            (wide * 0.4, thick * 0.2, -0.15),
            (wide * 0.4, thick * 0.2, 0.3),
            0.035,
            looks.dark(b),
            round=0.02,
        )


def _slide(b: Build) -> None:
    """A phone whose screen slides up, or to the side over a keyboard."""
    case, keys, screen = case_look(b), looks.metal(b), looks.screen(b)
    wide, tall, thick = b.between(0.6, 0.7), b.between(1.1, 1.25), 0.1
    side = b.chance(0.4)
    lower = looks.same_or(b, case, looks.metal)
    add_slab(b, wide, tall, thick, lower, 0.1)
    move = (-0.62 * wide, 0.0) if side else (0.0, 0.42 * tall)
    with b.at((move[0], -thick * 0.95, move[1])):
        with b.body():
            add_slab(b, wide, tall, thick, case, 0.1)
            b.box((0, -thick / 2, 0.04), (wide * 0.86, 0.02, tall * 0.78), screen, cut=True)
        b.cylinder(
            (0, -thick / 2 + 0.01, -tall * 0.43), (0, -thick / 2 - 0.015, -tall * 0.43), 0.04, keys
        )
    if side:
        for i in range(7):
            for j in range(3):
                b.box(
                    (wide * (0.02 + 0.15 * j), -thick / 2, tall * (i - 3) * 0.125),
                    (0.08, 0.03, 0.1),
                    keys,
                    round=0.01,
                )
    else:
        with b.at((0, 0, -0.28 * tall)):
            add_keypad(b, wide * 0.84, 0.34 * tall, -thick / 2, keys)


def _dial(b: Build) -> None:
    """A desk set: a handset on a cradle over a body with a dial or keys."""
    case, dark, metal = (
        b.choice(looks.dark, looks.paint, looks.paint, looks.white)(b),
        looks.dark(b),
        looks.metal(b),
    )
    wide, deep, tall = b.between(0.7, 0.85), b.between(0.7, 0.85), b.between(0.38, 0.48)
    start, end = add_desk_body(b, wide, deep, tall, case)
    along = end - start
    tilt = math.degrees(math.atan2(along[1], along[0]))
    with b.at((0, *(start + 0.48 * along)), rotation_about("x", tilt)):
        if b.chance(0.65):
            radius = 0.42 * min(wide, float(np.hypot(*along)))
            add_finger_wheel(b, radius, metal, dark)
            b.cylinder((0, 0, 0.0), (0, 0, 0.055), 0.4 * radius, case)
        else:
            with b.at((0, 0, 0), rotation_about("x", -90)):
                add_keypad(b, 0.36, 0.36, -0.005, looks.white(b))
            b.box((0, 0, 0.0), (0.42, 0.42, 0.02), dark)
    top = tall + 0.1
    add_cradle(b, deep, tall, top, metal, case)
    with b.at((0, 0.15 * deep, top + 0.01)):
        add_handset(b, b.between(0.8, 1.0), case)
    b.box((0, 0.15 * deep, tall + 0.02), (0.44, 0.3 * deep, 0.05), case)
    if b.chance(0.4):
        ear = np.array([-0.42, 0.15 * deep, top - 0.08])
        add_cord(b, ear, np.array([-wide * 0.4, deep * 0.45, 0.06]), dark)


def _desk(b: Build) -> None:
    """An office set: a wedge with a handset at the left, a screen and rows of keys."""
    case, keys = (
        b.choice(looks.dark, looks.white, looks.metal)(b),
        b.choice(looks.white, looks.dark)(b),
    )
    wide, deep, tall = b.between(0.85, 1.1), b.between(0.7, 0.85), b.between(0.2, 0.36)
    b.extrude(
        [(-deep / 2, 0), (deep / 2, 0), (deep / 2, tall), (-deep / 2, 0.09)],
        wide,
        case,
        along="x",
        round=0.02,
    )
    tilt = math.degrees(math.atan2(tall - 0.09, deep))
    with b.at((0, 0, (tall + 0.09) / 2 + 0.02), rotation_about("x", tilt)):
        with b.at((0.14 * wide, -0.16 * deep, 0), rotation_about("x", -90)):
            add_keypad(b, 0.42 * wide, 0.36 * deep, 0.0, keys)
        b.box((0.14 * wide, 0.26 * deep, 0.0), (0.46 * wide, 0.28 * deep, 0.06), case, round=0.01)
        b.box((0.14 * wide, 0.26 * deep, 0.02), (0.4 * wide, 0.22 * deep, 0.03), looks.screen(b))
        for i in range(b.count(3, 6)):
            b.box(
                (0.43 * wide, deep * (0.38 - 0.12 * i), 0.0), (0.07, 0.06, 0.03), keys, round=0.008
            )
        for y in (-0.34, 0.34):
            b.box((-0.33 * wide, y * deep, 0.02), (0.18, 0.1, 0.08), case, round=0.015)
        with b.at((-0.33 * wide, 0, 0.16), rotation_about("z", 90)):
            add_handset(b, 0.78 * deep, looks.same_or(b, case, looks.dark))
    if b.chance(0.5):
        add_cord(
            b,
            np.array([-0.33 * wide, -0.4 * deep, 0.14]),
            np.array([-wide * 0.5, 0.1 * deep, 0.05]),
            looks.dark(b),
        )


def _cordless(b: Build) -> None:
    """A handset that stands in its charger, or a walkie-talkie with its aerial."""
    case, keys = case_look(b), looks.white(b)
    wide, tall, thick = b.between(0.3, 0.38), b.between(1.0, 1.25), b.between(0.15, 0.2)
    with b.at((0, 0, tall / 2 + 0.06), rotation_about("x", -b.between(4, 14))):
        add_slab(b, wide, tall, thick, case, 0.08)
        b.box(
            (0, -thick / 2, tall * 0.22),
            (wide * 0.74, 0.02, tall * 0.2),
            looks.screen(b),
            round=0.004,
        )
        with b.at((0, 0, -0.16 * tall)):
            add_keypad(b, wide * 0.84, tall * 0.42, -thick / 2, keys, 5)
        b.box((0, -thick / 2, tall * 0.42), (wide * 0.4, 0.02, 0.025), looks.dark(b))
        if b.chance(0.5):
            b.cone(
                (wide * 0.3, 0.02, tall / 2 - 0.05),
                (wide * 0.3, 0.02, tall / 2 + b.between(0.15, 0.55)),
                0.04,
                0.025,
                looks.dark(b),
                round=0.015,
            )
    if b.chance(0.8):
        foot = looks.same_or(b, case, looks.dark)
        if b.chance(0.5):
            b.extrude(
                oval(0.62, 0.6, 20, b.choice(2, 4)), 0.12, foot, center=(0, 0.04, 0.06), round=0.02
            )
        else:
            b.frustum((0, 0.04, 0.1), 0.2, (0.75, 0.6), (0.45, 0.34), foot)
        b.box(
            (0, thick / 2 + 0.04, 0.2),
            (wide * 1.1, 0.08, 0.34),
            foot,
            round=0.02,
            rotation=rotation_about("x", -9),
        )


def _wall(b: Build) -> None:
    """A wall set: the handset hangs at the side of a box, with a coin slot where it is public."""
    case, dark, metal = (
        b.choice(looks.metal, looks.dark, looks.paint, looks.wood)(b),
        looks.dark(b),
        looks.metal(b),
    )
    wide, tall, deep = b.between(0.55, 0.75), b.between(0.85, 1.2), b.between(0.22, 0.32)
    with b.body():
        b.box((0, 0, 0), (wide, deep, tall), case, round=0.03)
        b.box((0.1, -deep / 2, -0.36 * tall), (0.2, 0.16, 0.12), dark, cut=True)
        b.box((0.18, -deep / 2, 0.4 * tall), (0.02, 0.06, 0.1), dark, cut=True)
    if b.chance(0.5):
        with b.at((0.1, 0, 0)):
            add_keypad(b, 0.3, 0.36, -deep / 2, metal)
    else:
        with b.body():
            b.cylinder((0.1, -deep / 2 + 0.02, 0), (0.1, -deep / 2 - 0.035, 0), 0.17, metal)
            for i in range(10):
                angle = math.radians(-40 + 29 * i)
                x, z = 0.1 + 0.12 * math.cos(angle), 0.12 * math.sin(angle)
                b.cylinder((x, -1, z), (x, -deep / 2 - 0.01, z), 0.026, dark, cut=True)
    b.box((0.1, -deep / 2, 0.3 * tall), (0.3, 0.02, 0.12 * tall), looks.screen(b))
    x = -wide / 2 - 0.02 if b.chance(0.4) else -0.3 * wide
    y = -deep / 2 - 0.1
    for z in (-0.28, 0.28):
        b.rod((max(x, -0.42 * wide), 0, z * tall), (x, y, z * tall), 0.03, metal)
    with b.at(
        (x, y, 0), rotation_about("z", 180) @ rotation_about("x", 90) @ rotation_about("z", 90)
    ):
        add_handset(b, 0.62 * tall, dark)
    if b.chance(0.7):
        add_cord(
            b,
            np.array([x, y + 0.08, -0.32 * tall]),
            np.array([0.12, -deep / 2 + 0.01, -0.46 * tall]),
            metal,
        )
    if b.chance(0.3):
        b.frustum((0, 0, tall / 2 + 0.05), 0.12, (wide, deep), (wide * 0.7, deep * 0.6), case)


def _candlestick(b: Build) -> None:
    """An old set: a stick with the mouthpiece on top and the earpiece on a hook."""
    look, brass = looks.dark(b), b.choice(looks.brass, looks.metal)(b)
    tall = b.between(0.9, 1.1)
    b.revolve(
        [
            (0, 0),
            (0.3, 0),
            (0.3, 0.05),
            (0.24, 0.09),
            (0.07, 0.16),
            (0.05, 0.3),
            (0.045, tall),
            (0, tall),
        ],
        look,
    )
    b.ball((0, 0, tall), 0.075, brass)
    b.cone((0, -0.02, tall + 0.02), (0, -0.14, tall + 0.07), 0.05, 0.055, look)
    b.cone((0, -0.12, tall + 0.06), (0, -0.24, tall + 0.1), 0.045, 0.12, look)
    b.path([(0, 0, 0.72 * tall), (0.14, 0, 0.74 * tall), (0.17, -0.03, 0.78 * tall)], 0.018, brass)
    b.cone((0.17, 0, 0.8 * tall), (0.17, 0, 0.5 * tall), 0.085, 0.045, look, round=0.01)
    b.cylinder((0.17, 0, 0.86 * tall), (0.17, 0, 0.78 * tall), 0.095, brass, round=0.01)
    if b.chance(0.5):
        with b.at((0, -0.2, 0.12), rotation_about("x", 62)):
            b.cylinder((0, 0, -0.06), (0, 0, 0.03), 0.12, brass, round=0.008)
    add_cord(b, np.array([0.17, 0.0, 0.52 * tall]), np.array([0.2, 0.12, 0.08]), brass)
