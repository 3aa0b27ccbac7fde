"""Chairs: a seat, something that carries it, mostly a back, sometimes arms."""

import math

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material
from ..registry import category
from .common import arc, band, corners, disc_foot, four_legs, oval, star_foot


@category("chair")
def chair(b: Build) -> None:
    """Draw a chair: framed, on one foot, of bent tube, a shell or an armchair."""
    kind = b.choice("frame", "frame", "frame", "foot", "foot", "tube", "shell", "cube", "stool")
    {
        "frame": _frame,
        "foot": _foot,
        "tube": _tube,
        "shell": _shell,
        "cube": _cube,
        "stool": _stool,
    }[kind](b)


def _frame(b: Build) -> None:
    look = looks.wood(b) if b.chance(0.7) else looks.paint(b)
    seat = looks.same_or(b, look, looks.fabric, looks.leather)
    width, depth, height = b.between(0.42, 0.58), b.between(0.4, 0.52), b.between(0.4, 0.5)
    thick = b.between(0.035, 0.06)
    four_legs(b, width / 2 - thick / 2, depth / 2 - thick / 2, height, thick, look)
    _seat(b, width, depth, height, seat)
    tall = b.between(0.35, 0.65)
    _back(b, width, depth / 2 - thick / 2, height, tall, thick, look, seat)
    if b.chance(0.35):
        _arms(b, width, depth, height, b.between(0.18, 0.26), thick * 0.8, look)


def _seat(b: Build, width: float, depth: float, height: float, look: Material) -> None:
    thick = b.between(0.03, 0.08)
    kind = b.choice("board", "cushion", "round", "trapeze")
    if kind == "board":
        b.box((0, 0, height), (width, depth, thick), look, round=0.01)
    elif kind == "cushion":
        b.box((0, 0, height), (width, depth, thick + 0.03), look, round=0.04)
    elif kind == "round":
        b.extrude(
            oval(width, depth, 20, b.between(5, 8)),
            thick,
            look,
            center=(0, 0, height),
            round=0.01,
        )
    else:
        wide = width * 1.08
        outline = [
            (-wide / 2, -depth / 2),
            (wide / 2, -depth / 2),
            (width / 2, depth / 2),
            (-width / 2, depth / 2),
        ]
        b.extrude(outline, thick, look, center=(0, 0, height), round=0.008)


def _back(
    b: Build,
    width: float,
    y: float,
    height: float,
    tall: float,
    thick: float,
    look: Material,
    seat: Material,
) -> None:
    """Add a back that stands at depth `y` on the seat and leans back."""
    lean = b.between(2, 14)
    kind = b.choice("panel", "slats", "ladder", "frame", "hoop", "cushion", "splat")
    with b.at((0, y, height), rotation_about("x", -lean)):
        if kind == "hoop":
            _hoop(b, width, tall, thick, look)
        else:
            for side in (-1, 1):
                post = (side * (width - thick) / 2, 0, tall / 2)
                b.box(post, (thick, thick, tall), look, round=0.006)
        _back_filling(b, kind, width, tall, thick, look, seat)


def _hoop(b: Build, width: float, tall: float, thick: float, look: Material) -> None:
    """Add a back's frame in one bow: two rods and half a ring over them."""
    spring = tall - width / 2
    b.ring(
        (0, 0, spring),
        width / 2 - thick / 2,
        thick / 2,
        look,
        rotation=rotation_about("y", -90) @ rotation_about("x", 90),
        arc=180,
    )
    for side in (-1, 1):
        x = side * (width - thick) / 2
        b.rod((x, 0, 0), (x, 0, spring), thick / 2, look)


