"""Displays: monitors and televisions, flat, curved and with tubes, on many stands; laptops."""

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from ..registry import category
from .common import arc, band, corners, disc_foot, oval


@category("display")
def display(b: Build) -> None:
    """Draw a display; its screen looks to -Y."""
    kind = b.choice("flat", "flat", "flat", "curved", "tube", "laptop", "double", "kiosk")
    {
        "flat": _flat,
        "curved": _curved,
        "tube": _tube,
        "laptop": _laptop,
        "double": _double,
        "kiosk": _kiosk,
    }[kind](b)


def _case(b: Build) -> Material:
    return b.choice(looks.dark, looks.dark, looks.metal, looks.white)(b)


def _panel(
    b: Build, wide: float, tall: float, thick: float, case: Material, screen: Material
) -> None:
    """Add a panel around the origin: a case with a recessed screen, often a bulge behind."""
    bezel = b.between(0.012, 0.05)
    chin = bezel + (b.between(0.01, 0.06) if b.chance(0.4) else 0.0)
    opening = (wide - 2 * bezel, tall - bezel - chin)
    with b.body():
        b.box((0, 0, 0), (wide, thick, tall), case, round=b.choice(0.004, 0.012))
        b.box(
            (0, -thick / 2, (chin - bezel) / 2), (opening[0], 0.016, opening[1]), screen, cut=True
        )
    if b.chance(0.6):
        b.frustum(
            (0, thick / 2 + 0.015, -0.05 * tall),
            0.05,
            (0.7 * wide, 0.65 * tall),
            (0.5 * wide, 0.45 * tall),
            case,
            rotation=rotation_about("x", -90),
        )


STANDS = ("neck", "feet", "bow", "disc", "v", "wall", "box")


def _stand(b: Build, wide: float, low: float, thick: float, case: Material, *kinds: str) -> str:
    """Add a stand for a panel whose lower edge is at height `low`; return which of `kinds`."""
    kind = b.choice(*kinds)
    back = thick * 0.5
    if kind == "neck":
        _neck(b, wide, low, back, case)
    elif kind == "feet":
        for side in (-1, 1):
            x = side * wide * b.between(0.28, 0.42)
            for lean in (-1, 1):
                b.rod((x, 0, low + 0.03), (x, lean * 0.13, 0.01), 0.012, case)
    elif kind == "v":
        for side in (-1, 1):
            top = (side * 0.1 * wide, 0, low + 0.03)
            b.rod(top, (side * 0.36 * wide, -0.06, 0.012), 0.014, case)
            b.rod(top, (side * 0.3 * wide, 0.12, 0.012), 0.014, case)
    elif kind == "bow":
        _bow(b, wide, low, back, case)
    elif kind == "disc":
        with b.at((0, back + 0.045, 0)):
            disc_foot(b, low + 0.08, b.between(0.14, 0.2), 0.025, case)
        b.box((0, back + 0.03, low + 0.08), (0.1, 0.07, 0.1), case)
    elif kind == "wall":
        b.box((0, back + 0.1, low + 0.24), (0.2, 0.02, 0.24), case)
        b.cylinder((0, back - 0.01, low + 0.24), (0, back + 0.1, low + 0.24), 0.03, case)
    else:
        b.box((0, back, low / 2), (wide * 0.6, 0.26, max(low + 0.02, 0.04)), case, round=0.01)
    return kind


def _neck(b: Build, wide: float, low: float, back: float, look: Material) -> None:
    """Add a flat neck on an oval or nearly square plate."""
    neck = (b.between(0.05, 0.2), 0.025, low + 0.12)
    b.box((0, back + 0.01, low * 0.5 + 0.05), neck, look, round=0.006)
    foot = oval(b.between(0.3, 0.5) * wide, b.between(0.18, 0.26), 20, b.choice(2, 5))
    b.extrude(foot, 0.018, look, center=(0, back, 0.009))


def _bow(b: Build, wide: float, low: float, back: float, look: Material) -> None:
    """Add a bow of tube on the floor with two rods up to the panel."""
    points = [
        (-0.3 * wide, -0.1, 0.01),
        (-0.2 * wide, 0.08, 0.01),
        (0.2 * wide, 0.08, 0.01),
        (0.3 * wide, -0.1, 0.01),
    ]
    b.path(points, 0.013, look)
    for side in (-1, 1):
        top = (side * 0.05 * wide, back, low + 0.06)
        b.rod((side * 0.12 * wide, 0.08, 0.01), top, 0.016, look)


