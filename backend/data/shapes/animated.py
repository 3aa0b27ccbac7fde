"""Animated shapes: the same random choices at all times in [0, 1], in one common frame."""

import math
from dataclasses import dataclass

import numpy as np

from . import looks
from .build import Build, rotation_about
from .registry import animated, animations, build_at
from .shape import Shape, normalized, placed

MOMENTS = 17  # number of times sampled for the box of the whole motion


@dataclass(frozen=True)
class Animated:
    """An animated shape.

    Attributes
    ----------
    name, seed : its program and its random choices
    lower, upper : (3,) box of the whole motion, in the program's units
    """

    name: str
    seed: int
    lower: np.ndarray
    upper: np.ndarray

    def at(self, time: float) -> Shape:
        """Return the shape at a time in [0, 1], in the same frame at all times.

        The box of the whole motion is centred with a longest side of 1.8; `extents` are its sides.
        """
        build = build_at(self.name, self.seed, float(np.clip(time, 0, 1)))
        return placed(self.name, build.parts, build.bodies, self.lower, self.upper)


def sample_animated(name: str, seed: int) -> Animated:
    """Sample an animated shape; the same seed and time give the same bytes.

    Raises
    ------
    RequestError
        If there is no such animated shape.
    """
    boxes = [_box(name, build_at(name, seed, time)) for time in np.linspace(0, 1, MOMENTS)]
    lower = np.min([low for low, _ in boxes], axis=0)
    upper = np.max([high for _, high in boxes], axis=0)
    return Animated(name, seed, lower, upper)


def _box(name: str, build: Build) -> tuple[np.ndarray, np.ndarray]:
    """Return the box of a build in its own units, computed from its normalised shape."""
    shape = normalized(name, build.parts, build.bodies)
    frame, own = build.parts[0].frame, shape.parts[0].frame
    scale = np.linalg.norm(own[:, 0]) / np.linalg.norm(frame[:, 0])
    middle = frame[:, 3] - own[:, 3] / scale
    half = shape.extents / scale / 2
    return middle - half, middle + half


@animated("lid")
def lid(b: Build, time: float) -> None:
    """A box or a chest whose lid opens around its back edge."""
    look = looks.wood(b) if b.chance(0.6) else looks.paint(b)
    trim = looks.metal(b)
    x, y, z = b.between(0.9, 1.5), b.between(0.7, 1.0), b.between(0.4, 0.7)
    wall, opening = b.between(0.05, 0.08), b.between(70, 115) * time
    domed, handle, feet = b.chance(0.5), b.chance(0.5), b.chance(0.5)
    with b.body():
        b.box((0, 0, z / 2), (x, y, z), look)
        b.box((0, 0, z / 2 + wall), (x - 2 * wall, y - 2 * wall, z), look, cut=True)
    with b.at((0, y / 2, z), rotation_about("x", -opening)):
        if domed:
            angle = np.linspace(0, math.pi, 12)
            outline = np.stack([-y / 2 + y / 2 * np.cos(angle), 0.3 * y * np.sin(angle)], 1)
            b.extrude(outline, x, look, along="x")
        else:
            b.box((0, -y / 2, wall / 2), (x * 1.02, y * 1.02, wall), look, round=0.01)
        if handle:
            b.ring((0, -y, wall / 2), 0.1, 0.02, trim, rotation=rotation_about("z", -90), arc=180)
    for sx in (-1, 1):
        b.cylinder((sx * x / 4 - 0.06, y / 2, z), (sx * x / 4 + 0.06, y / 2, z), 0.03, trim)
        if feet:
            for sy in (-1, 1):
                b.box((sx * (x / 2 - 0.08), sy * (y / 2 - 0.08), -0.04), (0.1, 0.1, 0.1), trim)


@animated("door")
def door(b: Build, time: float) -> None:
    """A cupboard whose one or two doors swing open."""
    look, front, trim = looks.wood(b), looks.paint(b), looks.metal(b)
    x, y, z = b.between(0.7, 1.1), b.between(0.4, 0.6), b.between(1.0, 1.8)
    wall, shelves, double = 0.05, b.count(1, 4), b.chance(0.5)
    opening = b.between(80, 125) * time
    with b.body():
        b.box((0, 0, z / 2), (x, y, z), look)
        b.box((0, -wall, z / 2), (x - 2 * wall, y, z - 2 * wall), look, cut=True)
    for i in range(shelves):
        height = wall + (z - 2 * wall) * (i + 1) / (shelves + 1)
        b.box((0, 0, height), (x - wall, y - 2 * wall, 0.03), look)
    width = (x / 2 if double else x) - 0.01
    for side in (-1, 1) if double else (-1,):
        with b.at((side * x / 2, -y / 2, z / 2), rotation_about("z", side * opening)):
            b.box((-side * width / 2, -0.02, 0), (width, 0.045, z), front)
            grip = -side * width * 0.88
            b.rod((grip, -0.075, -0.08), (grip, -0.075, 0.08), 0.015, trim)
            for end in (-0.07, 0.07):
                b.cylinder((grip, -0.075, end), (grip, -0.02, end), 0.012, trim)