def _back_filling(
    b: Build,
    kind: str,
    width: float,
    tall: float,
    thick: float,
    look: Material,
    seat: Material,
) -> None:
    """Add what is between the posts of a back: a panel, rails, slats or rungs."""
    inner = width - 2 * thick
    if kind in ("panel", "cushion"):
        low = b.between(0.0, 0.4) * tall
        soft = 0.06 if kind == "cushion" else 0.02
        size = (inner + 0.01, soft, tall - low)
        b.box((0, -0.01, (low + tall) / 2), size, seat, round=soft / 2)
    if kind in ("slats", "splat", "frame"):
        b.box((0, 0, tall - 0.035), (width, thick * 0.8, 0.07), look, round=0.012)
    if kind == "frame":
        b.box((0, 0, 0.3 * tall), (inner + 0.01, thick * 0.7, 0.04), look)
    if kind == "splat":
        b.box((0, 0, tall / 2 - 0.02), (0.3 * width, 0.015, tall), seat)
    if kind in ("slats", "hoop"):
        number = b.count(3, 7)
        top = tall - 0.04
        for i in range(number):
            x = inner * ((i + 0.5) / number - 0.5)
            if kind == "hoop":
                top = tall - width / 2 + math.sqrt(max((width - thick) ** 2 / 4 - x * x, 0))
            b.box((x, 0, top / 2), (0.022, 0.018, top), look)
    if kind == "ladder":
        number = b.count(2, 5)
        for i in range(number):
            z = tall * (1 - (i + 0.2) * 0.8 / number)
            b.box((0, 0, z), (width - thick, 0.02, 0.36 * tall / number), look, round=0.006)


def _arms(
    b: Build, width: float, depth: float, height: float, tall: float, thick: float, look: Material
) -> None:
    kind = b.choice("post", "bow", "solid")
    for side in (-1, 1):
        x = side * (width / 2 + thick * 0.2)
        if kind == "solid":
            b.box((x, 0, height + tall / 2 - 0.03), (thick, depth, tall + 0.06), look, round=0.01)
            continue
        top = (x, depth / 2, height + tall)
        front = (x, -0.38 * depth, height + tall)
        if kind == "post":
            b.box(
                (x, 0.02, height + tall),
                (thick * 1.3, depth + 0.04, thick * 0.8),
                look,
                round=0.008,
            )
            b.cylinder((x, -0.38 * depth, height - 0.03), front, thick * 0.45, look)
        else:
            b.path([top, front, (x, -0.45 * depth, height - 0.01)], thick * 0.45, look)


def _foot(b: Build) -> None:
    """A chair on one foot, with castors or without: mostly for an office."""
    metal, seat = looks.metal(b), b.choice(looks.fabric, looks.leather, looks.paint)(b)
    width, depth, height = b.between(0.46, 0.58), b.between(0.44, 0.54), b.between(0.42, 0.52)
    if b.chance(0.7):
        reach, thick = b.between(0.27, 0.34), b.between(0.025, 0.04)
        castors = looks.dark(b) if b.chance(0.6) else None
        star_foot(b, height, reach, thick, metal, castors)
    else:
        disc_foot(b, height, b.between(0.2, 0.28), 0.035, metal)
    soft = b.between(0.05, 0.1)
    cushion = oval(width, depth, 20, b.between(3, 6))
    b.extrude(cushion, soft, seat, center=(0, 0, height + soft / 2 - 0.008), round=0.02)
    tall = b.between(0.35, 0.75)
    with b.at((0, depth / 2 - 0.01, height), rotation_about("x", -b.between(4, 14))):
        _office_back(b, width, tall, metal, seat)
    if b.chance(0.6):
        _office_arms(b, width, depth, height, metal)


def _office_back(b: Build, width: float, tall: float, metal: Material, seat: Material) -> None:
    """Add a flat or curved back on one or two bars, perhaps with a headrest."""
    for side in (-1, 1) if b.chance(0.4) else (0,):
        b.box((side * width * 0.2, 0.012, 0.19), (0.05, 0.04, 0.44), metal)
    gap = b.between(0.02, 0.18)
    middle = (0, 0, gap + tall / 2)
    if b.chance(0.6):
        b.box(middle, (width * 0.95, 0.06, tall), seat, round=0.03)
    else:
        curved = arc(width * 0.75, -42, 42, 10)
        outline = band(curved, curved * 0.93) - [width * 0.74, 0]
        b.extrude(outline, tall, seat, center=middle, rotation=rotation_about("z", 90), round=0.01)
    if b.chance(0.3):
        b.box((0, -0.01, gap + tall + 0.1), (0.26, 0.07, 0.14), seat, round=0.03)
        b.box((0, 0, gap + tall), (0.05, 0.02, 0.2), metal)


