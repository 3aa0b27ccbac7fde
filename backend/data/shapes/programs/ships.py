"""Vessels with an engine room: yachts, freighters, liners, tugs, warships, submarines."""

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from .hulls import add_deckhouse, add_funnel, add_hull, add_mast, deck_plan


def yacht(b: Build) -> None:
    """A motor yacht: decks that step back, raked fronts, an arch with a mast."""
    hull, glass = looks.white(b) if b.chance(0.75) else looks.paint(b), looks.glass(b)
    length, wide, deep = b.between(1.5, 2.0), b.between(0.38, 0.48), b.between(0.2, 0.28)
    add_hull(b, length, wide, deep, hull, sharp=0.5, stern=0.85)
    levels = b.count(1, 3)
    z, long, y = 0.0, b.between(0.5, 0.62) * length, 0.04 * length
    for i in range(levels):
        tall = b.between(0.11, 0.15)
        size = (wide * (0.8 - 0.1 * i), long, tall)
        add_deckhouse(b, y, z, size, looks.white(b), glass, lean=b.between(35, 58))
        z += tall
        roof = deck_plan(long * 1.06, wide * (0.86 - 0.1 * i), sharp=0.3, stern=0.9)
        b.extrude(roof, 0.02, hull, center=(0, y + 0.02 * length, z))
        long *= b.between(0.55, 0.72)
        y += 0.05 * length
    _radar_arch(b, y + long * 0.2, y + long * 0.4, z, wide, hull)
    _rail(b, length, wide, looks.metal(b))


def _radar_arch(b: Build, foot: float, top: float, z: float, wide: float, look: Material) -> None:
    """Add an arch from y = `foot` on the deck at `z` to y = `top`, with a mast and a dome."""
    for side in (-1, 1):
        end = (side * wide * 0.18, top, z + 0.16)
        b.rod((side * wide * 0.25, foot, z), end, 0.016, look)
    b.rod((-wide * 0.18, top, z + 0.16), (wide * 0.18, top, z + 0.16), 0.016, look)
    add_mast(b, top, z + 0.15, 0.18, looks.metal(b), 0.01)
    b.ball((0.06, top, z + 0.19), 0.035, looks.white(b))


def _rail(b: Build, length: float, wide: float, look: Material) -> None:
    """Add a rail around the bow."""
    plan = deck_plan(length * 0.97, wide * 0.92, sharp=0.5, stern=0.8)
    forward = plan[:6]
    points = [(-x, y, 0.09) for x, y in forward[::-1]] + [(x, y, 0.09) for x, y in forward[1:]]
    b.path(points, 0.006, look)
    for x, y, z in points:
        b.rod((x, y, -0.02), (x, y, z), 0.005, look)


def freighter(b: Build) -> None:
    """A cargo ship: containers, hatches with cranes, or a tanker's pipes; the bridge aft."""
    hull, red, dark = looks.paint(b), looks.paint(b), looks.dark(b)
    length, wide, deep = b.between(2.0, 2.6), b.between(0.34, 0.42), b.between(0.2, 0.26)
    add_hull(b, length, wide, deep, hull, sharp=0.16, stern=0.8, sheer=0.1)
    keel = deck_plan(length * 0.955, wide * 0.95, sharp=0.16, stern=0.8)
    b.extrude(keel, 0.03, red, center=(0, 0, -deep - 0.01))
    b.ellipsoid((0, -0.48 * length, -0.8 * deep), (0.04, 0.09, 0.045), red)
    white = looks.white(b)
    aft = 0.4 * length
    tall = _bridge(b, aft, length, wide, white)
    add_funnel(b, aft + 0.07 * length, tall - 0.1, 0.24, 0.06, red, dark)
    add_mast(b, aft - 0.04 * length, tall, 0.24, white, 0.012)
    start, end = -0.4 * length, 0.29 * length
    kind = b.choice("boxes", "boxes", "cranes", "tanker")
    if kind == "boxes":
        _containers(b, start, end, wide)
    elif kind == "cranes":
        for i in range(b.count(2, 4)):
            _hatch_and_crane(b, start + (end - start) * (i + 0.5) / 4, length, wide, red, white)
    else:
        _tank_deck(b, start, end, wide, red, white)
    add_mast(b, -0.44 * length, 0, 0.26, white, 0.012)


