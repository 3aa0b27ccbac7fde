"""Benches: park benches with slats, plain and stone ones, picnic tables, curved and round ones."""

import math

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from ..registry import category
from .common import arc, band, four_legs


@category("bench")
def bench(b: Build) -> None:
    """Draw a bench."""
    kind = b.choice("park", "park", "plain", "picnic", "stone", "curved", "storage")
    {
        "park": _park,
        "plain": _plain,
        "picnic": _picnic,
        "stone": _stone,
        "curved": _curved,
        "storage": _storage,
    }[kind](b)


def _boards(
    b: Build, length: float, depth: float, thick: float, look: Material, number: int
) -> None:
    """Add boards along x side by side over `depth` in the plane z = 0."""
    pitch = depth / number
    for i in range(number):
        y = -depth / 2 + pitch * (i + 0.5)
        b.box((0, y, 0), (length, pitch * 0.78, thick), look, round=0.2 * thick)


def _park(b: Build) -> None:
    wood, iron = (
        b.choice(looks.wood, looks.wood, looks.paint)(b),
        b.choice(looks.dark, looks.metal, looks.wood)(b),
    )
    length, depth, height = b.between(1.2, 2.0), b.between(0.38, 0.5), b.between(0.4, 0.46)
    tall, lean = b.between(0.35, 0.5), b.between(6, 18)
    slats = b.count(2, 6)
    with b.at((0, 0, height)):
        _boards(b, length, depth, 0.035, wood, slats)
    arms = b.chance(0.6)
    upright = b.chance(0.3)
    back = b.chance(0.85)
    if back:
        with b.at((0, depth / 2, height), rotation_about("x", -lean)):
            if upright:
                b.box((0, 0, tall), (length, 0.03, 0.07), wood, round=0.008)
                b.box((0, 0, 0.1), (length, 0.03, 0.05), wood)
                for i in range(int(length / 0.1)):
                    x = -length / 2 + (i + 0.5) * length / int(length / 0.1)
                    b.box((x, 0, tall / 2 + 0.04), (0.04, 0.02, tall - 0.06), wood)
            else:
                with b.at((0, 0, tall * 0.58), rotation_about("x", 90)):
                    _boards(b, length, tall * 0.85, 0.028, wood, b.count(2, 5))
    frames = np.linspace(-1, 1, b.choice(2, 2, 3)) * (length / 2 - b.between(0.04, 0.2))
    ring = b.chance(0.25)
    for x in frames:
        _park_frame(
            b, float(x), depth, height, tall if back else 0.0, lean, iron, arms=arms, ring=ring
        )


def _park_frame(
    b: Build,
    x: float,
    depth: float,
    height: float,
    tall: float,
    lean: float,
    look: Material,
    *,
    arms: bool,
    ring: bool,
) -> None:
    """Add one side frame: feet, a rail under the boards, the back's post, perhaps an arm."""
    half, post = depth / 2, 0.045
    if ring:
        b.ring((x, 0, height / 2 - 0.02), height / 2 - 0.02, 0.022, look, axis=(1, 0, 0))
    else:
        for y in (-0.85 * half, 0.9 * half):
            b.box((x, y, height / 2), (post, post, height), look, round=0.008)
    b.box((x, 0, height - 0.03), (post, depth, post), look)
    if tall:
        with b.at((x, half, height - 0.03), rotation_about("x", -lean)):
            b.box((0, 0.008, tall / 2), (post, 0.045, tall + 0.03), look)
    if arms:
        level = height + 0.2
        end = half + 0.2 * math.tan(math.radians(lean)) + 0.02
        b.rod((x, -0.85 * half, level), (x, end if tall else 0.9 * half, level), 0.025, look)
        b.rod((x, -0.85 * half, height - 0.02), (x, -0.85 * half, level), 0.02, look)
        if not tall:
            b.rod((x, 0.9 * half, height - 0.02), (x, 0.9 * half, level), 0.02, look)


