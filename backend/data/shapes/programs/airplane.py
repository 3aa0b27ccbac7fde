"""Airplanes: airliners, propeller planes, biplanes, fighters, gliders, flying wings; nose to -Y."""

from .. import looks
from ..build import Build
from ..registry import category
from . import jets, propellers
from .wings import add_fin, add_wings


@category("airplane")
def airplane(b: Build) -> None:
    """Draw an airplane."""
    kind = b.choice(
        "airliner", "airliner", "light", "biplane", "fighter", "fighter", "glider", "wing"
    )
    {
        "airliner": jets.airliner,
        "light": propellers.light,
        "biplane": propellers.biplane,
        "fighter": jets.fighter,
        "glider": _glider,
        "wing": _flying_wing,
    }[kind](b)


def _glider(b: Build) -> None:
    """A slim fuselage with a long canopy and very long wings."""
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
    """Wings without a tail that grow out of the fuselage."""
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