def _bridge(b: Build, y: float, length: float, wide: float, look: Material) -> float:
    """Add decks over each other with the bridge's wings on top; return their height."""
    glass = looks.glass(b)
    tall = 0.0
    for i in range(b.count(2, 4)):
        size = (wide * (0.92 - 0.06 * i), 0.16 * length - 0.03 * i, 0.1)
        add_deckhouse(b, y, tall, size, look, glass)
        tall += 0.1
    b.box((0, y - 0.05 * length, tall + 0.02), (wide * 1.05, 0.06, 0.06), look)
    return tall


def _containers(b: Build, start: float, end: float, wide: float) -> None:
    """Stack containers on deck from y = start to end."""
    rows = b.count(6, 9)
    step = (end - start) / rows
    for i in range(rows):
        for j in range(b.count(1, 4)):
            at = (0, start + step * (i + 0.5), 0.05 + 0.085 * j)
            b.box(at, (wide * 0.9, step * 0.9, 0.084), looks.paint(b))


def _hatch_and_crane(
    b: Build, y: float, length: float, wide: float, hatch: Material, crane: Material
) -> None:
    """Add a hatch at `y` and behind it a crane whose boom lies over it."""
    b.box((0, y, 0.03), (wide * 0.66, 0.12 * length, 0.08), hatch, round=0.01)
    pole = y + 0.085 * length
    b.cylinder((0, pole, -0.02), (0, pole, 0.32), 0.026, crane)
    b.rod((0, pole, 0.3), (0.0, pole - 0.16 * length, 0.44), 0.012, crane)
    b.rod((0, pole, 0.12), (0.0, pole - 0.16 * length, 0.44), 0.01, crane)


def _tank_deck(
    b: Build, start: float, end: float, wide: float, pipe: Material, frame: Material
) -> None:
    """Add a tanker's pipes along the deck, the frames over them and the tanks' domes."""
    for x in (-0.04, 0.0, 0.04):
        b.rod((x, start, 0.05), (x, end + 0.05, 0.05), 0.012, pipe)
    for i in range(5):
        y = start + (end - start) * (i + 0.5) / 5
        b.box((0, y, 0.03), (wide * 0.7, 0.02, 0.1), frame)
        for side in (-1, 1):
            x = side * wide * 0.28
            b.cylinder((x, y + 0.08, -0.02), (x, y + 0.08, 0.05), 0.045, pipe)


def liner(b: Build) -> None:
    """A passenger ship: long decks of windows, boats, one to four funnels; or a paddle steamer."""
    hull, white, glass, dark = (
        b.choice(looks.dark, looks.white, looks.paint)(b),
        looks.white(b),
        looks.glass(b),
        looks.dark(b),
    )
    length, wide, deep = b.between(2.0, 2.6), b.between(0.3, 0.38), b.between(0.2, 0.28)
    add_hull(b, length, wide, deep, hull, sharp=0.3, stern=0.55, layers=3)
    y, decks = 0.02 * length, b.count(2, 5)
    z, long = _passenger_decks(b, y, 0.76 * length, wide, decks, white, glass)
    funnels, colour = b.count(1, 4), looks.paint(b)
    for i in range(funnels):
        place = y + long * (0.56 * (i + 0.5) / funnels - 0.2)
        add_funnel(b, place, z, b.between(0.2, 0.26), b.between(0.05, 0.07), colour, dark)
    for i in range(4):
        for side in (-1, 1):
            x = side * wide * (0.47 - 0.025 * (decks - 1))
            at = (x, y + long * (0.17 * i - 0.25), z - 0.02)
            b.ellipsoid(at, (0.03, 0.07, 0.028), b.choice(white, looks.wood(b)))
    add_mast(b, y - long * 0.44, z - 0.07, 0.4, dark, 0.012)
    if b.chance(0.5):
        add_mast(b, y + long * 0.46, z - 0.07, 0.34, dark, 0.012)
    b.box((0, y - long * 0.4, z + 0.03), (wide * 0.9, 0.07, 0.07), white)
    if b.chance(0.2):
        _paddle_wheels(b, wide)


def _passenger_decks(
    b: Build,
    y: float,
    long: float,
    wide: float,
    decks: int,
    look: Material,
    glass: Material,
) -> tuple[float, float]:
    """Add decks with bands of windows; return the height and the length left for the next one."""
    z = 0.0
    for i in range(decks):
        across = wide * (0.94 - 0.05 * i)
        deck = deck_plan(long, across, sharp=0.16, stern=0.7)
        b.extrude(deck, 0.07, look, center=(0, y, z + 0.03))
        windows = deck_plan(long * 0.97, across + 0.012, sharp=0.16, stern=0.7)
        b.extrude(windows, 0.022, glass, center=(0, y, z + 0.035))
        z += 0.065
        long *= b.between(0.86, 0.95)
    return z, long


