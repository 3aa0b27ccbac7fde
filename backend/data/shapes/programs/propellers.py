"""Airplanes with propellers: light ones and biplanes, nose to -Y."""

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from .wings import add_fin, add_propeller, add_wings


def light(b: Build) -> None:
    """A cabin under or over straight wings, with one engine in the nose or two on the wings."""
    body, trim, glass, dark = looks.paint(b), looks.paint(b), looks.glass(b), looks.dark(b)
    length, wide = b.between(1.6, 2.1), b.between(0.24, 0.32)
    high = b.chance(0.55)
    _cabin(b, length, wide, body, glass)
    z = 0.31 if high else -0.07
    span = _light_wings(b, length, z, trim)
    tail = 0.5 * length - 0.24
    add_fin(b, trim, root=0.26, tip=0.14, tall=0.36, sweep=0.12, y=tail, z=0.06, thick=0.03)
    add_wings(b, trim, root=0.24, tip=0.17, span=0.45, sweep=0.05, y=tail, z=0.07, thick=0.03)
    twin = not high and b.chance(0.35)
    blades, blade = b.count(2, 4), b.between(0.26, 0.34)
    if twin:
        for side in (-1, 1):
            _nacelle(b, side * 0.42, -0.2 * length, z, body)
            hub = (side * 0.42, -0.2 * length - 0.3, z + 0.03)
            add_propeller(b, hub, blade, blades, dark, trim)
        b.rod((0, -0.45 * length, 0), (0, -0.58 * length, -0.02), 0.11, body, end_radius=0.05)
    else:
        add_propeller(b, (0, -0.5 * length - 0.06, 0), blade, blades, dark, trim)
    if high:
        for side in (-1, 1):
            foot = (side * wide * 0.45, -0.1 * length, -0.08)
            b.rod(foot, (side * 0.55 * span, -0.12 * length, z), 0.014, trim)
    _gear(b, wide, length, dark, trim)


def _cabin(b: Build, length: float, wide: float, body: Material, glass: Material) -> None:
    """Add the fuselage with the cabin's windows and its windscreen."""
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
    b.extrude([(y * length, z) for y, z in outline], wide, body, along="x", round=0.03)
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
        rotation=rotation_about("x", -50 if length < 1.8 else -54),
    )


def _light_wings(b: Build, length: float, z: float, look: Material) -> float:
    """Add the wings at height `z`; return their half span."""
    span, root = b.between(1.1, 1.5), b.between(0.3, 0.42)
    add_wings(
        b,
        look,
        root=root,
        tip=root * b.between(0.6, 1),
        span=span,
        sweep=b.between(0, 0.08),
        y=-0.2 * length,
        z=z,
        thick=0.05,
        lift=b.between(1, 5),
    )
    return span


def _nacelle(b: Build, x: float, y: float, z: float, look: Material) -> None:
    """Add the housing of an engine on the wing whose leading edge is at (y, z)."""
    b.rod((x, y + 0.3, z + 0.02), (x, y - 0.2, z + 0.03), 0.07, look, end_radius=0.085)


def _gear(b: Build, wide: float, length: float, tyre: Material, look: Material) -> None:
    """Add the landing gear: two main wheels with one more under the nose or the tail."""
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


def biplane(b: Build) -> None:
    """Two or three wings over each other, a round engine with its propeller, an open seat."""
    body, wing, dark = looks.paint(b), looks.paint(b), looks.dark(b)
    length, radius, span = b.between(1.6, 2.0), b.between(0.15, 0.19), b.between(0.95, 1.25)
    _biplane_fuselage(b, length, radius, body, dark)
    y = -0.28 * length
    _stacked_wings(b, span, y, wing, dark)
    b.cylinder((0, 0.0, 0.05), (0, 0.0, radius + 0.03), 0.07, dark)
    tail = length / 2 - 0.22
    add_fin(b, wing, root=0.26, tip=0.14, tall=0.3, sweep=0.1, y=tail, z=0.0, thick=0.025)
    add_wings(b, wing, root=0.24, tip=0.15, span=0.38, sweep=0.07, y=tail, z=0.04, thick=0.025)
    _axle(b, y, dark)


def _biplane_fuselage(
    b: Build, length: float, radius: float, body: Material, hub: Material
) -> None:
    """Add the tapered fuselage, the engine's cowling and the propeller."""
    nose = -length / 2
    b.cone((0, length / 2, 0.03), (0, nose + 0.3, 0), 0.05, radius, body)
    b.cylinder(
        (0, nose + 0.32, 0), (0, nose, 0), radius * 1.08, b.choice(body, looks.metal(b)), round=0.04
    )
    blade, blades = b.between(0.34, 0.4), b.choice(2, 2, 3)
    add_propeller(b, (0, nose - 0.04, 0), blade, blades, looks.wood(b), hub)


def _stacked_wings(b: Build, span: float, y: float, look: Material, strut: Material) -> None:
    """Add wings over each other, leading edges at `y` and ahead, and the struts between them."""
    chord, gap = b.between(0.28, 0.36), b.between(0.36, 0.46)
    stagger, layers = b.between(0, 0.1), b.choice(2, 2, 2, 3)
    low = -0.1
    for i in range(layers):
        add_wings(
            b,
            look,
            root=chord,
            tip=chord * 0.95,
            span=span * (1 - 0.04 * i),
            sweep=0.0,
            y=y - stagger * i,
            z=low + gap * i,
            thick=0.04,
        )
    top, ahead = low + gap * (layers - 1), stagger * (layers - 1)
    for side in (-1, 1):
        for fraction in (0.45, 0.85) if b.chance(0.5) else (0.75,):
            for back in (0.2, 0.8):
                x, foot = side * fraction * span, y + back * chord
                b.rod((x, foot, low), (x, foot - ahead, top), 0.011, strut)
        foot = y + 0.3 * chord
        b.rod((side * 0.09, foot, 0.05), (side * 0.13, foot, top), 0.011, strut)


def _axle(b: Build, y: float, look: Material) -> None:
    """Add the landing gear: two wheels on legs and the axle between them."""
    wheel = y - 0.02
    for side in (-1, 1):
        b.rod((side * 0.08, y, -0.08), (side * 0.24, wheel, -0.4), 0.014, look)
        b.cylinder(
            (side * 0.22, wheel, -0.42), (side * 0.28, wheel, -0.42), 0.09, look, round=0.015
        )
    b.rod((-0.22, wheel, -0.42), (0.22, wheel, -0.42), 0.012, look)
