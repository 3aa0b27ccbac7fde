"""Airplanes with jet engines: airliners and fighters, nose to -Y."""

import math
from dataclasses import dataclass

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from .wings import NOSE_AHEAD, add_engine, add_fin, add_fuselage, add_wings


@dataclass(frozen=True)
class _Wing:
    """Where an airliner's wings are, for what hangs from them; see `add_wings`."""

    span: float
    sweep: float
    y: float
    z: float
    lift: float
    high: bool


def airliner(b: Build) -> None:
    """A round fuselage on swept wings, with engines under them or at the tail."""
    body, trim, metal = (
        looks.white(b) if b.chance(0.7) else looks.paint(b),
        looks.paint(b),
        looks.metal(b),
    )
    length, radius = b.between(3.0, 4.2), b.between(0.17, 0.25)
    add_fuselage(b, length, radius, b.between(0.12, 0.2), b.between(0.3, 0.4), body)
    wing = _airliner_wings(b, radius, metal)
    tail = length / 2 - b.between(0.5, 0.6)
    tee = _airliner_tail(b, tail, radius, trim, metal)
    look = b.choice(body, metal)
    size = b.between(0.1, 0.15)
    if tee:
        _tail_engines(b, tail, radius, size, look)
    else:
        _wing_engines(b, wing, size, look)
    if not wing.high and b.chance(0.6):
        _winglets(b, wing, trim)
    b.box(
        (0, -length / 2 + 0.13 * length * 0.55, radius * 0.45),
        (radius * 0.95, 0.1, 0.06),
        looks.glass(b),
        round=0.02,
        rotation=rotation_about("x", 25),
    )