def _paddle_wheels(b: Build, wide: float) -> None:
    for side in (-1, 1):
        inner, outer = (side * wide * 0.4, 0.05, 0.0), (side * (wide / 2 + 0.1), 0.05, 0.0)
        b.cylinder(inner, outer, 0.17, looks.paint(b), round=0.02)


def tug(b: Build) -> None:
    """A tug or a fishing boat: short and deep, a high wheelhouse, a mast with a boom."""
    hull, white, glass, dark, trim = (
        looks.paint(b),
        looks.white(b),
        looks.glass(b),
        looks.dark(b),
        looks.paint(b),
    )
    length, wide, deep = b.between(1.0, 1.3), b.between(0.4, 0.48), b.between(0.24, 0.32)
    add_hull(b, length, wide, deep, hull, sharp=0.4, stern=0.7, sheer=0.35)
    y = b.choice(-0.14, 0.16) * length
    add_deckhouse(b, y, 0.0, (wide * 0.62, 0.34 * length, 0.17), white, glass)
    add_deckhouse(
        b, y - 0.05, 0.16, (wide * 0.52, 0.2 * length, 0.17), b.choice(white, trim), glass, lean=-8
    )
    b.box((0, y - 0.05, 0.34), (wide * 0.6, 0.25 * length, 0.025), trim, round=0.01)
    if b.chance(0.6):
        add_funnel(b, y + 0.13 * length, 0.15, 0.24, 0.055, trim, dark)
    back = 0.3 * length if y < 0 else -0.2 * length
    add_mast(b, back if b.chance(0.5) else y + 0.06 * length, 0.0, b.between(0.6, 0.85), dark, 0.02)
    b.rod((0, back, 0.0), (0, back, 0.3), 0.018, dark)
    b.rod((0, back, 0.1), (0, back + (0.3 if y < 0 else -0.24) * length * 0.8, 0.42), 0.012, dark)
    if b.chance(0.5):
        for i in range(4):
            for side in (-1, 1):
                at = (side * wide * 0.5, length * (0.1 * i - 0.1), -0.05)
                b.ring(at, 0.05, 0.022, dark, axis=(1, 0, 0))
    if b.chance(0.5):
        for side in (-1, 1):
            b.path(
                [
                    (side * wide * 0.4, 0.42 * length, -0.02),
                    (side * wide * 0.36, 0.42 * length, 0.34),
                    (0, 0.42 * length, 0.36),
                ],
                0.014,
                dark,
            )
    b.cylinder((-0.09, back * 0.6 + 0.06, 0.05), (0.09, back * 0.6 + 0.06, 0.05), 0.07, dark)


def warship(b: Build) -> None:
    """A destroyer with turrets and a stepped bridge, or an aircraft carrier."""
    look, dark, glass = looks.metal(b), looks.dark(b), looks.glass(b)
    length, wide, deep = b.between(2.1, 2.6), b.between(0.26, 0.32), b.between(0.16, 0.2)
    if b.chance(0.25):
        _carrier(b, look, dark, glass, length)
        return
    add_hull(b, length, wide, deep, look, sharp=0.45, stern=0.75, sheer=0.1)
    z, y = 0.0, -0.08 * length
    for i in range(b.count(2, 3)):
        long, tall = (0.36 - 0.09 * i) * length, 0.1
        b.frustum(
            (0, y, z + tall / 2),
            tall,
            (wide * (0.92 - 0.1 * i), long),
            (wide * (0.74 - 0.1 * i), long * 0.9),
            look,
        )
        z += tall * 0.97
    b.box((0, y - 0.05 * length, z - 0.05), (wide * 0.6, 0.12 * length, 0.025), glass)
    b.frustum((0, y, z + 0.12), 0.26, (0.13, 0.16), (0.04, 0.05), look)
    b.box((0, y, z + 0.2), (0.24, 0.02, 0.02), dark)
    add_mast(b, y, z + 0.22, 0.2, dark, 0.01)
    b.ball((0, y, z + 0.27), 0.04, looks.white(b))
    b.frustum(
        (0, y + 0.24 * length, 0.09),
        0.2,
        (wide * 0.75, 0.2 * length),
        (wide * 0.5, 0.12 * length),
        look,
    )
    add_funnel(b, y + 0.22 * length, 0.17, 0.13, 0.06, look, dark)
    _guns(b, length, look, dark)


