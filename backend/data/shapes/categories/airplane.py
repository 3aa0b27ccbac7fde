"""Airplanes: airliners, propeller planes, biplanes, fighters, gliders, flying wings; nose to -Y."""

import math

from .. import looks
from ..build import Build, turn
from ..parts import Material
from ..registry import category
from .wings import NOSE_AHEAD, add_engine, add_fin, add_fuselage, add_propeller, add_wings


@category("airplane")
def airplane(b: Build) -> None:
    """Draw an airplane."""
    kind = b.choice(
        "airliner", "airliner", "light", "biplane", "fighter", "fighter", "glider", "wing"
    )
    {
        "airliner": _airliner,
        "light": _light,
        "biplane": _biplane,
        "fighter": _fighter,
        "glider": _glider,
        "wing": _flying_wing,
    }[kind](b)


def _airliner(b: Build) -> None:
    body, trim, metal = (
        looks.white(b) if b.chance(0.7) else looks.paint(b),
        looks.paint(b),
        looks.metal(b),
    )
    length, radius = b.between(3.0, 4.2), b.between(0.17, 0.25)
    add_fuselage(b, length, radius, b.between(0.12, 0.2), b.between(0.3, 0.4), body)
    span, root, sweep = b.between(1.35, 2.0), b.between(0.65, 0.85), b.between(0.6, 1.05)
    y, lift, high = b.between(-0.55, -0.3), b.between(2, 7), b.chance(0.2)
    z = radius * 0.75 if high else -0.55 * radius
    lift = -2.0 if high else lift
    add_wings(
        b,
        metal,
        root=root,
        tip=0.2 * root,
        span=span,
        sweep=sweep,
        y=y,
        z=z,
        thick=0.05,
        lift=lift,
        kink=1,
    )
    tail_y = length / 2 - b.between(0.5, 0.6)
    tall = b.between(0.5, 0.7)
    tee = b.chance(0.3)
    add_fin(
        b,
        trim,
        root=0.52,
        tip=0.22,
        tall=tall + radius * 0.5,
        sweep=0.38,
        y=tail_y - 0.05,
        z=radius * 0.3,
        thick=0.045,
    )
    plane_z, plane_y = (
        (radius * 0.8 + tall - 0.03, tail_y + 0.32) if tee else (0.12 * radius, tail_y + 0.06)
    )
    add_wings(
        b,
        metal,
        root=0.36,
        tip=0.14,
        span=b.between(0.5, 0.75),
        sweep=0.3,
        y=plane_y,
        z=plane_z,
        thick=0.035,
        lift=4,
    )
    _engines(
        b,
        tee=tee,
        radius=radius,
        span=span,
        sweep=sweep,
        y=y,
        z=z,
        lift=lift,
        tail=tail_y,
        look=b.choice(body, metal),
    )
    if not high and b.chance(0.6):
        for side in (-1, 1):
            with b.at(
                (
                    side * span * math.cos(math.radians(lift)),
                    0,
                    z + span * math.sin(math.radians(lift)),
                )
            ):
                add_fin(
                    b,
                    trim,
                    root=0.16,
                    tip=0.07,
                    tall=0.2,
                    sweep=0.14,
                    y=y + sweep,
                    z=-0.01,
                    thick=0.022,
                )
    dark = looks.glass(b)
    b.box(
        (0, -length / 2 + 0.13 * length * 0.55, radius * 0.45),
        (radius * 0.95, 0.1, 0.06),
        dark,
        round=0.02,
        rotation=turn("x", 25),
    )


def _engines(
    b: Build,
    *,
    tee: bool,
    radius: float,
    span: float,
    sweep: float,
    y: float,
    z: float,
    lift: float,
    tail: float,
    look: Material,
) -> None:
    big = b.between(0.1, 0.15)
    if tee:
        for side in (-1, 1):
            x = side * (radius + big * 0.95)
            add_engine(b, (x, tail - 0.25, radius * 0.35), 0.55, big, look)
            b.box((side * radius, tail - 0.2, radius * 0.3), (0.25, 0.3, 0.04), look)
        return
    places = b.choice((0.33,), (0.33,), (0.3, 0.58))
    for share in places:
        for side in (-1, 1):
            x, ahead = side * share * span, y + share * sweep
            wing_z = z + share * span * math.tan(math.radians(lift))
            under = wing_z - big * 1.15
            add_engine(b, (x, ahead - 0.05, under), 0.5, big, look)
            b.box((x, ahead + 0.1, (wing_z + under) / 2 + 0.02), (0.03, 0.34, big * 1.4), look)


