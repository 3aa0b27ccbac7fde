"""Rifles, muzzle to -Y: bolt and lever action, assault, shotguns, bullpups, muskets."""

import numpy as np

from .. import looks
from ..build import Build
from ..registry import category
from .rifle_parts import (
    add_barrel,
    add_bipod,
    add_bolt,
    add_folding_stock,
    add_guard,
    add_handguard,
    add_magazine,
    add_scope,
    add_side,
    add_sights,
    add_sling,
    add_stock,
    add_top,
    add_two_barrels,
)


@category("rifle")
def rifle(b: Build) -> None:
    """Draw a long gun, seen in side view as (y, z) with the barrel along z = 0."""
    kind = b.choice(
        "hunting", "hunting", "assault", "assault", "double", "lever", "bullpup", "musket"
    )
    {
        "hunting": _hunting,
        "assault": _assault,
        "double": _double,
        "lever": _lever,
        "bullpup": _bullpup,
        "musket": _musket,
    }[kind](b)


def _hunting(b: Build) -> None:
    wood, metal = (
        looks.wood(b) if b.chance(0.75) else looks.dark(b),
        b.choice(looks.dark, looks.metal)(b),
    )
    long = b.between(0.5, 0.75)
    add_barrel(b, 0.02, -long, b.between(0.011, 0.017), metal)
    fore = -b.between(0.3, 0.85) * long
    add_side(
        b,
        [(fore, -0.008), (fore + 0.03, -0.035), (0.1, -0.05), (0.1, 0.0), (fore, 0.0)],
        0.046,
        wood,
        round=0.01,
    )
    b.cylinder((0, -0.06, 0.005), (0, 0.2, 0.005), 0.02, metal, round=0.004)
    b.box((0, 0.08, -0.012), (0.036, 0.24, 0.045), metal, round=0.004)
    add_stock(b, 0.08, b.between(0.48, 0.58), b.between(0.03, 0.07), b.between(0.1, 0.13), wood)
    add_guard(b, 0.13, -0.05, metal)
    if b.chance(0.7):
        add_bolt(b, 0.17, 0.005, metal)
    if b.chance(0.4):
        b.box((0, 0.03, -0.09), (0.028, 0.07, 0.1), metal, round=0.004)
    if b.chance(0.65):
        add_scope(b, 0.06, 0.015, looks.dark(b), b.between(0.2, 0.32))
    else:
        add_sights(b, -long + 0.03, -0.06, 0.015, metal)
    if b.chance(0.25):
        add_bipod(b, fore + 0.05, -0.03, metal)
    if b.chance(0.25):
        add_sling(b, fore + 0.08, 0.46, -0.04, looks.leather(b))
    if b.chance(0.25):
        b.cylinder(
            (0, -long + 0.02, 0),
            (0, -long - b.between(0.06, 0.2), 0),
            b.between(0.018, 0.028),
            metal,
            round=0.004,
        )


def _assault(b: Build) -> None:
    """A receiver with a grip, a magazine, a stock behind and sights or a scope on top."""
    metal, grip = (
        b.choice(looks.dark, looks.dark, looks.metal)(b),
        b.choice(looks.dark, looks.wood, looks.paint)(b),
    )
    long = b.between(0.42, 0.6)
    add_barrel(b, 0.02, -long, 0.013, metal)
    b.cylinder((0, -long + 0.01, 0), (0, -long - 0.05, 0), 0.018, metal)
    receiver = [(-0.06, 0.035), (0.24, 0.035), (0.24, -0.02), (0.18, -0.06), (-0.06, -0.055)]
    add_side(b, receiver, 0.05, metal, round=0.006)
    fore = -b.between(0.26, 0.36)
    add_handguard(b, fore, metal, grip)
    add_magazine(b, metal)
    handle = [(0.14, -0.05), (0.19, -0.05), (0.245, -0.17), (0.19, -0.18)]
    add_side(b, handle, 0.036, grip, round=0.006)
    add_guard(b, 0.105, -0.058, metal)
    add_folding_stock(b, metal, grip)
    add_top(b, fore, metal)
    if b.chance(0.3):
        b.rod((0, fore + 0.07, -0.03), (0, fore + 0.08, -0.13), 0.017, grip)
    if b.chance(0.2):
        b.cylinder((0, -0.08, -0.055), (0, fore - 0.08, -0.055), 0.022, metal)
        b.box((0, (fore - 0.08) / 2, -0.035), (0.02, 0.12, 0.05), metal)
    elif b.chance(0.2):
        add_bipod(b, fore - 0.02, -0.008, metal)


def _double(b: Build) -> None:
    """A shotgun: two barrels side by side or over each other, or one over a tube with a pump."""
    wood, metal = looks.wood(b), b.choice(looks.dark, looks.metal)(b)
    long, radius = b.between(0.55, 0.75), 0.017
    kind = b.choice("side", "over", "pump")
    add_two_barrels(b, kind, long, radius, metal)
    receiver = [(-0.02, 0.035), (0.14, 0.03), (0.2, 0.0), (0.17, -0.055), (-0.02, -0.055)]
    add_side(b, receiver, 0.052, metal, round=0.006)
    fore = -b.between(0.24, 0.32)
    if kind == "pump":
        b.cylinder((0, -0.12, -0.018), (0, fore - 0.12, -0.018), 0.034, wood, round=0.008)
        b.box((0, -0.78 * long, 0), (0.012, 0.03, 0.05), metal)
    else:
        forend = [(-0.01, -0.01), (fore, -0.01), (fore + 0.03, -0.045), (-0.01, -0.06)]
        add_side(b, forend, 0.05, wood, round=0.01)
    add_stock(b, 0.13, b.between(0.48, 0.56), b.between(0.04, 0.08), b.between(0.1, 0.13), wood)
    add_guard(b, 0.1, -0.055, metal)
    b.ball((0, -long + 0.01, 0.036 if kind != "side" else 0.018), 0.006, looks.brass(b))
    if b.chance(0.4):
        rib = radius * (2.2 if kind != "side" else 1.0)
        b.box((0, -long / 2, rib), (0.01, long * 0.96, 0.016), metal)