def _guns(b: Build, length: float, look: Material, barrel: Material) -> None:
    """Add a turret ahead and one aft, perhaps a second one ahead, higher."""
    guns = [(-0.34 * length, -1), (0.36 * length, 1)]
    if b.chance(0.5):
        guns.insert(1, (-0.27 * length, -1))
    for i, (place, way) in enumerate(guns):
        base = 0.07 if len(guns) == 3 and i == 1 else 0.0
        b.cylinder((0, place, -0.01), (0, place, base + 0.02), 0.07, look)
        b.frustum((0, place, base + 0.045), 0.08, (0.14, 0.16), (0.1, 0.1), look)
        for x in (-0.03, 0.03) if b.chance(0.5) else (0.0,):
            b.rod((x, place, base + 0.05), (x, place + way * 0.22, base + 0.09), 0.011, barrel)


def _carrier(b: Build, look: Material, dark: Material, glass: Material, length: float) -> None:
    """An aircraft carrier: a wide flat deck over a slim hull, an island on the right."""
    add_hull(b, length, 0.3, 0.2, look, sharp=0.3, stern=0.8, sheer=0.0)
    deck = [
        (-0.11, -0.5),
        (0.11, -0.5),
        (0.18, -0.3),
        (0.21, 0.2),
        (0.19, 0.5),
        (-0.16, 0.5),
        (-0.3, 0.3),
        (-0.3, -0.02),
        (-0.17, -0.2),
    ]
    b.extrude([(x * 1.25, y * length) for x, y in deck], 0.045, dark, center=(0, 0, 0.015))
    b.box((0.18, 0.1 * length, 0.12), (0.09, 0.17 * length, 0.2), look, round=0.01)
    b.box((0.18, 0.07 * length, 0.19), (0.1, 0.1 * length, 0.04), glass)
    b.frustum((0.18, 0.1 * length, 0.3), 0.2, (0.06, 0.08), (0.02, 0.03), look)
    for i in range(b.count(2, 6)):
        x, y = (-0.2 + 0.1 * (i % 2)), length * (0.36 - 0.09 * i)
        b.rod((x, y + 0.06, 0.055), (x, y - 0.07, 0.055), 0.02, looks.metal(b))
        b.extrude(
            [(x, y - 0.03), (x + 0.07, y + 0.04), (x - 0.07, y + 0.04)],
            0.012,
            looks.metal(b),
            center=(0, 0, 0.055),
        )


def submarine(b: Build) -> None:
    """A submarine: a round hull with its tower, planes and propeller."""
    look, dark = b.choice(looks.dark, looks.metal, looks.paint)(b), looks.dark(b)
    length, radius = b.between(2.0, 2.6), b.between(0.14, 0.19)
    with b.body(blend=0.08):
        b.rod((0, -length / 2 + radius, 0), (0, 0.25 * length, 0), radius, look)
        b.rod((0, 0.2 * length, 0), (0, 0.5 * length, 0), radius * 0.95, look, end_radius=0.03)
        tower = [
            (-0.2 * length, 0.05),
            (-0.18 * length, radius + 0.2),
            (-0.04 * length, radius + 0.2),
            (0.0, 0.05),
        ]
        b.extrude(tower, 0.09, look, along="x", round=0.02)
    for i in range(b.count(2, 4)):
        y = -0.15 * length + 0.04 * i * length
        b.cylinder((0, y, radius), (0, y, radius + b.between(0.28, 0.44)), 0.01, dark)
    height = radius + 0.12 if b.chance(0.5) else 0.02
    b.box(
        (0, -0.13 * length if height > 0.1 else -0.32 * length, height),
        (0.5, 0.1, 0.018),
        look,
        round=0.006,
    )
    for i in range(2):
        with b.at((0, 0.43 * length, 0), rotation_about("y", 90 * i)):
            b.extrude(
                [(-0.2, -0.04), (0.2, -0.04), (0.2, 0.07), (-0.2, 0.07)], 0.02, look, round=0.006
            )
    b.cylinder((0, 0.48 * length, 0), (0, 0.55 * length, 0), 0.025, dark)
    for i in range(5):
        with b.at((0, 0.54 * length, 0), rotation_about("y", 72 * i)):
            b.box(
                (0, 0, 0.07), (0.05, 0.015, 0.13), looks.brass(b), rotation=rotation_about("z", 25)
            )
    if b.chance(0.4):
        b.box((0, -0.1 * length, radius - 0.005), (0.12, 0.62 * length, 0.03), dark, round=0.008)
