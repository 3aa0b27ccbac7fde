"""Tables: a top on legs, a pedestal, trestles or panels; desks; shelves and drawers."""

import math

import numpy as np

from .. import looks
from ..build import Build
from ..parts import Material
from ..registry import category
from .common import HANDLES, corners, disc_foot, four_legs, handle, oval, star_foot


@category("table")
def table(b: Build) -> None:
    """Draw a table."""
    kind = b.choice("legs", "legs", "pedestal", "trestle", "desk", "panel", "tripod", "glass")
    look = b.choice(looks.wood, looks.wood, looks.paint, looks.white)(b)
    height = b.choice(
        b.between(0.35, 0.5), b.between(0.68, 0.78), b.between(0.68, 0.78), b.between(0.95, 1.1)
    )
    draw = {
        "legs": _legs,
        "pedestal": _pedestal,
        "trestle": _trestle,
        "desk": _desk,
        "panel": _panel,
        "tripod": _tripod,
        "glass": _glass,
    }[kind]
    draw(b, look, height)


def _top(b: Build, width: float, depth: float, height: float, look: Material) -> None:
    """Add a top whose upper face is at `height`: square, rounded, oval or eight-sided."""
    thick = b.between(0.02, 0.06)
    kind = b.choice("box", "box", "soft", "oval", "eight")
    at = (0, 0, height - thick / 2)
    if kind == "box":
        b.box(at, (width, depth, thick), look, round=b.choice(0, 0.008))
    elif kind == "soft":
        b.extrude(oval(width, depth, 24, b.between(4, 8)), thick, look, center=at)
    elif kind == "oval":
        b.extrude(oval(width * 1.1, depth * 1.1, 28), thick, look, center=at, round=0.005)
    else:
        cut = 0.2 * min(width, depth)
        x, y = width / 2, depth / 2
        outline = [(-x, -y + cut), (-x + cut, -y), (x - cut, -y), (x, -y + cut)]
        b.extrude([*outline, *(-np.array(outline))], thick, look, center=at)


def _legs(b: Build, look: Material, height: float) -> None:
    width, depth = b.between(0.6, 1.9), b.between(0.55, 0.95)
    thick, inset = b.between(0.04, 0.09), b.between(0.02, 0.1)
    legs = looks.same_or(b, look, looks.metal, looks.wood, looks.white)
    _top(b, width, depth, height, look)
    x, y = (width - thick) / 2 - inset - 0.08, (depth - thick) / 2 - inset - 0.08
    four_legs(b, x, y, height - 0.015, thick, legs, stretch=0.3)
    if b.chance(0.55):
        tall = b.between(0.05, 0.12)
        z = height - 0.015 - tall / 2
        for side in (-1, 1):
            b.box((0, side * y, z), (2 * x, 0.022, tall), legs)
            b.box((side * x, 0, z), (0.022, 2 * y, tall), legs)
    if b.chance(0.25):
        z = b.between(0.15, 0.4) * height
        b.box((0, 0, z), (2 * x + thick, 2 * y + thick, 0.025), look)


def _pedestal(b: Build, look: Material, height: float) -> None:
    width = b.between(0.6, 1.3)
    foot = looks.same_or(b, look, looks.metal, looks.dark)
    b.extrude(
        oval(width, width * b.choice(1, 1, 0.8), 28, b.choice(2, 2, 6)),
        0.04,
        look,
        center=(0, 0, height - 0.02),
        round=0.006,
    )
    if b.chance(0.5):
        disc_foot(b, height - 0.02, 0.32 * width, 0.05, foot)
    else:
        star_foot(b, height - 0.02, 0.36 * width, b.between(0.03, 0.05), foot, None)
    b.cylinder((0, 0, height - 0.06), (0, 0, height - 0.02), 0.2 * width, foot)


def _trestle(b: Build, look: Material, height: float) -> None:
    width, depth = b.between(1.1, 1.9), b.between(0.65, 0.9)
    foot = looks.same_or(b, look, looks.metal)
    b.box((0, 0, height - 0.025), (width, depth, 0.05), look)
    x, y, thick = 0.36 * width, 0.4 * depth, b.between(0.04, 0.07)
    kind = b.choice("a", "x", "i")
    top = height - 0.03
    for side in (-1, 1):
        at = side * x
        if kind == "i":
            b.box((at, 0, top / 2), (thick, 2.2 * thick, top), foot)
            b.box((at, 0, thick / 2), (thick, 2 * y, thick), foot)
            b.box((at, 0, top - thick / 2), (thick, 2 * y, thick), foot)
            continue
        for lean in (-1, 1):
            upper = 0.2 if kind == "a" else -1.0
            b.rod(
                (at, lean * y, thick / 2), (at, lean * upper * y, top - thick / 2), thick / 2, foot
            )
        if kind == "a":
            b.box((at, 0, 0.35 * top), (thick * 0.6, 1.45 * y, thick * 0.8), foot)
        b.box((at, 0, top - 0.01), (thick, 2 * y, thick), foot)
    low = 0.5 * top if kind == "x" else 0.35 * top
    b.box((0, 0, low), (2 * x, thick * 0.7, thick), foot)