def _flat(b: Build) -> None:
    case, screen = _case(b), looks.screen(b)
    wide = b.between(0.7, 1.3)
    tall = wide * b.choice(b.between(0.5, 0.6), b.between(0.5, 0.6), 0.75, 0.43)
    if b.chance(0.08):
        wide, tall = tall, wide
    thick, low = b.between(0.025, 0.07), b.between(0.03, 0.16)
    with b.at((0, 0, low + tall / 2)):
        _panel(b, wide, tall, thick, case, screen)
    stand = _stand(b, wide, low, thick, case, *STANDS)
    if b.chance(0.2):
        for side in (-1, 1):
            b.box(
                (side * (wide / 2 + 0.04), 0, low + tall / 2),
                (0.09, thick * 1.2, tall * 0.96),
                case,
                round=0.015,
            )
    elif stand in ("neck", "disc", "box") and b.chance(0.4):
        b.box((0, -0.1, 0.025), (wide * 0.8, 0.07, 0.05), case, round=0.02)
        b.box((0, -0.03, 0.012), (0.12, 0.18, 0.02), case)


def _curved(b: Build) -> None:
    case, screen = _case(b), looks.screen(b)
    wide, tall, low = b.between(1.0, 1.4), b.between(0.4, 0.55), b.between(0.08, 0.16)
    radius = b.between(0.9, 1.6)
    sweep = float(np.degrees(wide / radius / 2))
    center = (0, -radius + 0.05, low + tall / 2)
    shell = band(
        arc(radius - 0.012, 90 - sweep, 90 + sweep, 12),
        arc(radius + 0.02, 90 - sweep, 90 + sweep, 12),
    )
    b.extrude(shell, tall, case, center=center)
    inner = band(
        arc(radius - 0.018, 91 - sweep, 89 + sweep, 12), arc(radius, 91 - sweep, 89 + sweep, 12)
    )
    b.extrude(inner, tall - 0.03, screen, center=center)
    b.box((0, 0.09, low + 0.45 * tall), (0.3 * wide, 0.07, 0.5 * tall), case, round=0.02)
    with b.at((0, 0.055, 0)):
        _stand(b, wide * 0.7, low, 0.02, case, "neck", "disc", "box")


def _tube(b: Build) -> None:
    """A set with an image tube, on a foot, on legs; an old one has knobs and aerials."""
    case, screen, metal = (
        b.choice(looks.dark, looks.wood, looks.white, looks.metal)(b),
        looks.screen(b),
        looks.metal(b),
    )
    wide = b.between(0.5, 0.75)
    tall, deep = wide * b.between(0.75, 0.9), b.between(0.12, 0.24)
    low = b.choice(0.0, 0.07, 0.25)
    old = b.chance(0.5)
    side = 0.12 if old and b.chance(0.6) else 0.0
    with b.at((0, 0, low + tall / 2)):
        _tube_case(b, wide, tall, deep, side, case, screen)
        if side:
            _knobs(b, wide / 2, -deep / 2, tall, metal)
        if old:
            _aerials(b, tall / 2, metal)
    if low > 0.1:
        for x, y in corners(wide * 0.36, deep * 0.36):
            b.cone((x * 1.1, y * 1.3, 0), (x, y, low + 0.03), 0.012, 0.022, looks.wood(b))
    elif low:
        b.cone((0, 0.03, 0), (0, 0.03, low + 0.03), wide * 0.3, wide * 0.2, case)


def _tube_case(
    b: Build,
    wide: float,
    tall: float,
    deep: float,
    side: float,
    case: Material,
    screen: Material,
) -> None:
    """Add the case, the tube's bulging face in it and its neck behind; `side` is for knobs."""
    with b.body():
        b.box((0, 0, 0), (wide + side, deep, tall), case, round=b.between(0.01, 0.05))
        opening = (wide * 0.84, 0.05, tall * 0.8)
        b.box((-side / 2, -deep / 2, 0.02), opening, case, round=0.02, cut=True)
    face = (wide * 0.8, 0.06, tall * 0.75)
    b.box((-side / 2, -deep / 2 + 0.035, 0.02), face, screen, round=0.029)
    b.frustum(
        (0, deep / 2 + 0.1, 0),
        0.24,
        (wide * 0.95, tall * 0.92),
        (wide * 0.5, tall * 0.45),
        case,
        rotation=rotation_about("x", -90),
    )


def _knobs(b: Build, x: float, y: float, tall: float, look: Material) -> None:
    """Add a column of knobs to the front face at `y`."""
    for i in range(b.count(2, 4)):
        z = tall * (0.3 - 0.16 * i)
        b.cylinder((x, y + 0.02, z), (x, y - 0.03, z), 0.03, look, round=0.006)


def _aerials(b: Build, z: float, look: Material) -> None:
    """Add two rods that spread from a ball on top."""
    for lean in (-1, 1):
        end = (lean * b.between(0.15, 0.3), 0.05, z + b.between(0.25, 0.4))
        b.rod((lean * 0.02, 0.05, z), end, 0.007, look)
    b.ball((0, 0.05, z), 0.035, look)


