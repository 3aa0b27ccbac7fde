"""What airplanes share: fuselages, wings, fins, jet engines, propellers."""

import math

import numpy as np

from .. import looks
from ..build import Build, rotation_about
from ..parts import Material

NOSE_AHEAD = rotation_about("x", 90)  # a profile's +z becomes -Y, the nose


def add_fuselage(
    b: Build, length: float, radius: float, nose: float, tail: float, look: Material
) -> None:
    """Add a round body from y = -length/2 to length/2; nose and tail are the tapering shares."""
    steps = np.linspace(0, 1, 6)
    tail_z = -length / 2 + tail * length * steps
    tail_r = radius * (0.12 + 0.88 * np.sin(steps * math.pi / 2))
    nose_z = length / 2 - nose * length * (1 - steps)
    nose_r = radius * np.sqrt(np.clip(1 - steps**2, 0, 1))
    profile = [(0, tail_z[0]), *zip(tail_r, tail_z, strict=True), *zip(nose_r, nose_z, strict=True)]
    b.revolve(profile, look, rotation=NOSE_AHEAD)


def add_wings(
    b: Build,
    look: Material,
    *,
    root: float,
    tip: float,
    span: float,
    sweep: float,
    y: float,
    z: float,
    thick: float,
    lift: float = 0.0,
    start: float = 0.0,
    kink: float = 0.0,
) -> None:
    """Add both wings: chords at root and tip, half `span`, the tip `sweep` behind the root.

    `y` is the leading edge at the root; `lift` is the dihedral in degrees; `kink` widens the inner
    third.
    """
    for side in (-1, 1):
        outline = [(0, y), (side * span, y + sweep), (side * span, y + sweep + tip)]
        if kink:
            outline.append((side * 0.35 * span, y + root * 0.8 + 0.35 * sweep * 0.5))
        outline.append((0, y + root))
        with b.at((side * start, 0, z), rotation_about("y", -side * lift)):
            b.extrude(outline, thick, look, round=0.45 * thick)


def add_fin(
    b: Build,
    look: Material,
    *,
    root: float,
    tip: float,
    tall: float,
    sweep: float,
    y: float,
    z: float,
    thick: float,
    x: float = 0.0,
    lean: float = 0.0,
) -> None:
    """Add an upright fin, its tip `sweep` behind its root; `lean` turns it to +X, degrees."""
    outline = [(y, 0), (y + sweep, tall), (y + sweep + tip, tall), (y + root, 0)]
    with b.at((x, 0, z), rotation_about("y", lean)):
        b.extrude(outline, thick, look, along="x", round=0.4 * thick)


def add_engine(
    b: Build, center: tuple[float, float, float], length: float, radius: float, look: Material
) -> None:
    """Add a jet engine, open in front."""
    half = length / 2
    outer = [
        (0.6 * radius, -half),
        (0.9 * radius, -0.1 * half),
        (radius, 0.5 * half),
        (0.88 * radius, half),
    ]
    inner = [(0.76 * radius, half), (0.8 * radius, 0.5 * half), (0, 0.45 * half), (0, -half)]
    b.revolve([*outer, *inner], look, center=center, rotation=NOSE_AHEAD)
    x, y, z = center
    b.cone(
        (x, y - 0.2 * half, z), (x, y - 0.8 * half, z), 0.34 * radius, 0.02 * radius, looks.dark(b)
    )


def add_propeller(
    b: Build,
    center: tuple[float, float, float],
    radius: float,
    blades: int,
    look: Material,
    hub: Material,
) -> None:
    """Add a propeller of `blades` with its cone, looking to -Y."""
    x, y, z = center
    b.cone((x, y + 0.05, z), (x, y - 0.1, z), 0.055, 0.01, hub, round=0.005)
    start = b.between(0, 180)
    for i in range(blades):
        with b.at((x, y - 0.03, z), rotation_about("y", start + 360 * i / blades)):
            b.extrude(
                [
                    (-0.02, 0),
                    (0.02, 0),
                    (0.035, radius * 0.6),
                    (0.015, radius),
                    (-0.015, radius),
                    (-0.035, radius * 0.6),
                ],
                0.014,
                look,
                along="y",
            )
