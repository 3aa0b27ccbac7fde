"""Pieces that several categories share: outlines, legs, wheels, fronts with handles."""

import math

import numpy as np

from ..build import Build, Vector, rotation_about
from ..parts import Material


def arc(radius: float, start: float, stop: float, steps: int, *, flat: float = 1.0) -> np.ndarray:
    """Return points (steps + 1, 2) of an arc, degrees; `flat` scales y."""
    angle = np.radians(np.linspace(start, stop, steps + 1))
    return np.stack([radius * np.cos(angle), flat * radius * np.sin(angle)], 1)


def oval(width: float, depth: float, steps: int = 16, power: float = 2.0) -> np.ndarray:
    """Return a closed outline (steps, 2) of full size; power 2 is an ellipse, 4 a soft box."""
    angle = np.arange(steps) * (2 * math.pi / steps)
    cosine, sine = np.cos(angle), np.sin(angle)
    x = np.sign(cosine) * np.abs(cosine) ** (2 / power)
    y = np.sign(sine) * np.abs(sine) ** (2 / power)
    return np.stack([x * width / 2, y * depth / 2], 1)


def band(inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """Return the closed outline between two open lines that run side by side."""
    return np.concatenate([inner, outer[::-1]])


def corners(x: float, y: float) -> list[tuple[float, float]]:
    """Return the four corners (+-x, +-y)."""
    return [(-x, -y), (x, -y), (x, y), (-x, y)]


LEGS = ("square", "round", "tapered", "splayed", "turned")


def leg(b: Build, style: str, top: Vector, foot: Vector, thick: float, look: Material) -> None:
    """Add one leg of a style from its top to its foot; `thick` is its full width."""
    top, foot = np.asarray(top, np.float64), np.asarray(foot, np.float64)
    length = float(np.linalg.norm(top - foot))
    if style == "square":
        b.box((top + foot) / 2, (thick, thick, length), look, round=0.08 * thick)
    elif style == "round":
        b.cylinder(foot, top, thick / 2, look)
    elif style == "turned":
        knob = top + (foot - top) * 0.75
        b.cone(foot, top, 0.3 * thick, 0.55 * thick, look)
        b.ball(knob, 0.62 * thick, look)
        b.ball(top + (foot - top) * 0.15, 0.75 * thick, look)
    else:
        b.cone(foot, top, 0.3 * thick, 0.55 * thick, look, round=0.05 * thick)


def four_legs(
    b: Build,
    x: float,
    y: float,
    height: float,
    thick: float,
    look: Material,
    *,
    stretch: float = 0.35,
) -> str:
    """Add four legs from (+-x, +-y, height) to the floor, perhaps with rails; name their style."""
    style = b.choice(*LEGS)
    spread = b.between(1.08, 1.25) if style == "splayed" else 1.0
    for cx, cy in corners(x, y):
        leg(b, style, (cx, cy, height), (cx * spread, cy * spread, 0), thick, look)
    if b.chance(stretch):
        rails(b, x, y, height, spread, thick * 0.5, look)
    return style


def rails(
    b: Build, x: float, y: float, height: float, spread: float, thick: float, look: Material
) -> None:
    """Add rails between four legs: around, as an H or as an X."""
    z = height * b.between(0.2, 0.5)
    wide = 1 + (spread - 1) * (1 - z / height)
    x, y = x * wide, y * wide
    kind = b.choice("around", "h", "x")
    if kind == "x":
        b.rod((-x, -y, z), (x, y, z), thick / 2, look)
        b.rod((-x, y, z), (x, -y, z), thick / 2, look)
        return
    for side in (-1, 1):
        b.rod((side * x, -y, z), (side * x, y, z), thick / 2, look)
        if kind == "around":
            b.rod((-x, side * y, z), (x, side * y, z), thick / 2, look)
    if kind == "h":
        b.rod((-x, 0, z), (x, 0, z), thick / 2, look)


def star_foot(
    b: Build, height: float, reach: float, thick: float, look: Material, wheels: Material | None
) -> None:
    """Add a column to `height` on three to five spokes, with castors where `wheels` is given."""
    spokes = b.count(4, 5) if wheels is not None else b.count(3, 5)
    lift = 0.09 if wheels is not None else thick / 2
    b.cylinder((0, 0, lift), (0, 0, height), thick * 0.75, look)
    b.cylinder((0, 0, lift), (0, 0, height * 0.55), thick, look)
    for i in range(spokes):
        angle = 2 * math.pi * (i + 0.25) / spokes
        end = np.array([reach * math.cos(angle), reach * math.sin(angle), lift])
        b.rod((0, 0, lift + thick), end, thick * 0.7, look, end_radius=thick * 0.5)
        if wheels is not None:
            side = np.array([-math.sin(angle), math.cos(angle), 0]) * 0.025
            hub = np.subtract(end, (0, 0, 0.045))
            b.cylinder(hub - side, hub + side, 0.045, wheels, round=0.01)


def disc_foot(b: Build, height: float, reach: float, thick: float, look: Material) -> None:
    """Add a column on a round plate or a bell."""
    column = thick * b.between(0.7, 1.3)
    if b.chance(0.5):
        profile = [(0, 0), (reach, 0), (reach, 0.02), (column * 1.5, 0.09), (column, 0.25 * height)]
        b.revolve([*profile, (column, height), (0, height)], look)
    else:
        b.cylinder((0, 0, 0), (0, 0, 0.04), reach, look, round=0.012)
        b.cylinder((0, 0, 0), (0, 0, height), column, look)


def wheel(
    b: Build,
    center: Vector,
    radius: float,
    width: float,
    tyre: Material,
    rim: Material,
    spokes: int,
) -> None:
    """Add a wheel that turns around x: an open tyre with spokes, or a disc where there are none."""
    x, y, z = center
    inner = 0.62 * radius
    if spokes:
        outline = [(inner, -width / 2), (radius * 0.96, -width / 2), (radius, -width * 0.3)]
        outline += [(radius, width * 0.3), (radius * 0.96, width / 2), (inner, width / 2)]
        b.revolve(outline, tyre, center=center, rotation=rotation_about("y", 90))
        for i in range(spokes):
            angle = math.pi * i / spokes
            along = np.array([0, math.cos(angle), math.sin(angle)]) * inner * 1.05
            b.box(
                center,
                (0.5 * width, 0.16 * radius, 2 * float(np.linalg.norm(along))),
                rim,
                rotation=rotation_about("x", 180 * i / spokes),
            )
        b.cylinder((x - width * 0.4, y, z), (x + width * 0.4, y, z), 0.2 * radius, rim)
    else:
        b.cylinder((x - width / 2, y, z), (x + width / 2, y, z), radius, tyre, round=0.15 * width)
        b.cylinder((x - width * 0.53, y, z), (x + width * 0.53, y, z), inner, rim)


HANDLES = ("bar", "knob", "bow", "strip")


def handle(
    b: Build, center: Vector, width: float, look: Material, kind: str, *, upright: bool = False
) -> None:
    """Add a handle on a surface that faces the front (-Y) at `center`; kinds are `HANDLES`."""
    x, y, z = center
    size = min(0.018, width / 5)
    rotation = rotation_about("y", 90) if upright else np.eye(3)
    if kind == "knob":
        b.cylinder((x, y + 0.01, z), (x, y - 2 * size, z), 0.6 * size, look)
        b.ball((x, y - 2.2 * size, z), 1.2 * size, look)
        return
    with b.at(center, rotation):
        if kind == "strip":
            b.box((0, -0.6 * size, 0), (width, 1.4 * size, 1.6 * size), look, round=0.3 * size)
        elif kind == "bow":
            b.ring(
                (0, 0.005, 0),
                width / 2,
                0.6 * size,
                look,
                rotation=rotation_about("z", -90),
                arc=180,
            )
        else:
            b.rod((-width / 2, -2.5 * size, 0), (width / 2, -2.5 * size, 0), 0.6 * size, look)
            for end in (-0.4 * width, 0.4 * width):
                b.cylinder((end, 0.01, 0), (end, -2.5 * size, 0), 0.5 * size, look)