def _desk(b: Build, look: Material, height: float) -> None:
    """A desk: a block of drawers on one side or both."""
    height = max(height, 0.65)
    width, depth = b.between(1.1, 1.7), b.between(0.55, 0.75)
    front, metal = looks.same_or(b, look, looks.paint, looks.wood), looks.metal(b)
    b.box((0, 0, height - 0.02), (width, depth, 0.04), look)
    block, rows = b.between(0.32, 0.45), b.count(2, 4)
    both = b.chance(0.4)
    foot, pull = b.choice(0.0, 0.08), b.choice(*HANDLES)
    for side in (-1, 1):
        x = side * (width / 2 - block / 2 - 0.02)
        if side > 0 or both:
            tall = height - 0.03 - foot
            b.box((x, 0, foot + tall / 2), (block, depth * 0.92, tall), look)
            for i in range(rows):
                z = foot + tall * (i + 0.5) / rows
                b.box((x, -depth * 0.46, z), (block - 0.03, 0.03, tall / rows - 0.025), front)
                handle(b, (x, -depth * 0.46 - 0.012, z), 0.4 * block, metal, pull)
            if foot:
                for cx, cy in corners(block / 2 - 0.04, depth * 0.4):
                    b.cylinder((x + cx, cy, 0), (x + cx, cy, foot + 0.02), 0.02, metal)
        elif b.chance(0.5):
            b.box(
                (side * (width / 2 - 0.03), 0, height / 2 - 0.01),
                (0.035, depth * 0.9, height - 0.02),
                look,
            )
        else:
            for y in (-0.4, 0.4):
                b.cylinder(
                    (side * (width / 2 - 0.06), y * depth, 0),
                    (side * (width / 2 - 0.06), y * depth, height - 0.02),
                    0.025,
                    metal,
                )
    b.box((0, depth * 0.4, height * 0.72), (width - 0.1, 0.02, height * 0.42), look)
    if b.chance(0.3):
        b.box((0, depth / 2 - 0.12, height + 0.12), (width * 0.9, 0.22, 0.025), look)
        for side in (-1, 1):
            b.box((side * width * 0.43, depth / 2 - 0.12, height + 0.05), (0.025, 0.2, 0.14), look)


def _panel(b: Build, look: Material, height: float) -> None:
    """Two closed ends, shelves between them or a hole through: a coffee table of one piece."""
    height = min(height, 0.75)
    width, depth, thick = b.between(0.7, 1.4), b.between(0.45, 0.8), b.between(0.03, 0.07)
    with b.body():
        b.box((0, 0, height / 2), (width, depth, height), look, round=b.choice(0, 0.02))
        low = b.choice(-0.5, 0.12 * height)
        b.box(
            (0, 0, (low + height - thick) / 2),
            (width - 2 * thick, depth * 1.2, height - thick - low),
            look,
            cut=True,
        )
    if b.chance(0.5):
        b.box((0, 0, height * b.between(0.4, 0.6)), (width - thick, depth * 0.9, 0.025), look)
    if b.chance(0.3):
        b.box((0, depth * 0.4, height * 0.5), (width - thick, 0.025, height * 0.9), look)


def _tripod(b: Build, look: Material, height: float) -> None:
    """A small round table on three legs that cross or splay."""
    width = b.between(0.4, 0.8)
    legs = looks.same_or(b, look, looks.metal, looks.brass)
    b.cylinder((0, 0, height - 0.03), (0, 0, height), width / 2, look, round=0.008)
    if b.chance(0.4):
        b.ring((0, 0, height), width / 2 - 0.01, 0.012, legs)
    crossing = b.chance(0.4)
    radius, number = b.between(0.012, 0.025), b.choice(3, 3, 4)
    for i in range(number):
        angle = 2 * math.pi * i / number
        out = np.array([math.cos(angle), math.sin(angle), 0]) * width
        head = -0.33 * out if crossing else 0.25 * out
        b.rod(0.42 * out + [0, 0, radius], np.add(head, (0, 0, height - 0.03)), radius, legs)
    if not crossing and b.chance(0.5):
        z = 0.35 * height
        b.cylinder((0, 0, z), (0, 0, z + 0.02), 0.37 * width, look)


def _glass(b: Build, look: Material, height: float) -> None:
    """A thin top on a frame of square tube, or on a sculpture."""
    width, depth = b.between(0.8, 1.5), b.between(0.6, 0.9)
    frame, thick = b.choice(looks.metal, looks.dark, looks.brass)(b), b.between(0.02, 0.04)
    b.box((0, 0, height - 0.008), (width, depth, 0.016), looks.glass(b))
    x, y = (width - thick) / 2 - 0.01, (depth - thick) / 2 - 0.01
    kind = b.choice("cube", "sleds", "waves")
    for side in (-1, 1):
        if kind == "waves":
            outline = [
                (-0.4 * depth, 0),
                (0.4 * depth, 0),
                (0.15 * depth, height / 2),
                (0.4 * depth, height - 0.012),
                (-0.4 * depth, height - 0.012),
                (-0.15 * depth, height / 2),
            ]
            b.extrude(outline, 0.06, look, along="x", center=(side * 0.32 * width, 0, 0))
            continue
        for end in (-1, 1):
            b.box((side * x, end * y, height / 2 - 0.008), (thick, thick, height - 0.01), frame)
        for z in (thick / 2, height - 0.016 - thick / 2):
            b.box((side * x, 0, z), (thick, 2 * y, thick), frame)
    if kind == "waves":
        b.box((0, 0, height / 2), (0.64 * width, 0.05, 0.12), look)
    else:
        for end in (-1, 1):
            for z in (
                (thick / 2, height - 0.016 - thick / 2)
                if kind == "cube"
                else (height - 0.016 - thick / 2,)
            ):
                b.box((0, end * y, z), (2 * x, thick, thick), frame)
    if kind == "cube" and b.chance(0.5):
        b.box((0, 0, thick), (width - thick, depth - thick, 0.012), look)
