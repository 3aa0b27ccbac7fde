"""Cars, nose to -Y: saloons, hatchbacks, coupés, convertibles, pick-ups, vans, buses, racers."""

import math

import numpy as np

from .. import looks
from ..build import Build, turn
from ..parts import Material
from ..registry import category
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
        {"open": _open, "bus": _bus, "truck": _truck, "racer": _racer}[kind](b)


def _outline(points: list[tuple[float, float]], length: float, height: float) -> np.ndarray:
    return np.array(points) * [length, height]


def _closed(b: Build, kind: str) -> None:
    paint, dark, glass = looks.paint(b), looks.dark(b), looks.glass(b)
    tall = kind in ("van", "offroad", "pickup")
    length = b.between(1.5, 1.75) if kind in ("hatch", "beetle") else b.between(1.75, 2.1)
    wide, height = b.between(0.7, 0.8), b.between(0.72, 0.85) if tall else b.between(0.52, 0.64)
    if kind == "coupe":
        height *= 0.88
    radius = b.between(0.145, 0.165) * (1.15 if kind == "offroad" else 1.0)
    low, cabin = BODIES[kind]
    axles = (
        -0.5 * length + b.between(0.17, 0.21) * length,
        0.5 * length - b.between(0.18, 0.22) * length,
    )
    with b.body():
        b.extrude(_outline(low, length, height), wide, paint, along="x", round=0.03)
        _arches(b, axles, wide, radius)
        if kind == "pickup":
            b.box(
                (0, 0.315 * length, 0.6 * height),
                (wide * 0.84, 0.33 * length, 0.36 * height),
                dark,
                cut=True,
            )
    _cabin(b, _outline(cabin, length, height), wide, paint, glass)
    _trim(b, kind, length, wide, height, dark)
    _wheels(b, axles, wide, radius)
    if kind == "offroad" and b.chance(0.6):
        b.cylinder(
            (0, 0.49 * length, 0.52 * height),
            (0, 0.54 * length, 0.52 * height),
            radius * 0.85,
            dark,
            round=0.02,
        )
    if kind in ("estate", "offroad", "van", "hatch") and b.chance(0.3):
        _rack(b, length, wide, height, dark)
    if kind in ("coupe", "saloon") and b.chance(0.35):
        b.box((0, 0.46 * length, 0.76 * height), (wide * 0.85, 0.07, 0.015), paint)
        for side in (-1, 1):
            b.box(
                (side * wide * 0.34, 0.46 * length, 0.69 * height),
                (0.015, 0.05, 0.16 * height),
                paint,
            )


def _arches(b: Build, axles: tuple[float, ...], wide: float, radius: float) -> None:
    """Cut wheel arches out of the body that is open."""
    dark = looks.dark(b)
    for y in axles:
        for side in (-1, 1):
            b.cylinder(
                (side * wide * 0.27, y, radius),
                (side * wide, y, radius),
                radius * 1.13,
                dark,
                cut=True,
            )


def _wheels(b: Build, axles: tuple[float, ...], wide: float, radius: float) -> None:
    """Add two wheels an axle, the axles between them included."""
    tyre, rim = looks.dark(b), looks.metal(b)
    spokes = b.choice(0, 0, 3, 4, 5)
    thick = b.between(0.55, 0.7) * radius
    for y in axles:
        for side in (-1, 1):
            wheel(
                b, (side * (wide / 2 - thick * 0.42), y, radius), radius, thick, tyre, rim, spokes
            )
        b.cylinder((-wide * 0.42, y, radius), (wide * 0.42, y, radius), 0.2 * radius, tyre)


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
        b.box((0, *center), (slim * 0.86, length * 0.7, 0.02), glass, rotation=turn("x", tilt))
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
    with b.body():
        b.extrude(
            _outline(BODIES[b.choice("coupe", "saloon", "beetle")][0], length, height),
            wide,
            paint,
            along="x",
            round=0.03,
        )
        _arches(b, axles, wide, radius)
        b.box(
            (0, (start + end) / 2, 0.65 * height),
            (wide * 0.8, end - start, 0.6 * height),
            dark,
            cut=True,
        )
    for y in (0.08,) if end < 0.2 * length else (0.08, 0.25):
        for side in (-1, 1):
            x = side * wide * 0.2
            b.box((x, y * length - 0.05, 0.4 * height), (wide * 0.28, 0.2, 0.12), cloth, round=0.03)
            b.box(
                (x, y * length + 0.04, 0.56 * height),
                (wide * 0.28, 0.07, 0.4 * height),
                cloth,
                round=0.03,
                rotation=turn("x", -12),
            )
    with b.at((0, start - 0.02, 0.58 * height), turn("x", -38)):
        b.box((0, 0, 0.13 * 1.1), (wide * 0.78, 0.018, 0.3), looks.glass(b), round=0.005)
    b.ring((wide * 0.2, start + 0.12, 0.58 * height), 0.075, 0.012, dark, axis=(0, 1, 0.5))
    b.rod(
        (wide * 0.2, start + 0.12, 0.58 * height),
        (wide * 0.2, start - 0.06, 0.5 * height),
        0.012,
        dark,
    )
    b.rod(
        (wide * 0.2 - 0.07, start + 0.12, 0.58 * height),
        (wide * 0.2 + 0.07, start + 0.12, 0.58 * height),
        0.01,
        dark,
    )
    _trim(b, "open", length, wide, height, dark)
    _wheels(b, axles, wide, radius)