def _light(b: Build) -> None:
    body, trim, glass, dark = looks.paint(b), looks.paint(b), looks.glass(b), looks.dark(b)
    length, wide = b.between(1.6, 2.1), b.between(0.24, 0.32)
    high = b.chance(0.55)
    outline = [
        (-0.5, -0.1),
        (-0.5, 0.1),
        (-0.26, 0.15),
        (-0.17, 0.3),
        (0.06, 0.3),
        (0.22, 0.16),
        (0.5, 0.1),
        (0.5, 0.04),
        (0.1, -0.12),
        (-0.3, -0.14),
    ]
    outline = [(y * length, z) for y, z in outline]
    b.extrude(outline, wide, body, along="x", round=0.03)
    window = [
        (-0.24 * length, 0.15),
        (-0.165 * length, 0.27),
        (0.04 * length, 0.27),
        (0.12 * length, 0.16),
    ]
    b.extrude(window, wide + 0.012, glass, along="x")
    b.box(
        (0, -0.215 * length, 0.23),
        (wide * 0.85, 0.02, 0.13),
        glass,
        rotation=turn("x", -50 if length < 1.8 else -54),
    )
    span, root = b.between(1.1, 1.5), b.between(0.3, 0.42)
    z = 0.31 if high else -0.07
    add_wings(
        b,
        trim,
        root=root,
        tip=root * b.between(0.6, 1),
        span=span,
        sweep=b.between(0, 0.08),
        y=-0.2 * length,
        z=z,
        thick=0.05,
        lift=b.between(1, 5),
    )
    tail = 0.5 * length - 0.24
    add_fin(b, trim, root=0.26, tip=0.14, tall=0.36, sweep=0.12, y=tail, z=0.06, thick=0.03)
    add_wings(b, trim, root=0.24, tip=0.17, span=0.45, sweep=0.05, y=tail, z=0.07, thick=0.03)
    twin = not high and b.chance(0.35)
    blades, blade = b.count(2, 4), b.between(0.26, 0.34)
    if twin:
        for side in (-1, 1):
            b.rod(
                (side * 0.42, -0.2 * length + 0.3, z + 0.02),
                (side * 0.42, -0.2 * length - 0.2, z + 0.03),
                0.07,
                body,
                end_radius=0.085,
            )
            add_propeller(
                b, (side * 0.42, -0.2 * length - 0.3, z + 0.03), blade, blades, dark, trim
            )
        b.rod((0, -0.45 * length, 0), (0, -0.58 * length, -0.02), 0.11, body, end_radius=0.05)
    else:
        add_propeller(b, (0, -0.5 * length - 0.06, 0), blade, blades, dark, trim)
    if high:
        for side in (-1, 1):
            b.rod(
                (side * wide * 0.45, -0.1 * length, -0.08),
                (side * 0.55 * span, -0.12 * length, z),
                0.014,
                trim,
            )
    _gear(b, wide, length, dark, trim)


def _gear(b: Build, wide: float, length: float, tyre: Material, look: Material) -> None:
    nose_wheel = b.chance(0.5)
    main = -0.02 * length if nose_wheel else -0.26 * length
    for side in (-1, 1):
        b.rod((side * wide * 0.35, main, -0.08), (side * 0.34, main, -0.34), 0.018, look)
        b.cylinder((side * 0.31, main, -0.36), (side * 0.38, main, -0.36), 0.08, tyre, round=0.015)
    if nose_wheel:
        b.rod((0, -0.4 * length, -0.05), (0, -0.42 * length, -0.33), 0.018, look)
        b.cylinder(
            (-0.03, -0.42 * length, -0.36), (0.03, -0.42 * length, -0.36), 0.075, tyre, round=0.012
        )
    else:
        b.rod((0, 0.42 * length, 0.02), (0, 0.48 * length, -0.13), 0.012, look)
        b.cylinder((-0.015, 0.48 * length, -0.14), (0.015, 0.48 * length, -0.14), 0.04, tyre)