def _plain(b: Build) -> None:
    look = looks.wood(b) if b.chance(0.7) else looks.paint(b)
    length, depth, height = b.between(1.0, 1.8), b.between(0.3, 0.45), b.between(0.4, 0.5)
    thick = b.between(0.04, 0.07)
    if b.chance(0.4):
        with b.at((0, 0, height)):
            _boards(b, length, depth, thick, look, b.count(2, 5))
        for x in (-0.4 * length, 0.4 * length):
            b.box((x, 0, height - 0.04), (0.06, depth * 0.95, 0.05), look)
    else:
        b.box(
            (0, 0, height),
            (length, depth, thick),
            b.choice(look, looks.leather(b)),
            round=b.choice(0, 0.02),
        )
    support = b.choice("legs", "panels", "hairpin", "x")
    x = length / 2 - 0.12
    metal = looks.same_or(b, look, looks.metal, looks.dark)
    if support == "legs":
        four_legs(b, x, depth / 2 - 0.06, height - thick / 2 + 0.01, 0.055, look, stretch=0.5)
    for side in (-1, 1):
        if support == "panels":
            b.box((side * x, 0, height / 2), (0.05, depth * 0.9, height), look)
        elif support == "hairpin":
            for end in (-1, 1):
                foot = (side * (x + 0.04), end * 0.42 * depth, 0.012)
                for move in (-0.05, 0.05):
                    b.rod((side * x + move, end * 0.3 * depth, height), foot, 0.011, metal)
        elif support == "x":
            for lean in (-1, 1):
                b.rod(
                    (side * x, lean * 0.42 * depth, 0.025),
                    (side * x, -lean * 0.42 * depth, height),
                    0.028,
                    metal,
                )
    if support in ("panels", "x"):
        b.box((0, 0, height * 0.5), (2 * x, 0.04, 0.07), metal)


def _picnic(b: Build) -> None:
    wood = looks.wood(b)
    length, height, seat = b.between(1.3, 1.8), b.between(0.7, 0.76), b.between(0.4, 0.46)
    with b.at((0, 0, height)):
        _boards(b, length, b.between(0.65, 0.8), 0.04, wood, b.count(4, 6))
    reach = b.between(0.58, 0.7)
    for side in (-1, 1):
        with b.at((0, side * reach, seat)):
            _boards(b, length, 0.26, 0.04, wood, 2)
        x = side * (length / 2 - 0.22)
        b.box((x, 0, seat - 0.05), (0.045, 2 * reach + 0.24, 0.09), wood)
        b.box((x, 0, height - 0.05), (0.045, 0.65, 0.07), wood)
        for lean in (-1, 1):
            b.box(
                (x + 0.03, lean * 0.36, height / 2 - 0.01),
                (0.045, 0.08, height * 1.06),
                wood,
                rotation=rotation_about("x", lean * 20),
            )
    b.box((0, 0, seat - 0.06), (length - 0.4, 0.07, 0.05), wood)


def _stone(b: Build) -> None:
    """A slab on blocks, on a solid foot or on two scrolls."""
    value = looks.metal(b)
    length, depth, height = b.between(1.1, 1.8), b.between(0.36, 0.5), b.between(0.38, 0.48)
    slab = (length, depth, b.between(0.07, 0.12))
    b.box((0, 0, height), slab, b.choice(value, looks.wood(b)), round=b.choice(0.0, 0.02))
    kind = b.choice("blocks", "solid", "scroll")
    if kind == "solid":
        low, top = (length * 0.9, depth * 0.7), (length * 0.8, depth * 0.6)
        b.frustum((0, 0, height / 2), height, low, top, value)
        return
    for side in (-1, 1):
        x = side * (0.5 - b.between(0.14, 0.2)) * length
        if kind == "blocks":
            b.box((x, 0, height / 2), (b.between(0.12, 0.3), depth * 0.85, height), value)
        else:
            _scroll(b, x, depth, height, value)
    if b.chance(0.3):
        b.box((0, depth / 2 - 0.04, height + 0.22), (length, 0.08, 0.44), value, round=0.015)