@animated("folding-chair")
def folding_chair(b: Build, time: float) -> None:
    """A chair on two crossed pairs of legs that fold together while the seat tips up."""
    look, cloth = looks.metal(b), looks.fabric(b)
    width, back, reach = b.between(0.75, 0.95), b.between(0.75, 1.0), b.between(0.95, 1.1)
    slats, thick = b.count(2, 4), b.between(0.022, 0.035)
    half = math.radians(b.between(28, 36) * (1 - time) + 3 * time)  # each pair's angle to upright
    forward = np.array([0, -math.sin(half), math.cos(half)])  # a long leg rises towards the front
    backward = np.array([0, math.sin(half), math.cos(half)])
    pivot = np.array([0, 0, reach / 2 * math.cos(half)])
    seat_height = reach * math.cos(half)
    for side in (-1, 1):
        shift = np.array([side * width / 2, 0, 0])
        inner = np.array([side * (width / 2 - 2 * thick), 0, 0])
        b.rod(pivot - forward * reach / 2 + inner, pivot + forward * reach / 2 + inner, thick, look)
        top = pivot + backward * (reach / 2 + back)
        b.rod(pivot - backward * reach / 2 + shift, top + shift, thick, look)
    across = np.array([width / 2, 0, 0])
    b.cylinder(pivot - across, pivot + across, thick * 0.8, look)
    for foot in (pivot - forward * reach / 2, pivot - backward * reach / 2 * 0.85):
        b.cylinder(foot - across, foot + across, thick * 0.8, look)
    # The seat hangs on the long pair and tips up with the folding.
    hinge = pivot + backward * reach / 2
    hinge[2] = seat_height
    depth = 2 * math.sin(math.radians(30)) * reach / 2
    with b.at(hinge, rotation_about("x", -82 * time)):
        b.box((0, -depth / 2, 0.02), (width - 2 * thick, depth, 0.05), cloth, round=0.02)
        b.cylinder((-width / 2, 0, 0), (width / 2, 0, 0), thick * 0.8, look)
    for i in range(slats):
        at = pivot + backward * (reach / 2 + back * (0.55 + 0.42 * i / slats))
        b.box(
            at,
            (width, 0.03, 0.24 / slats),
            cloth,
            rotation=rotation_about("x", -math.degrees(half)),
        )


@animated("walking-legs")
def walking_legs(b: Build, time: float) -> None:
    """A hip on two legs, one full stride: thighs swing, knees bend on the way."""
    cloth, skin = looks.fabric(b), looks.leather(b)
    thigh, shin, hip = b.between(0.7, 0.85), b.between(0.65, 0.8), b.between(0.28, 0.38)
    swing, bend, thick = b.between(24, 36), b.between(35, 55), b.between(0.12, 0.16)
    torso = b.chance(0.5)
    with b.body(blend=0.12):
        b.rod((-hip / 2, 0, 0.06), (hip / 2, 0, 0.06), thick * 1.15, cloth)
        if torso:
            b.rod((0, 0, 0.1), (0, 0, 0.5), thick * 1.2, cloth, end_radius=thick * 1.5)
        for side, phase in ((-1, 0.0), (1, 0.5)):
            angle = 2 * math.pi * (time + phase)
            lift = swing * math.sin(angle)
            knee = bend * max(0.0, math.cos(angle)) + 6
            with b.at((side * hip / 2, 0, 0), rotation_about("x", -lift)):
                b.rod((0, 0, 0), (0, 0, -thigh), thick, cloth, end_radius=thick * 0.75)
                with b.at((0, 0, -thigh), rotation_about("x", knee)):
                    b.rod((0, 0, 0), (0, 0, -shin), thick * 0.75, cloth, end_radius=thick * 0.5)
    for side, phase in ((-1, 0.0), (1, 0.5)):
        angle = 2 * math.pi * (time + phase)
        knee = bend * max(0.0, math.cos(angle)) + 6
        with (
            b.at((side * hip / 2, 0, 0), rotation_about("x", -swing * math.sin(angle))),
            b.at((0, 0, -thigh), rotation_about("x", knee)),
        ):
            b.rod((0, 0.02, -shin - 0.03), (0, -0.26, -shin - 0.06), 0.08, skin, end_radius=0.06)


ANIMATED = animations()