def _airliner_wings(b: Build, radius: float, look: Material) -> _Wing:
    """Add low wings that rise to their tips, or high ones that hang."""
    span, root, sweep = b.between(1.35, 2.0), b.between(0.65, 0.85), b.between(0.6, 1.05)
    y, lift, high = b.between(-0.55, -0.3), b.between(2, 7), b.chance(0.2)
    z = radius * 0.75 if high else -0.55 * radius
    lift = -2.0 if high else lift
    add_wings(
        b,
        look,
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
    return _Wing(span, sweep, y, z, lift, high)


def _airliner_tail(b: Build, y: float, radius: float, fin: Material, plane: Material) -> bool:
    """Add the fin and the tailplane; return whether this one is on top of the fin, as a T."""
    tall = b.between(0.5, 0.7)
    tee = b.chance(0.3)
    add_fin(
        b,
        fin,
        root=0.52,
        tip=0.22,
        tall=tall + radius * 0.5,
        sweep=0.38,
        y=y - 0.05,
        z=radius * 0.3,
        thick=0.045,
    )
    add_wings(
        b,
        plane,
        root=0.36,
        tip=0.14,
        span=b.between(0.5, 0.75),
        sweep=0.3,
        y=y + 0.32 if tee else y + 0.06,
        z=radius * 0.8 + tall - 0.03 if tee else 0.12 * radius,
        thick=0.035,
        lift=4,
    )
    return tee


def _tail_engines(b: Build, tail: float, radius: float, size: float, look: Material) -> None:
    """Add an engine of radius `size` on a stub at each side of the fuselage."""
    for side in (-1, 1):
        x = side * (radius + size * 0.95)
        add_engine(b, (x, tail - 0.25, radius * 0.35), 0.55, size, look)
        b.box((side * radius, tail - 0.2, radius * 0.3), (0.25, 0.3, 0.04), look)


def _wing_engines(b: Build, wing: _Wing, size: float, look: Material) -> None:
    """Hang one or two engines of radius `size` under each wing."""
    for fraction in b.choice((0.33,), (0.33,), (0.3, 0.58)):
        for side in (-1, 1):
            x, ahead = side * fraction * wing.span, wing.y + fraction * wing.sweep
            wing_z = wing.z + fraction * wing.span * math.tan(math.radians(wing.lift))
            under = wing_z - size * 1.15
            add_engine(b, (x, ahead - 0.05, under), 0.5, size, look)
            b.box((x, ahead + 0.1, (wing_z + under) / 2 + 0.02), (0.03, 0.34, size * 1.4), look)


def _winglets(b: Build, wing: _Wing, look: Material) -> None:
    lift = math.radians(wing.lift)
    for side in (-1, 1):
        with b.at((side * wing.span * math.cos(lift), 0, wing.z + wing.span * math.sin(lift))):
            add_fin(
                b,
                look,
                root=0.16,
                tip=0.07,
                tall=0.2,
                sweep=0.14,
                y=wing.y + wing.sweep,
                z=-0.01,
                thick=0.022,
            )


def fighter(b: Build) -> None:
    """One or two engines in a slim fuselage, delta or swept wings, one or two fins."""
    look = looks.metal(b) if b.chance(0.5) else looks.paint(b)
    trim, dark, glass = looks.same_or(b, look, looks.metal), looks.dark(b), looks.glass(b)
    length, radius = b.between(2.3, 3.0), b.between(0.13, 0.17)
    twin = b.chance(0.5)
    wide = radius * (4.2 if twin else 2.0)
    _fighter_fuselage(b, length, radius, wide, twin, look)
    b.ellipsoid((0, -0.2 * length, radius * 0.75), (0.09, 0.3, 0.12), glass)
    _intakes(b, length, wide, look)
    for side in (-1, 1) if twin else (0,):
        _nozzle(b, side * radius * 1.05, length, radius, dark)
    span, root = _fighter_wings(b, length, trim)
    for side in (-1, 1) if twin or b.chance(0.3) else (0,):
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
        _missiles(b, length, span, root, dark)


def _fighter_fuselage(
    b: Build, length: float, radius: float, wide: float, twin: bool, look: Material
) -> None:
    """Add the nose and the body: flat around two engines, round around one."""
    b.cone((0, -0.2 * length, 0), (0, -0.52 * length, -0.02), radius, 0.012, look)
    outline = [
        (-0.22, radius * 0.98),
        (0.3, radius),
        (0.42, radius * 0.8),
        (0.42, -radius * 0.8),
        (0.0, -radius),
        (-0.22, -radius * 0.98),
    ]
    b.extrude([(y * length, z) for y, z in outline], wide, look, along="x", round=0.02)
    if not twin:
        b.cylinder((0, -0.22 * length, 0), (0, 0.4 * length, 0), radius * 1.08, look)


def _intakes(b: Build, length: float, wide: float, look: Material) -> None:
    for side in (-1, 1):
        b.frustum(
            (side * wide / 2, -0.02 * length, -0.02),
            0.42 * length,
            (0.1, 0.16),
            (0.16, 0.2),
            look,
            rotation=rotation_about("x", 90),
        )


def _nozzle(b: Build, x: float, length: float, radius: float, look: Material) -> None:
    """Add a nozzle behind the engine at `x`, open to the rear."""
    profile = [
        (0, 0),
        (0.95 * radius, 0),
        (0.95 * radius, -0.1),
        (0.7 * radius, -0.22),
        (0.6 * radius, -0.22),
        (0.6 * radius, -0.12),
        (0, -0.12),
    ]
    b.revolve(profile, look, center=(x, 0.38 * length, 0), rotation=NOSE_AHEAD)


def _fighter_wings(b: Build, length: float, look: Material) -> tuple[float, float]:
    """Add delta or swept wings and canards or a tailplane; return the wings' span and root."""
    delta = b.chance(0.5)
    span, root = b.between(0.75, 1.05), (b.between(1.2, 1.5) if delta else b.between(0.75, 0.95))
    sweep = root * (0.85 if delta else b.between(0.35, 0.7))
    add_wings(
        b,
        look,
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
        add_wings(b, look, root=0.36, tip=0.14, span=0.55, sweep=0.25, y=y, z=0.03, thick=0.03)
    return span, root


def _missiles(b: Build, length: float, span: float, root: float, pylon: Material) -> None:
    """Hang a missile on a pylon under each wing."""
    for side in (-1, 1):
        x = side * 0.6 * span
        b.rod(
            (x, 0.36 * length - 0.1 * root, -0.1),
            (x, 0.2 * length - 0.2 * root, -0.1),
            0.03,
            looks.white(b),
        )
        b.box((x, 0.3 * length - 0.1 * root, -0.05), (0.02, 0.16, 0.1), pylon)