def _bus(b: Build) -> None:
    paint, glass, dark = looks.paint(b), looks.glass(b), looks.dark(b)
    length, wide, height = b.between(2.0, 2.9), b.between(0.62, 0.72), b.between(0.72, 0.85)
    double = b.chance(0.25)
    height *= 1.45 if double else 1.0
    radius = 0.13
    axles = (-0.3 * length, 0.3 * length)
    with b.body():
        b.box((0, 0, 0.1 + height / 2), (wide, length, height), paint, round=b.between(0.03, 0.1))
        _arches(b, axles, wide, radius)
    stripe = looks.paint(b)
    for deck in (0.28, 0.74) if double else (0.66,):
        z = 0.1 + deck * height
        if double:
            z += 0.1 * height
        tall = 0.24 if double else 0.27
        for i in range(6):
            y = length * ((i + 0.5) / 6 - 0.5) * 0.94
            b.box((0, y, z), (wide + 0.012, length * 0.13, tall), glass, round=0.005)
        b.box((0, -0.5 * length, z), (wide * 0.84, 0.016, tall + 0.03), glass)
        b.box((0, 0.5 * length, z), (wide * 0.7, 0.016, tall * 0.7), glass)
    b.box((0, 0, 0.1 + 0.25 * height), (wide + 0.014, length * 0.97, 0.06), stripe)
    for side in (-1, 1):
        b.cylinder(
            (side * wide * 0.36, -0.49 * length, 0.24),
            (side * wide * 0.36, -0.5 * length - 0.015, 0.24),
            0.04,
            looks.white(b),
        )
        b.path(
            [
                (side * wide * 0.48, -0.49 * length, 0.62 * height),
                (side * (wide * 0.5 + 0.05), -0.53 * length, 0.6 * height),
            ],
            0.012,
            dark,
        )
        b.ellipsoid(
            (side * (wide * 0.5 + 0.05), -0.53 * length, 0.57 * height), (0.02, 0.02, 0.07), dark
        )
    if b.chance(0.5):
        b.box(
            (0, 0.1 * length, height + 0.12),
            (wide * 0.6, 0.3 * length, 0.08),
            looks.white(b),
            round=0.02,
        )
    _wheels(b, axles, wide, radius)


