"""Parts of rifles: barrels, sights, stocks, magazines."""

import numpy as np

from .. import looks
from ..build import Build
from ..parts import Material


def add_side(
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


def add_barrel(
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


def add_guard(b: Build, y: float, z: float, look: Material, size: float = 0.045) -> None:
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


def add_scope(b: Build, y: float, z: float, look: Material, length: float) -> None:
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


def add_sights(b: Build, front: float, rear: float, z: float, look: Material) -> None:
    for y, tall in ((front, 0.04), (rear, 0.03)):
        b.box((0, y, z + tall / 2 - 0.004), (0.01, 0.03, tall), look)


def add_bipod(b: Build, y: float, z: float, look: Material) -> None:
    for side in (-1, 1):
        b.rod((0, y, z), (side * 0.11, y - 0.05, z - 0.24), 0.009, look)
        b.ball((side * 0.11, y - 0.05, z - 0.24), 0.014, look)


def add_sling(b: Build, front: float, rear: float, low: float, look: Material) -> None:
    points = [
        (0.0, y, low - 0.1 * float(np.sin(np.pi * t)) - 0.02 * t)
        for t, y in ((t, front + (rear - front) * t) for t in np.linspace(0, 1, 8))
    ]
    b.path(points, 0.008, look)


def add_bolt(b: Build, y: float, z: float, look: Material) -> None:
    b.rod((0, y, z), (0.06, y + 0.02, z - 0.02), 0.007, look)
    b.ball((0.068, y + 0.022, z - 0.025), 0.014, look)


def add_stock(b: Build, start: float, end: float, drop: float, tall: float, look: Material) -> None:
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
        add_side(b, outline, 0.05, look, round=0.012)
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


def add_handguard(b: Build, fore: float, metal: Material, grip: Material) -> None:
    """Add a square or a round handguard from the receiver to y = `fore`."""
    if b.chance(0.5):
        b.box((0, (fore - 0.04) / 2, 0), (0.056, -fore - 0.02, 0.07), grip, round=0.012)
    else:
        b.cylinder((0, -0.04, 0), (0, fore, 0), 0.036, grip, round=0.006)
        for i in range(4):
            b.ring((0, fore + 0.05 + 0.05 * i, 0), 0.036, 0.005, metal, axis=(0, 1, 0))


def add_top(b: Build, fore: float, look: Material) -> None:
    """Add what is on the receiver: plain sights, a rail, a carrying handle or a scope."""
    kind = b.choice("sights", "rail", "handle", "scope")
    if kind in ("rail", "scope"):
        b.box((0, 0.0, 0.043), (0.022, 0.44, 0.016), look)
    if kind == "scope":
        add_scope(b, 0.06, 0.045, looks.dark(b), b.between(0.14, 0.24))
    elif kind == "rail":
        b.box((0, 0.06, 0.075), (0.04, 0.07, 0.05), looks.dark(b), round=0.008)
    elif kind == "handle":
        b.path([(0, 0.0, 0.03), (0, 0.01, 0.09), (0, 0.19, 0.085), (0, 0.22, 0.03)], 0.011, look)
    if kind in ("sights", "handle"):
        add_sights(b, fore - 0.03, 0.16, 0.012, look)
        b.cylinder((0, fore - 0.05, 0.032), (0, -0.04, 0.032), 0.01, look)
        b.box((0, fore - 0.035, 0.018), (0.016, 0.03, 0.045), look)


def add_magazine(b: Build, look: Material) -> None:
    kind = b.choice("straight", "curved", "curved", "drum")
    if kind == "straight":
        add_side(
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
        add_side(b, [*line, *back], 0.03, look, round=0.003)


def add_folding_stock(b: Build, metal: Material, grip: Material) -> None:
    end = b.between(0.44, 0.56)
    kind = b.choice("solid", "tube", "skeleton", "wire", "wood")
    if kind in ("solid", "tube"):
        b.cylinder((0, 0.22, 0.005), (0, end - 0.02, 0.005), 0.019, metal)
        tall = 0.12 if kind == "solid" else 0.1
        start = 0.3 if kind == "solid" else end - 0.14
        add_side(
            b,
            [(start, 0.028), (start, -0.03), (end - 0.03, -tall), (end, -tall), (end, 0.028)],
            0.038,
            grip,
            round=0.006,
        )
    elif kind == "wood":
        add_side(
            b, [(0.23, 0.03), (0.23, -0.035), (end, -0.15), (end, -0.02)], 0.045, grip, round=0.01
        )
    elif kind == "skeleton":
        with b.body():
            add_side(
                b,
                [(0.22, 0.03), (0.22, -0.035), (end - 0.03, -0.13), (end, -0.13), (end, 0.02)],
                0.03,
                grip,
                round=0.004,
            )
            add_side(
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


def add_two_barrels(b: Build, kind: str, long: float, radius: float, look: Material) -> None:
    """Add two barrels, or a shorter and thinner tube under one where there is a pump."""
    for sign in (-1, 1):
        if kind == "side":
            add_barrel(b, 0.05, -long, radius, look, x=sign * radius)
        elif kind == "over":
            add_barrel(b, 0.05, -long, radius, look, z=sign * radius)
        else:
            reach, thick = (-long, radius) if sign > 0 else (-0.8 * long, radius * 0.9)
            add_barrel(b, 0.05, reach, thick, look, z=sign * radius * 1.05)