def _biplane(b: Build) -> None:
    body, wing, dark = looks.paint(b), looks.paint(b), looks.dark(b)
    length, radius, span = b.between(1.6, 2.0), b.between(0.15, 0.19), b.between(0.95, 1.25)
    b.cone((0, length / 2, 0.03), (0, -length / 2 + 0.3, 0), 0.05, radius, body)
    b.cylinder(
        (0, -length / 2 + 0.32, 0),
        (0, -length / 2, 0),
        radius * 1.08,
        b.choice(body, looks.metal(b)),
        round=0.04,
    )
    add_propeller(
        b, (0, -length / 2 - 0.04, 0), b.between(0.34, 0.4), b.choice(2, 2, 3), looks.wood(b), dark
    )
    chord, gap, y = b.between(0.28, 0.36), b.between(0.36, 0.46), -0.28 * length
    stagger, layers = b.between(0, 0.1), b.choice(2, 2, 2, 3)
    low = -0.1
    for i in range(layers):
        add_wings(
            b,
            wing,
            root=chord,
            tip=chord * 0.95,
            span=span * (1 - 0.04 * i),
            sweep=0.0,
            y=y - stagger * i,
            z=low + gap * i,
            thick=0.04,
        )
    top = low + gap * (layers - 1)
    for side in (-1, 1):
        for share in (0.45, 0.85) if b.chance(0.5) else (0.75,):
            for back in (0.2, 0.8):
                x = side * share * span
                b.rod(
                    (x, y + back * chord, low),
                    (x, y + back * chord - stagger * (layers - 1), top),
                    0.011,
                    dark,
                )
        b.rod(
            (side * 0.09, y + 0.3 * chord, 0.05), (side * 0.13, y + 0.3 * chord, top), 0.011, dark
        )
    b.cylinder((0, 0.0, 0.05), (0, 0.0, radius + 0.03), 0.07, dark)
    tail = length / 2 - 0.22
    add_fin(b, wing, root=0.26, tip=0.14, tall=0.3, sweep=0.1, y=tail, z=0.0, thick=0.025)
    add_wings(b, wing, root=0.24, tip=0.15, span=0.38, sweep=0.07, y=tail, z=0.04, thick=0.025)
    for side in (-1, 1):
        b.rod((side * 0.08, y, -0.08), (side * 0.24, y - 0.02, -0.4), 0.014, dark)
        b.cylinder(
            (side * 0.22, y - 0.02, -0.42), (side * 0.28, y - 0.02, -0.42), 0.09, dark, round=0.015
        )
    b.rod((-0.22, y - 0.02, -0.42), (0.22, y - 0.02, -0.42), 0.012, dark)