def _truck(b: Build) -> None:
    """A lorry: a cab before a box, a tank, an open bed or a tipper."""
    paint, dark, glass = looks.paint(b), looks.dark(b), looks.glass(b)
    length, wide, radius = b.between(1.7, 2.5), b.between(0.58, 0.68), 0.145
    cab, top = 0.48, b.between(0.66, 0.8)
    nose = 0.25 if b.chance(0.35) else 0.0
    front = -length / 2
    b.box((0, 0, 0.2), (wide * 0.55, length * 0.98, 0.09), dark)
    axles = [front + 0.22, length / 2 - 0.25]
    if length > 2.0:
        axles.append(length / 2 - 0.25 - 2.2 * radius)
    outline = [
        (0, 0.14),
        (0, 0.45),
        (nose + 0.01, 0.5 if nose else 0.45),
        (nose + 0.06, top),
        (nose + cab, top),
        (nose + cab, 0.14),
    ]
    with b.body():
        b.extrude([(front + y, z) for y, z in outline], wide, paint, along="x", round=0.02)
        _arches(b, (axles[0],), wide, radius)
    b.box(
        (0, front + nose + 0.02, top - 0.15),
        (wide * 0.86, 0.03, 0.17),
        glass,
        rotation=turn("x", -10),
    )
    b.box((0, front + nose + 0.24, top - 0.15), (wide + 0.02, 0.2, 0.15), glass, round=0.01)
    b.box((0, front + 0.0, 0.18), (wide, 0.08, 0.1), looks.metal(b), round=0.02)
    for side in (-1, 1):
        b.cylinder(
            (side * wide * 0.36, front + 0.04, 0.3),
            (side * wide * 0.36, front - 0.03, 0.3),
            0.045,
            looks.white(b),
        )
        if b.chance(0.5):
            b.cylinder(
                (side * wide * 0.42, front + nose + cab + 0.04, 0.22),
                (side * wide * 0.42, front + nose + cab + 0.04, top + 0.14),
                0.022,
                looks.metal(b),
            )
            b.box((side * wide * 0.35, front + nose + cab + 0.03, 0.24), (0.14, 0.08, 0.06), dark)
    start = front + nose + cab + 0.06
    bed, middle = length / 2 - start, (length / 2 + start) / 2
    load = looks.paint(b)
    kind = b.choice("box", "tank", "bed", "flat")
    if kind == "box":
        tall = b.between(0.55, 0.75)
        b.box((0, middle, 0.24 + tall / 2), (wide * 1.04, bed, tall), load, round=0.012)
        for side in (-1, 1):
            b.box(
                (side * wide * 0.25, length / 2 + 0.004, 0.24 + tall / 2),
                (wide * 0.46, 0.02, tall * 0.92),
                looks.metal(b),
            )
    elif kind == "tank":
        b.cylinder((0, start, 0.5), (0, length / 2, 0.5), 0.28, load, round=0.08)
        for share in (0.2, 0.8):
            b.box((0, start + share * bed, 0.3), (0.4, 0.1, 0.16), dark)
        b.cylinder((0, middle, 0.7), (0, middle, 0.82), 0.07, dark)
    else:
        tall = 0.28 if kind == "bed" else 0.06
        with b.body():
            b.box((0, middle, 0.24 + tall / 2), (wide * 1.02, bed, tall), load)
            if kind == "bed":
                b.box((0, middle, 0.3 + tall / 2), (wide * 0.94, bed - 0.05, tall), dark, cut=True)
        if kind == "flat":
            for share in np.linspace(0.2, 0.8, b.count(1, 3)):
                b.box(
                    (0, start + float(share) * bed, 0.39),
                    (wide * 0.7, bed * 0.22, 0.2),
                    looks.wood(b),
                    round=0.01,
                )
    _wheels(b, tuple(axles), wide, radius)


def _racer(b: Build) -> None:
    """An open-wheeled racing car: a slim body, wings, large wheels on arms."""
    paint, dark, trim = looks.paint(b), looks.dark(b), looks.paint(b)
    length, track = b.between(1.9, 2.3), b.between(0.72, 0.86)
    front, rear = -0.3 * length, 0.32 * length
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
    b.ball((0, 0.01 * length, 0.33), 0.065, trim)
    b.box((0, 0.01 * length, 0.25), (0.12, 0.1, 0.1), dark)
    for side in (-1, 1):
        pod = [(0.0, 0.07), (0.02, 0.24), (0.2, 0.26), (0.38, 0.12), (0.38, 0.07)]
        b.extrude(
            [((y - 0.04) * length, z) for y, z in pod],
            0.2,
            paint,
            along="x",
            center=(side * 0.18, 0, 0),
            round=0.03,
        )
    wing = track + b.between(-0.05, 0.1)
    b.box((0, -0.49 * length, 0.09), (wing, 0.14, 0.02), trim, round=0.006)
    b.box((0, 0.46 * length, 0.5), (wing * 0.75, 0.14, 0.022), trim, rotation=turn("x", -8))
    for side in (-1, 1):
        b.box((side * wing / 2, -0.49 * length, 0.12), (0.015, 0.16, 0.1), trim)
        b.box((side * wing * 0.375, 0.46 * length, 0.46), (0.015, 0.18, 0.2), trim)
    b.box((0, 0.44 * length, 0.34), (0.03, 0.08, 0.34), dark)
    spokes = b.choice(0, 4, 5)
    for y, radius, thick in ((front, 0.15, 0.14), (rear, 0.165, 0.2)):
        for side in (-1, 1):
            hub = (side * track / 2, y, radius)
            wheel(b, hub, radius, thick, dark, looks.metal(b), spokes)
            for z in (0.12, 0.2):
                b.rod((0, y + 0.06, z), hub, 0.012, dark)
                b.rod((0, y - 0.06, z), hub, 0.012, dark)