def _office_arms(b: Build, width: float, depth: float, height: float, look: Material) -> None:
    loop, top = b.chance(0.5), height + b.between(0.2, 0.27)
    pad = looks.dark(b)
    for side in (-1, 1):
        x = side * (width / 2 + 0.03)
        low = np.array([side * width * 0.3, 0, height])
        if loop:
            b.path(
                [
                    low,
                    (x, -0.1, height + 0.02),
                    (x, -0.14, top),
                    (x, 0.1, top),
                    (x, 0.12, height + 0.05),
                    low,
                ],
                0.014,
                look,
            )
        else:
            b.path([low, (x, 0, height), (x, 0, top)], 0.018, look)
        b.box((x, -0.01, top + 0.01), (0.06, 0.26, 0.03), pad, round=0.012)


def _tube(b: Build) -> None:
    """Bent steel tube: a cantilever or two sleds."""
    metal, seat = looks.metal(b), b.choice(looks.leather, looks.fabric, looks.wood)(b)
    width, depth, height, tall = (
        b.between(0.44, 0.54),
        b.between(0.44, 0.52),
        b.between(0.42, 0.47),
        b.between(0.35, 0.45),
    )
    radius, lean = b.between(0.011, 0.018), b.between(0.03, 0.12)
    cantilever = b.chance(0.6)
    x, y = width / 2, depth / 2
    for side in (-1, 1):
        floor, front = (side * x, y, radius), (side * x, -y, radius)
        knee, hip = (side * x, -y, height), (side * x, y, height)
        top = (side * x, y + lean, height + tall)
        points = [floor, front, knee, hip, top] if cantilever else [knee, front, floor, hip, top]
        b.path(points, radius, metal)
        if not cantilever:
            b.path([knee, hip], radius, metal)
    b.rod((-x, y, radius), (x, y, radius), radius, metal)
    if not cantilever or b.chance(0.4):
        b.rod((-x, -y, radius), (x, -y, radius), radius, metal)
    b.box((0, 0, height + 0.01), (width, depth, b.between(0.03, 0.06)), seat, round=0.015)
    tilt = math.degrees(math.atan2(lean, tall))
    low = b.between(0.0, 0.5)
    with b.at((0, y, height), rotation_about("x", -tilt)):
        b.box((0, 0, tall * (1 + low) / 2), (width, 0.03, tall * (1 - low)), seat, round=0.012)
    if b.chance(0.35):
        for side in (-1, 1):
            back = (side * x, y + lean * 0.5, height + 0.2)
            elbow = (side * x, -depth * 0.4, height + 0.2)
            b.path([back, elbow, (side * x, -y, height)], radius, metal)


def _shell(b: Build) -> None:
    """A scooped shell on any foot."""
    shell, metal = looks.paint(b), b.choice(looks.metal, looks.wood)(b)
    height, wide = b.between(0.4, 0.46), b.between(0.26, 0.31)
    deep, high = b.between(0.25, 0.3), b.between(0.36, 0.52)
    foot = b.choice("legs", "star", "disc")
    if foot == "legs":
        for x, y in corners(0.13, 0.12):
            b.cone((x * 1.7, y * 1.7, 0), (x, y, height - 0.02), 0.011, 0.02, metal)
        b.rod((-0.13, -0.12, height - 0.03), (0.13, 0.12, height - 0.03), 0.012, metal)
        b.rod((-0.13, 0.12, height - 0.03), (0.13, -0.12, height - 0.03), 0.012, metal)
    elif foot == "star":
        star_foot(b, height, 0.27, 0.025, metal, None)
    else:
        disc_foot(b, height, 0.22, 0.03, metal)
    b.cylinder((0, 0, height - 0.05), (0, 0, height + 0.02), 0.1, metal)
    with b.body(cut_blend=0.02):
        center = (0, 0.02, height + high)
        b.ellipsoid(center, (wide, deep, high), shell)
        b.ellipsoid(
            np.add(center, (0, -0.01, 0.025)),
            (wide - 0.03, deep - 0.03, high - 0.025),
            shell,
            cut=True,
        )
        # Open to the front and above: the rim falls from the back to the arms to the seat's edge.
        with b.at(
            (0, -0.06, height + b.between(0.22, 0.3)), rotation_about("x", b.between(38, 52))
        ):
            b.box((0, 0, 0.5), (2, 3, 1), shell, cut=True)
    if b.chance(0.5):
        b.extrude(
            oval(wide * 1.2, deep * 1.2),
            0.05,
            looks.fabric(b),
            center=(0, 0, height + 0.06),
            round=0.015,
        )


