"""Cars, nose to -Y: saloons, hatchbacks, coupés, convertibles, pick-ups, vans, buses, racers."""

import math

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from ..registry import category
from . import lorries
from .chassis import add_wheels, cut_arches
from .common import wheel

# Side views (y, z) in shares of length and height, nose at y = -0.5: the body, then the cabin.
BODIES = {
    "saloon": (
        [
            (-0.5, 0.2),
            (-0.49, 0.5),
            (-0.42, 0.58),
            (-0.2, 0.63),
            (0.3, 0.64),
            (0.47, 0.6),
            (0.5, 0.45),
            (0.49, 0.2),
        ],
        [(-0.24, 0.6), (-0.08, 0.95), (0.1, 1.0), (0.2, 0.96), (0.36, 0.6)],
    ),
    "hatch": (
        [
            (-0.5, 0.2),
            (-0.49, 0.48),
            (-0.4, 0.57),
            (-0.22, 0.62),
            (0.46, 0.62),
            (0.5, 0.45),
            (0.49, 0.2),
        ],
        [(-0.27, 0.58), (-0.1, 0.95), (0.15, 1.0), (0.35, 0.95), (0.47, 0.6)],
    ),
    "estate": (
        [
            (-0.5, 0.2),
            (-0.49, 0.5),
            (-0.42, 0.56),
            (-0.22, 0.62),
            (0.48, 0.62),
            (0.5, 0.42),
            (0.49, 0.2),
        ],
        [(-0.26, 0.58), (-0.1, 0.95), (0.1, 1.0), (0.42, 0.97), (0.48, 0.6)],
    ),
    "coupe": (
        [
            (-0.5, 0.22),
            (-0.49, 0.44),
            (-0.35, 0.56),
            (-0.18, 0.63),
            (0.3, 0.68),
            (0.48, 0.64),
            (0.5, 0.4),
            (0.48, 0.22),
        ],
        [(-0.2, 0.6), (-0.02, 0.96), (0.1, 1.0), (0.22, 0.94), (0.42, 0.64)],
    ),
    "beetle": (
        [
            (-0.49, 0.2),
            (-0.48, 0.36),
            (-0.42, 0.5),
            (-0.3, 0.58),
            (-0.2, 0.6),
            (0.25, 0.62),
            (0.4, 0.52),
            (0.48, 0.36),
            (0.49, 0.2),
        ],
        [(-0.24, 0.57), (-0.13, 0.9), (0.0, 1.0), (0.14, 0.98), (0.28, 0.84), (0.38, 0.6)],
    ),
    "offroad": (
        [
            (-0.5, 0.24),
            (-0.5, 0.58),
            (-0.48, 0.62),
            (-0.2, 0.64),
            (0.48, 0.64),
            (0.5, 0.6),
            (0.5, 0.24),
        ],
        [(-0.22, 0.62), (-0.16, 0.97), (-0.1, 1.0), (0.46, 1.0), (0.49, 0.62)],
    ),
    "pickup": (
        [(-0.5, 0.24), (-0.49, 0.5), (-0.42, 0.57), (-0.2, 0.62), (0.49, 0.62), (0.5, 0.24)],
        [(-0.22, 0.6), (-0.1, 0.96), (0.0, 1.0), (0.08, 0.98), (0.13, 0.6)],
    ),
    "van": (
        [(-0.5, 0.16), (-0.5, 0.4), (-0.47, 0.5), (0.5, 0.5), (0.5, 0.16)],
        [(-0.47, 0.48), (-0.33, 0.9), (-0.26, 1.0), (0.49, 1.0), (0.5, 0.48)],
    ),
}


@category("car")
def car(b: Build) -> None:
    """Draw a car."""
    kind = b.choice(*BODIES, "saloon", "hatch", "open", "bus", "truck", "racer")
    if kind in BODIES:
        _closed(b, kind)
    else:
        {"open": _open, "bus": lorries.bus, "truck": lorries.truck, "racer": _racer}[kind](b)


def _outline(points: list[tuple[float, float]], length: float, height: float) -> np.ndarray:
    return np.array(points) * [length, height]


def _closed(b: Build, kind: str) -> None:
    """Add a car with a roof, one of `BODIES`."""
    paint, dark, glass = looks.paint(b), looks.dark(b), looks.glass(b)
    length, wide, height = _size(b, kind)
    radius = b.between(0.145, 0.165) * (1.15 if kind == "offroad" else 1.0)
    low, cabin = BODIES[kind]
    axles = (
        -0.5 * length + b.between(0.17, 0.21) * length,
        0.5 * length - b.between(0.18, 0.22) * length,
    )
    with b.body():
        b.extrude(_outline(low, length, height), wide, paint, along="x", round=0.03)
        cut_arches(b, axles, wide, radius)
        if kind == "pickup":
            bed = (wide * 0.84, 0.33 * length, 0.36 * height)
            b.box((0, 0.315 * length, 0.6 * height), bed, dark, cut=True)
    _cabin(b, _outline(cabin, length, height), wide, paint, glass)
    _trim(b, kind, length, wide, height, dark)
    add_wheels(b, axles, wide, radius)
    if kind == "offroad" and b.chance(0.6):
        spare, outer = (0, 0.49 * length, 0.52 * height), (0, 0.54 * length, 0.52 * height)
        b.cylinder(spare, outer, radius * 0.85, dark, round=0.02)
    if kind in ("estate", "offroad", "van", "hatch") and b.chance(0.3):
        _rack(b, length, wide, height, dark)
    if kind in ("coupe", "saloon") and b.chance(0.35):
        _spoiler(b, length, wide, height, paint)