def _laptop(b: Build) -> None:
    case, screen = b.choice(looks.metal, looks.dark, looks.white)(b), looks.screen(b)
    wide, deep = b.between(0.9, 1.2), b.between(0.62, 0.75)
    thick, lean = b.between(0.025, 0.05), b.between(0, 35)
    dark = looks.dark(b)
    with b.body():
        b.box((0, 0, thick / 2), (wide, deep, thick), case, round=0.01)
        b.box((0, 0.1 * deep, thick), (wide * 0.88, deep * 0.46, 0.012), dark, cut=True)
        b.box((0, -0.32 * deep, thick), (wide * 0.3, deep * 0.22, 0.006), dark, cut=True)
    for i in range(4):
        b.box(
            (0, 0.1 * deep + deep * 0.11 * (i - 1.5), thick - 0.002),
            (wide * 0.84, deep * 0.085, 0.014),
            case,
        )
    with b.at((0, deep / 2, thick), rotation_about("x", -lean)):
        tall = deep * 0.97
        with b.body():
            b.box((0, 0, tall / 2 + 0.01), (wide, 0.022, tall), case, round=0.006)
            b.box((0, -0.011, tall / 2 + 0.015), (wide * 0.94, 0.012, tall * 0.9), screen, cut=True)
    for side in (-1, 1):
        b.cylinder(
            (side * wide * 0.4, deep / 2, thick), (side * wide * 0.2, deep / 2, thick), 0.016, dark
        )


def _double(b: Build) -> None:
    """Two or three screens side by side on one foot."""
    case, number = _case(b), b.count(2, 3)
    wide, tall, low = b.between(0.5, 0.7), b.between(0.36, 0.42), b.between(0.12, 0.2)
    angle = b.between(0, 22)
    z = low + tall / 2
    for i in range(number):
        place = i - (number - 1) / 2
        swing = np.radians(angle * place)
        at = (
            place * wide * 1.01 * float(np.cos(swing)),
            -abs(place) * wide * float(np.sin(abs(swing))) * 0.6,
            z,
        )
        with b.at(at, rotation_about("z", -angle * place)):
            b.box((0, 0, 0), (wide, 0.035, tall), case, round=0.006)
            b.box((0, -0.012, 0), (wide - 0.03, 0.016, tall - 0.03), looks.screen(b))
            b.box((0, 0.05, 0), (0.12, 0.1, 0.12), case)
        b.rod((0, 0.1, z), (at[0], at[1] + 0.09, z), 0.022, case)
    b.cylinder((0, 0.1, 0), (0, 0.1, z + 0.03), 0.026, case)
    b.box((0, 0.05, 0.012), (wide * 0.8, 0.3, 0.024), case, round=0.008)


def _kiosk(b: Build) -> None:
    """A large screen: on an easel, on a rolling stand or as a standing sign."""
    case, screen = _case(b), looks.screen(b)
    wide, tall, low = b.between(0.8, 1.2), b.between(0.55, 0.7), b.between(0.5, 0.75)
    kind = b.choice("rolling", "sign", "easel")
    if kind == "sign":
        wide, tall = b.between(0.45, 0.55), b.between(1.0, 1.3)
        b.box((0, 0, tall / 2 + 0.02), (wide, 0.07, tall), case, round=0.015)
        b.box((0, -0.03, tall / 2 + 0.05), (wide * 0.9, 0.02, tall * 0.84), screen)
        b.box((0, 0, 0.015), (wide * 1.15, 0.34, 0.03), case, round=0.01)
        return
    b.box((0, 0, low + tall / 2), (wide, 0.045, tall), case, round=0.01)
    b.box((0, -0.016, low + tall / 2), (wide - 0.05, 0.02, tall - 0.05), screen)
    if kind == "easel":
        for side in (-1, 1):
            b.rod(
                (0.05 * side, 0.04, low + tall + 0.05),
                (side * 0.45 * wide, -0.1, 0.015),
                0.018,
                looks.wood(b),
            )
        b.rod((0, 0.04, low + tall + 0.05), (0, 0.5, 0.015), 0.018, looks.wood(b))
        b.rod(
            (-0.06, 0.04, low + tall + 0.03), (0.06, 0.04, low + tall + 0.03), 0.018, looks.wood(b)
        )
        b.box((0, 0.0, low + 0.01), (wide * 0.95, 0.12, 0.03), looks.wood(b))
        return
    for side in (-1, 1):
        x = side * 0.2 * wide
        b.box((x, 0.04, (low + tall) / 2), (0.035, 0.04, low + tall * 0.8), case)
        b.box((x, 0, 0.06), (0.04, 0.5, 0.03), case)
        for y in (-0.22, 0.22):
            b.cylinder((x - 0.015, y, 0.03), (x + 0.015, y, 0.03), 0.035, looks.dark(b))
    b.box((0, 0.04, 0.4 * low), (0.4 * wide, 0.03, 0.04), case)
    if b.chance(0.5):
        b.box((0, 0.0, 0.6 * low), (0.5 * wide, 0.26, 0.02), case)
