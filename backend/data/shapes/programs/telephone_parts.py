"""Parts of telephones: cases, keypads, handsets, cords, cradles."""

import math

import numpy as np

from .. import looks
from ..build import Build
from ..parts import Material


def case_look(b: Build) -> Material:
    return b.choice(looks.dark, looks.dark, looks.paint, looks.metal, looks.white)(b)


def add_slab(
    b: Build, wide: float, tall: float, thick: float, look: Material, corner: float
) -> None:
    """Add an upright slab centred on the origin, its corners seen from the front rounded."""
    x, z = wide / 2 - corner, tall / 2 - corner
    points = []
    for cx, cz, start in ((x, z, 0), (-x, z, 90), (-x, -z, 180), (x, -z, 270)):
        for angle in np.radians([start + 5, start + 45, start + 85]):
            points.append((cx + corner * math.cos(angle), cz + corner * math.sin(angle)))
    b.extrude(points, thick, look, along="y", round=0.25 * thick)


def add_keypad(
    b: Build,
    wide: float,
    tall: float,
    y: float,
    look: Material,
    rows: int = 4,
    *,
    round_keys: bool = False,
) -> None:
    """Add 3 x rows keys on the front face at y, around the origin."""
    for i in range(rows):
        for j in range(3):
            x, z = wide * (j - 1) / 3, tall * ((i + 0.5) / rows - 0.5)
            if round_keys:
                b.cylinder((x, y + 0.01, z), (x, y - 0.025, z), 0.1 * wide, look, round=0.006)
            else:
                b.box((x, y - 0.005, z), (wide * 0.27, 0.04, tall / rows * 0.7), look, round=0.012)


def add_handset(b: Build, length: float, look: Material, *, bend: float = 0.05) -> None:
    """Add a handset along x whose cups look down, its grip's middle at the origin."""
    half = length / 2
    b.path(
        [(-half, 0, -bend), (-0.55 * half, 0, 0.02), (0.55 * half, 0, 0.02), (half, 0, -bend)],
        0.045,
        look,
    )
    for side in (-1, 1):
        b.cone(
            (side * half, 0, -bend + 0.01),
            (side * half * 1.02, 0, -bend - 0.1),
            0.075,
            0.1,
            look,
            round=0.015,
        )


def add_cord(b: Build, start: np.ndarray, end: np.ndarray, look: Material) -> None:
    """Hang a cord between two points."""
    points = [
        start + (end - start) * t - np.array([0, 0, 0.12 * math.sin(math.pi * t)])
        for t in np.linspace(0, 1, 7)
    ]
    b.path(points, 0.016, look)


def add_desk_body(
    b: Build, wide: float, deep: float, tall: float, look: Material
) -> tuple[np.ndarray, np.ndarray]:
    """Add a wedge or a stepped body; return its sloping face's lower and upper end, (2,) y, z."""
    if b.chance(0.5):
        slope = [
            (-deep / 2, 0),
            (deep / 2, 0),
            (deep / 2, 0.75 * tall),
            (0.3 * deep, tall),
            (0.02 * deep, tall),
            (-deep / 2, 0.22 * tall),
        ]
        b.extrude(slope, wide, look, along="x", round=0.03)
        return np.array(slope[5]), np.array(slope[4])
    b.frustum((0, 0, 0.4 * tall), 0.8 * tall, (wide * 1.1, deep), (wide * 0.6, deep * 0.5), look)
    step = (wide * 0.5, deep * 0.3, 0.35 * tall)
    b.box((0, 0.1 * deep, 0.85 * tall), step, look, round=0.03)
    return np.array((-deep / 2, 0)), np.array((-deep * 0.25, 0.8 * tall))


def add_finger_wheel(b: Build, radius: float, plate: Material, hole: Material) -> None:
    """Add a dial around +z with ten finger holes."""
    with b.body():
        b.cylinder((0, 0, -0.03), (0, 0, 0.045), radius, plate, round=0.008)
        for i in range(10):
            angle = math.radians(-40 + 29 * i)
            x, y = 0.72 * radius * math.cos(angle), 0.72 * radius * math.sin(angle)
            b.cylinder((x, y, 0.02), (x, y, 0.2), 0.15 * radius, hole, cut=True)


def add_cradle(
    b: Build, deep: float, tall: float, top: float, metal: Material, case: Material
) -> None:
    """Add the four posts that the handset lies between, up to height `top`."""
    for side in (-1, 1):
        for fraction in (0.02, 0.28):
            x, y = side * 0.2, fraction * deep
            look = metal if b.chance(0.3) else case
            b.cylinder((x, y, tall - 0.12), (x, y, top - 0.02), 0.025, look)