def _size(b: Build, kind: str) -> tuple[float, float, float]:
    """Draw a body's length, width and height."""
    tall = kind in ("van", "offroad", "pickup")
    length = b.between(1.5, 1.75) if kind in ("hatch", "beetle") else b.between(1.75, 2.1)
    wide, height = b.between(0.7, 0.8), b.between(0.72, 0.85) if tall else b.between(0.52, 0.64)
    if kind == "coupe":
        height *= 0.88
    return length, wide, height


def _spoiler(b: Build, length: float, wide: float, height: float, look: Material) -> None:
    b.box((0, 0.46 * length, 0.76 * height), (wide * 0.85, 0.07, 0.015), look)
    for side in (-1, 1):
        post = (side * wide * 0.34, 0.46 * length, 0.69 * height)
        b.box(post, (0.015, 0.05, 0.16 * height), look)


def _cabin(b: Build, outline: np.ndarray, wide: float, paint: Material, glass: Material) -> None:
    """Add the cabin: painted, with side windows, and glass in front and behind."""
    slim = wide * b.between(0.8, 0.9)
    b.extrude(outline, slim, paint, along="x", round=0.02)
    middle = outline.mean(0)
    window = middle + (outline - middle) * [0.84, 0.68] + [0, 0.025]
    b.extrude(window, slim + 0.012, glass, along="x")
    for i, j in ((0, 1), (-1, -2)):
        start, end = outline[i], outline[j]
        along = end - start
        length = float(np.hypot(*along))
        normal = np.array([along[1], -along[0]]) / length
        normal = normal if normal @ (start - middle) > 0 else -normal
        center = start + along * 0.56 + normal * 0.016
        tilt = math.degrees(math.atan2(along[1], along[0]))
        b.box(
            (0, *center),
            (slim * 0.86, length * 0.7, 0.02),
            glass,
            rotation=rotation_about("x", tilt),
        )
    if b.chance(0.6):
        post = outline[len(outline) // 2]
        b.box(
            (0, (outline[0][0] + outline[-1][0]) / 2, (post[1] + outline[0][1]) / 2),
            (slim + 0.02, 0.03, post[1] - outline[0][1]),
            paint,
        )


def _trim(b: Build, kind: str, length: float, wide: float, height: float, dark: Material) -> None:
    """Add lamps, bumpers, mirrors, a grille."""
    lamp, red = looks.white(b), looks.paint(b)
    level = (0.36 if kind == "van" else 0.43) * height
    round_lamps = kind == "beetle" or b.chance(0.3)
    for side in (-1, 1):
        x = side * wide * 0.36
        if round_lamps:
            b.cylinder(
                (x, -0.47 * length, level),
                (x, -0.5 * length - 0.022, level),
                0.05,
                lamp,
                round=0.01,
            )
        else:
            b.box((x, -0.488 * length, level), (0.15, 0.05, 0.06), lamp, round=0.015)
        b.box((x, 0.492 * length, level), (0.13, 0.04, 0.07), red, round=0.012)
        b.ellipsoid(
            (side * (wide / 2 + 0.02), -0.17 * length, (0.48 if kind == "van" else 0.57) * height),
            (0.05, 0.03, 0.028),
            dark,
        )
    for end in (-1, 1):
        b.box((0, end * 0.5 * length, 0.26 * height), (wide * 0.96, 0.06, 0.08), dark, round=0.025)
    if b.chance(0.6):
        b.box((0, -0.498 * length, 0.4 * height), (wide * 0.42, 0.03, 0.09), dark, round=0.01)


def _rack(b: Build, length: float, wide: float, height: float, look: Material) -> None:
    top = height + 0.035
    for side in (-1, 1):
        x = side * wide * 0.33
        b.rod((x, -0.02 * length, top), (x, 0.36 * length, top), 0.013, look)
        for y in (0.02, 0.32):
            b.rod((x, y * length, height - 0.04), (x, y * length, top), 0.013, look)
    for y in (0.05, 0.28):
        b.rod((-wide * 0.33, y * length, top), (wide * 0.33, y * length, top), 0.012, look)
    if b.chance(0.4):
        b.box(
            (0, 0.17 * length, top + 0.06),
            (wide * 0.55, 0.26 * length, 0.12),
            looks.paint(b),
            round=0.03,
        )


def _open(b: Build) -> None:
    """A convertible: no roof, seats, a windscreen."""
    paint, dark, cloth = looks.paint(b), looks.dark(b), looks.leather(b)
    length, wide, height = b.between(1.65, 1.95), b.between(0.7, 0.78), b.between(0.5, 0.56)
    radius = 0.29 * height
    axles = (-0.31 * length, 0.3 * length)
    start, end = -0.12 * length, b.choice(0.17, 0.32) * length
    body = BODIES[b.choice("coupe", "saloon", "beetle")][0]
    inside = (wide * 0.8, end - start, 0.6 * height)
    with b.body():
        b.extrude(_outline(body, length, height), wide, paint, along="x", round=0.03)
        cut_arches(b, axles, wide, radius)
        b.box((0, (start + end) / 2, 0.65 * height), inside, dark, cut=True)
    for y in (0.08,) if end < 0.2 * length else (0.08, 0.25):
        _seats(b, y * length, wide, height, cloth)
    with b.at((0, start - 0.02, 0.58 * height), rotation_about("x", -38)):
        b.box((0, 0, 0.13 * 1.1), (wide * 0.78, 0.018, 0.3), looks.glass(b), round=0.005)
    _steering(b, wide * 0.2, start, height, dark)
    _trim(b, "open", length, wide, height, dark)
    add_wheels(b, axles, wide, radius)


def _seats(b: Build, y: float, wide: float, height: float, look: Material) -> None:
    """Add a row of two seats."""
    for side in (-1, 1):
        x = side * wide * 0.2
        b.box((x, y - 0.05, 0.4 * height), (wide * 0.28, 0.2, 0.12), look, round=0.03)
        b.box(
            (x, y + 0.04, 0.56 * height),
            (wide * 0.28, 0.07, 0.4 * height),
            look,
            round=0.03,
            rotation=rotation_about("x", -12),
        )


def _steering(b: Build, x: float, y: float, height: float, look: Material) -> None:
    """Add a steering wheel with one spoke, on its column behind the windscreen at `y`."""
    hub = (x, y + 0.12, 0.58 * height)
    b.ring(hub, 0.075, 0.012, look, axis=(0, 1, 0.5))
    b.rod(hub, (x, y - 0.06, 0.5 * height), 0.012, look)
    b.rod((x - 0.07, *hub[1:]), (x + 0.07, *hub[1:]), 0.01, look)


def _racer(b: Build) -> None:
    """An open-wheeled racing car: a slim body, wings, large wheels on arms."""
    paint, dark, trim = looks.paint(b), looks.dark(b), looks.paint(b)
    length, track = b.between(1.9, 2.3), b.between(0.72, 0.86)
    _monocoque(b, length, paint, dark)
    b.ball((0, 0.01 * length, 0.33), 0.065, trim)
    b.box((0, 0.01 * length, 0.25), (0.12, 0.1, 0.1), dark)
    for side in (-1, 1):
        pod = [(0.0, 0.07), (0.02, 0.24), (0.2, 0.26), (0.38, 0.12), (0.38, 0.07)]
        pod = [((y - 0.04) * length, z) for y, z in pod]
        b.extrude(pod, 0.2, paint, along="x", center=(side * 0.18, 0, 0), round=0.03)
    _downforce_wings(b, length, track + b.between(-0.05, 0.1), trim)
    b.box((0, 0.44 * length, 0.34), (0.03, 0.08, 0.34), dark)
    spokes = b.choice(0, 4, 5)
    for y, radius, thick in ((-0.3 * length, 0.15, 0.14), (0.32 * length, 0.165, 0.2)):
        for side in (-1, 1):
            hub = (side * track / 2, y, radius)
            wheel(b, hub, radius, thick, dark, looks.metal(b), spokes)
            for z in (0.12, 0.2):
                b.rod((0, y + 0.06, z), hub, 0.012, dark)
                b.rod((0, y - 0.06, z), hub, 0.012, dark)


def _monocoque(b: Build, length: float, paint: Material, dark: Material) -> None:
    """Add the slim body in side view, from the nose to the engine's hood, with the cockpit."""
    outline = [
        (-0.5, 0.08),
        (-0.5, 0.13),
        (-0.2, 0.27),
        (-0.08, 0.3),
        (0.06, 0.3),
        (0.12, 0.44),
        (0.2, 0.42),
        (0.45, 0.22),
        (0.45, 0.08),
    ]
    with b.body():
        b.extrude([(y * length, z) for y, z in outline], 0.26, paint, along="x", round=0.035)
        b.box((0, -0.01 * length, 0.36), (0.17, 0.14 * length, 0.26), dark, cut=True)


def _downforce_wings(b: Build, length: float, wide: float, look: Material) -> None:
    """Add the front and the rear wing with their end plates."""
    b.box((0, -0.49 * length, 0.09), (wide, 0.14, 0.02), look, round=0.006)
    b.box(
        (0, 0.46 * length, 0.5), (wide * 0.75, 0.14, 0.022), look, rotation=rotation_about("x", -8)
    )
    for side in (-1, 1):
        b.box((side * wide / 2, -0.49 * length, 0.12), (0.015, 0.16, 0.1), look)
        b.box((side * wide * 0.375, 0.46 * length, 0.46), (0.015, 0.18, 0.2), look)