def _fighter(b: Build) -> None:
    look = looks.metal(b) if b.chance(0.5) else looks.paint(b)
    trim, dark, glass = looks.same_or(b, look, looks.metal), looks.dark(b), looks.glass(b)
    length, radius = b.between(2.3, 3.0), b.between(0.13, 0.17)
    b.cone((0, -0.2 * length, 0), (0, -0.52 * length, -0.02), radius, 0.012, look)
    twin = b.chance(0.5)
    hull = [
        (-0.22, radius * 0.98),
        (0.3, radius),
        (0.42, radius * 0.8),
        (0.42, -radius * 0.8),
        (0.0, -radius),
        (-0.22, -radius * 0.98),
    ]
    wide = radius * (4.2 if twin else 2.0)
    b.extrude(
        [(y * length, z) for y, z in hull],
        wide if twin else radius * 2,
        look,
        along="x",
        round=0.02,
    )
    if not twin:
        b.cylinder((0, -0.22 * length, 0), (0, 0.4 * length, 0), radius * 1.08, look)
    b.ellipsoid((0, -0.2 * length, radius * 0.75), (0.09, 0.3, 0.12), glass)
    for side in (-1, 1):
        x = side * (wide / 2 if twin else radius) * 1.0
        b.frustum(
            (x, -0.02 * length, -0.02),
            0.42 * length,
            (0.1, 0.16),
            (0.16, 0.2),
            look,
            rotation=turn("x", 90),
        )
    for side in (-1, 1) if twin else (0,):
        x = side * radius * 1.05
        profile = [
            (0, 0),
            (0.95 * radius, 0),
            (0.95 * radius, -0.1),
            (0.7 * radius, -0.22),
            (0.6 * radius, -0.22),
            (0.6 * radius, -0.12),
            (0, -0.12),
        ]
        b.revolve(profile, dark, center=(x, 0.38 * length, 0), rotation=NOSE_AHEAD)
    delta = b.chance(0.5)
    span, root = b.between(0.75, 1.05), (b.between(1.2, 1.5) if delta else b.between(0.75, 0.95))
    sweep = root * (0.85 if delta else b.between(0.35, 0.7))
    add_wings(
        b,
        trim,
        root=root,
        tip=0.1 if delta else 0.3,
        span=span,
        sweep=sweep,
        y=0.36 * length - root,
        z=0.0,
        thick=0.04,
        lift=b.between(-4, 3),
    )
    canard = b.chance(0.4)
    if canard or not delta:
        y = -0.2 * length if canard else 0.27 * length
        add_wings(
            b, trim, root=0.36, tip=0.14, span=0.55, sweep=0.25, y=y, z=0.03, thick=0.03, start=0
        )
    fins = (-1, 1) if twin or b.chance(0.3) else (0,)
    for side in fins:
        add_fin(
            b,
            trim,
            root=0.5,
            tip=0.2,
            tall=b.between(0.42, 0.55),
            sweep=0.36,
            y=0.42 * length - 0.55,
            z=radius * 0.6,
            thick=0.03,
            x=side * wide * 0.4,
            lean=side * b.choice(0, 18),
        )
    if b.chance(0.5):
        for side in (-1, 1):
            b.rod(
                (side * 0.6 * span, 0.36 * length - 0.1 * root, -0.1),
                (side * 0.6 * span, 0.2 * length - 0.2 * root, -0.1),
                0.03,
                looks.white(b),
            )
            b.box((side * 0.6 * span, 0.3 * length - 0.1 * root, -0.05), (0.02, 0.16, 0.1), dark)


def _glider(b: Build) -> None:
    look, glass = looks.white(b), looks.glass(b)
    length, span = b.between(1.3, 1.7), b.between(1.6, 2.1)
    with b.body(blend=0.1):
        b.ellipsoid((0, -0.28 * length, 0), (0.12, 0.36, 0.14), look)
        b.rod((0, -0.2 * length, 0.03), (0, 0.5 * length, 0.06), 0.07, look, end_radius=0.03)
    b.ellipsoid((0, -0.36 * length, 0.06), (0.09, 0.22, 0.1), glass)
    add_wings(
        b,
        look,
        root=0.22,
        tip=0.08,
        span=span,
        sweep=b.between(-0.02, 0.08),
        y=-0.22 * length,
        z=0.08,
        thick=0.03,
        lift=b.between(1, 4),
    )
    tail, tee = 0.5 * length - 0.2, b.chance(0.7)
    add_fin(b, look, root=0.22, tip=0.14, tall=0.36, sweep=0.1, y=tail, z=0.04, thick=0.025)
    add_wings(
        b,
        look,
        root=0.15,
        tip=0.08,
        span=0.34,
        sweep=0.04,
        y=tail + (0.1 if tee else 0.0),
        z=0.38 if tee else 0.08,
        thick=0.022,
    )


def _flying_wing(b: Build) -> None:
    look, dark = b.choice(looks.metal, looks.dark, looks.paint)(b), looks.glass(b)
    span, root, sweep = b.between(1.2, 1.5), b.between(0.75, 1.0), b.between(0.7, 1.0)
    tip = b.between(0.18, 0.35)
    add_wings(
        b,
        look,
        root=root,
        tip=tip,
        span=span,
        sweep=sweep,
        y=-0.6,
        z=0.0,
        thick=0.07,
        kink=b.choice(0, 1),
    )
    with b.body(blend=0.06):
        b.ellipsoid((0, -0.18, 0.02), (0.2, 0.46, 0.12), look)
        for side in (-1, 1):
            b.ellipsoid((side * 0.3, 0.0, 0.03), (0.12, 0.32, 0.08), look)
    b.ellipsoid((0, -0.38, 0.09), (0.09, 0.15, 0.07), dark)
    if b.chance(0.4):
        for side in (-1, 1):
            add_fin(
                b,
                look,
                root=0.3,
                tip=0.15,
                tall=0.28,
                sweep=0.18,
                y=-0.6 + 0.75 * sweep,
                z=0.0,
                thick=0.025,
                x=side * 0.72 * span,
            )