def _scroll(b: Build, x: float, depth: float, height: float, look: Material) -> None:
    """Add a foot at `x` that is narrow in the middle and wide above and below."""
    outline = [
        (-0.42, 0),
        (0.42, 0),
        (0.42, 0.14),
        (0.22, 0.35),
        (0.2, 0.65),
        (0.42, 0.9),
        (-0.42, 0.9),
        (-0.2, 0.65),
        (-0.22, 0.35),
        (-0.42, 0.14),
    ]
    outline = [(y * depth, z * (height + 0.02)) for y, z in outline]
    b.extrude(outline, 0.12, look, along="x", center=(x, 0, 0))


def _curved(b: Build) -> None:
    """A bench along an arc, with or without a back; also a full ring around a tree."""
    look, foot = b.choice(looks.wood, looks.paint)(b), looks.metal(b)
    sweep = b.between(40, 80)
    radius, height = b.between(0.9, 1.3), b.between(0.4, 0.46)
    outer, inner = (
        arc(radius, 90 - sweep, 90 + sweep, 16),
        arc(radius - 0.42, 90 - sweep, 90 + sweep, 16),
    )
    b.extrude(band(inner, outer), 0.06, look, center=(0, 0, height), round=0.008)
    legs = b.count(3, 5)
    back = b.chance(0.6)
    if back:
        wall = band(arc(radius - 0.05, 90 - sweep, 90 + sweep, 16), outer)
        for z in np.linspace(0.16, 0.4, b.count(1, 3)):
            b.extrude(wall, 0.1, look, center=(0, 0, height + float(z)), round=0.005)
    for i in range(legs):
        angle = math.radians(90 - sweep + 2 * sweep * (i + 0.3) / (legs - 0.4))
        out = np.array([math.cos(angle), math.sin(angle), 0])
        for fraction in (radius - 0.36, radius - 0.06):
            b.cylinder(fraction * out, fraction * out + [0, 0, height], 0.025, foot)
        if back:
            top = (radius - 0.03) * out
            b.rod(np.add(top, (0, 0, height)), np.add(top, (0, 0, height + 0.42)), 0.02, foot)


def _storage(b: Build) -> None:
    """A chest to sit on: a closed or open-fronted box with a cushion, sometimes arms and a back."""
    look, cloth = b.choice(looks.wood, looks.white, looks.paint)(b), looks.fabric(b)
    length, depth, height = b.between(1.0, 1.5), b.between(0.38, 0.48), b.between(0.4, 0.46)
    bays = b.count(2, 4)
    with b.body():
        b.box((0, 0, height / 2), (length, depth, height), look)
        wide = (length - 0.04 * (bays + 1)) / bays
        for i in range(bays):
            x = -length / 2 + 0.04 + wide / 2 + i * (wide + 0.04)
            b.box((x, -0.05, height / 2), (wide, depth, height - 0.1), look, cut=True)
    b.box((0, 0, height + 0.03), (length * 0.98, depth * 0.96, 0.09), cloth, round=0.035)
    if b.chance(0.6):
        tall = b.between(0.35, 0.9)
        b.box((0, depth / 2 - 0.02, height + tall / 2), (length, 0.04, tall), look)
        if tall > 0.7:
            for i in range(b.count(3, 5)):
                x = length * (i - 1.5) / 5
                b.rod(
                    (x, depth / 2 - 0.03, height + tall * 0.75),
                    (x, depth / 2 - 0.12, height + tall * 0.8),
                    0.014,
                    looks.metal(b),
                )
    if b.chance(0.5):
        for side in (-1, 1):
            b.box(
                (side * (length / 2 - 0.02), 0, height + 0.12),
                (0.04, depth, 0.26),
                look,
                round=0.01,
            )