def _lever(b: Build) -> None:
    wood, metal = looks.wood(b), b.choice(looks.brass, looks.dark, looks.metal)(b)
    long = b.between(0.45, 0.65)
    steel = looks.dark(b)
    add_barrel(b, 0.0, -long, 0.014, steel)
    b.cylinder((0, 0.0, -0.028), (0, -long * b.between(0.6, 0.97), -0.028), 0.011, steel)
    for y in (-0.55 * long, -0.3 * long):
        b.box((0, y, -0.014), (0.034, 0.018, 0.055), metal, round=0.006)
    add_side(
        b,
        [(-0.02, 0.02), (0.14, 0.03), (0.2, 0.005), (0.2, -0.05), (-0.02, -0.05)],
        0.044,
        metal,
        round=0.004,
    )
    add_side(
        b,
        [(-0.02, 0.0), (-0.3 * long - 0.02, -0.005), (-0.3 * long - 0.02, -0.045), (-0.02, -0.05)],
        0.046,
        wood,
        round=0.008,
    )
    b.path(
        [
            (0, 0.06, -0.045),
            (0, 0.07, -0.085),
            (0, 0.15, -0.085),
            (0, 0.155, -0.11),
            (0, 0.27, -0.12),
            (0, 0.28, -0.085),
            (0, 0.16, -0.055),
        ],
        0.007,
        steel,
    )
    b.rod((0, 0.11, -0.045), (0, 0.1, -0.075), 0.005, steel)
    b.box((0, 0.19, 0.03), (0.014, 0.025, 0.05), steel)
    add_stock(b, 0.18, b.between(0.52, 0.6), b.between(0.05, 0.09), b.between(0.1, 0.12), wood)
    add_sights(b, -long + 0.02, -0.1, 0.012, steel)


def _bullpup(b: Build) -> None:
    look, metal = b.choice(looks.dark, looks.paint, looks.metal)(b), looks.dark(b)
    long = b.between(0.25, 0.4)
    add_barrel(b, 0.0, -long, 0.014, metal)
    b.cylinder((0, -long + 0.01, 0), (0, -long - 0.05, 0), 0.02, metal)
    add_side(
        b,
        [
            (-0.2, 0.03),
            (-0.18, -0.05),
            (-0.02, -0.06),
            (0.02, -0.17),
            (0.075, -0.17),
            (0.08, -0.055),
            (0.2, -0.06),
            (0.46, -0.11),
            (0.48, -0.1),
            (0.48, 0.045),
            (0.3, 0.05),
            (-0.1, 0.045),
        ],
        0.056,
        look,
        round=0.012,
    )
    add_side(
        b, [(0.2, -0.05), (0.27, -0.06), (0.24, -0.22), (0.17, -0.21)], 0.03, metal, round=0.004
    )
    b.path([(0, -0.07, -0.05), (0, -0.06, -0.1), (0, 0.01, -0.1)], 0.008, look)
    b.rod((0, -0.02, -0.05), (0, -0.025, -0.08), 0.005, metal)
    if b.chance(0.5):
        b.path([(0, -0.12, 0.04), (0, -0.1, 0.1), (0, 0.12, 0.1), (0, 0.15, 0.045)], 0.014, look)
    else:
        b.box((0, 0.05, 0.052), (0.022, 0.4, 0.014), metal)
        add_scope(b, 0.06, 0.055, metal, b.between(0.14, 0.24))
    b.box((0, 0.485, -0.03), (0.058, 0.02, 0.16), metal, round=0.004)


def _musket(b: Build) -> None:
    wood, metal, steel = looks.wood(b), b.choice(looks.brass, looks.metal)(b), looks.metal(b)
    long = b.between(0.75, 1.0)
    add_barrel(b, 0.06, -long, 0.014, steel)
    fore = -long * b.between(0.8, 0.95)
    add_side(
        b,
        [(fore, 0.0), (fore, -0.028), (0.1, -0.05), (0.14, -0.05), (0.14, 0.005)],
        0.036,
        wood,
        round=0.006,
    )
    for fraction in np.linspace(0.25, 0.9, b.count(2, 4)):
        b.box((0, fore * float(fraction), -0.008), (0.048, 0.025, 0.05), metal, round=0.01)
    b.cylinder((0, 0.0, -0.034), (0, -long * 0.97, -0.03), 0.005, steel)
    add_stock(b, 0.1, b.between(0.48, 0.56), b.between(0.06, 0.1), b.between(0.1, 0.13), wood)
    add_guard(b, 0.13, -0.05, metal, 0.05)
    b.box((0.024, 0.1, -0.01), (0.01, 0.13, 0.035), steel, round=0.003)
    b.path([(0.028, 0.13, 0.0), (0.028, 0.14, 0.045), (0.028, 0.1, 0.06)], 0.008, steel)
    if b.chance(0.45):
        b.cylinder((0, -long + 0.06, 0.018), (0, -long, 0.018), 0.01, steel)
        add_side(
            b, [(-long + 0.02, 0.012), (-long - 0.36, 0.02), (-long + 0.02, 0.034)], 0.008, steel
        )