def _cube(b: Build) -> None:
    """An upholstered armchair."""
    cloth = b.choice(looks.fabric, looks.leather)(b)
    width, depth, seat = b.between(0.65, 0.85), b.between(0.65, 0.8), b.between(0.3, 0.38)
    arm, tall, foot = b.between(0.1, 0.17), b.between(0.7, 0.95), b.between(0.05, 0.14)
    edge = b.between(0.015, 0.05)
    wood = looks.wood(b)
    for x, y in corners(width / 2 - 0.06, depth / 2 - 0.06):
        b.cone((x, y, 0), (x, y, foot + 0.03), 0.018, 0.028, wood)
    base = (width, depth, seat - 0.06 - foot)
    b.box((0, 0, (foot + seat - 0.06) / 2 + foot / 2), base, cloth, round=edge)
    cushion, soft = (width - 2 * arm, depth - 0.1, 0.16), looks.same_or(b, cloth, looks.fabric)
    b.box((0, -0.04, seat), cushion, soft, round=0.045)
    with b.at((0, depth / 2 - 0.09, foot), rotation_about("x", -b.between(3, 10))):
        back = (width - b.choice(0, 2 * arm), 0.16, tall - foot)
        b.box((0, 0, (tall - foot) / 2), back, cloth, round=edge)
        if b.chance(0.3):
            for side in (-1, 1):
                ear = (side * (width / 2 - 0.05), -0.12, tall * 0.6)
                b.box(ear, (0.07, 0.24, 0.3), cloth, round=0.03)
    rest = b.between(0.5, 0.62)
    for side in (-1, 1):
        x = side * (width - arm) / 2
        b.box((x, 0, (foot + rest) / 2), (arm, depth, rest - foot), cloth, round=edge)
        if b.chance(0.5):
            front, rear = (x, -depth / 2, rest), (x, depth / 2 - 0.05, rest)
            b.cylinder(front, rear, arm * 0.6, cloth, round=0.02)


def _stool(b: Build) -> None:
    """A bar stool, round or square, with a ring for the feet and at most a low back."""
    look, metal = b.choice(looks.wood, looks.leather, looks.paint)(b), looks.metal(b)
    height, wide = b.between(0.6, 0.8), b.between(0.32, 0.42)
    if b.chance(0.5):
        b.cylinder((0, 0, height), (0, 0, height + 0.06), wide / 2, look, round=0.02)
    else:
        b.box((0, 0, height + 0.025), (wide, wide, 0.06), look, round=0.02)
    if b.chance(0.5):
        disc_foot(b, height + 0.01, 0.2, 0.03, metal)
        b.ring((0, -0.05, 0.3), 0.13, 0.012, metal)
        b.rod((0, 0, 0.3), (0, 0.08, 0.3), 0.012, metal)
    else:
        inset = wide / 2 - 0.05
        spread = b.between(1.2, 1.5)
        for x, y in corners(inset, inset):
            b.cylinder((x * spread, y * spread, 0), (x, y, height + 0.01), 0.017, metal)
        z = 0.3 * height
        at = inset * (spread + (1 - spread) * z / height)
        for (x0, y0), (x1, y1) in zip(
            corners(at, at), corners(at, at)[1:] + corners(at, at)[:1], strict=True
        ):
            b.rod((x0, y0, z), (x1, y1, z), 0.012, metal)
    if b.chance(0.5):
        y = wide / 2 - 0.03
        b.box((0, y + 0.02, height + 0.22), (wide * 0.9, 0.03, 0.12), look, round=0.012)
        for side in (-1, 1):
            b.rod(
                (side * wide * 0.3, y, height + 0.02),
                (side * wide * 0.3, y + 0.015, height + 0.2),
                0.012,
                metal,
            )
