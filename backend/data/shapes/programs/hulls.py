"""What boats and ships share: deck plans, hulls, deckhouses, masts, funnels."""

import math

import numpy as np

from ..build import Build, rotation_about
from ..parts import Material


def deck_plan(
    length: float, wide: float, *, sharp: float, stern: float, steps: int = 7
) -> np.ndarray:
    """Return a deck outline (M, 2), bow at -y; `sharp` is the bow's share, `stern` its width."""
    t = np.linspace(0, 1, steps)
    y = -length / 2 + length * sharp * t
    x = wide / 2 * np.sin(t * math.pi / 2) ** 0.9
    x = np.append(x, [wide / 2, wide / 2 * (0.35 + 0.65 * stern), wide / 2 * stern])
    y = np.append(y, [length * 0.2, length * 0.42, length / 2])
    right = np.stack([x, y], 1)
    left = right[1:][::-1] * [-1, 1]
    return np.concatenate([right, left])


def add_hull(
    b: Build,
    length: float,
    wide: float,
    deep: float,
    look: Material,
    *,
    sharp: float = 0.4,
    stern: float = 0.7,
    layers: int = 3,
    sheer: float = 0.12,
) -> None:
    """Add a hull from the keel z = -deep to the deck z = 0: deck plans that shrink downwards."""
    for i in range(layers):
        fraction = (i + 1) / layers
        grow = 0.62 + 0.38 * math.sin(fraction * math.pi / 2)
        plan = deck_plan(length * (0.9 + 0.1 * fraction), wide * grow, sharp=sharp, stern=stern)
        low, high = -deep * (1 - i / layers), -deep * (1 - fraction)
        b.extrude(plan, high - low + 0.004, look, center=(0, 0, (low + high) / 2))
    if sheer:
        add_bulwark(b, length, wide, sheer * deep, look, sharp, stern)


def add_bulwark(
    b: Build, length: float, wide: float, tall: float, look: Material, sharp: float, stern: float
) -> None:
    """Add a bulwark around the deck: the deck's outline with its inside cut out."""
    plan = deck_plan(length, wide, sharp=sharp, stern=stern)
    with b.body():
        b.extrude(plan, tall + 0.02, look, center=(0, 0, tall / 2 - 0.01))
        b.extrude(
            plan * [0.93, 0.96] + [0, 0.006 * length],
            tall + 0.1,
            look,
            center=(0, 0, tall / 2 + 0.055),
            cut=True,
        )


def add_deckhouse(
    b: Build,
    y: float,
    z: float,
    size: tuple[float, float, float],
    look: Material,
    glass: Material,
    *,
    lean: float = 0.0,
) -> None:
    """Add a deckhouse on z with a band of windows; its front leans back by degrees."""
    wide, long, tall = size
    shift = math.tan(math.radians(lean)) * tall
    outline = [
        (y - long / 2, z - 0.01),
        (y - long / 2 + shift, z + tall),
        (y + long / 2, z + tall),
        (y + long / 2, z - 0.01),
    ]
    b.extrude(outline, wide, look, along="x", round=0.01)
    middle = (y + shift / 2, z + 0.62 * tall)
    b.box((0, *middle), (wide + 0.012, (long - shift) * 0.86, 0.3 * tall), glass)
    with b.at((0, y - long / 2 + shift * 0.62, z + 0.62 * tall), rotation_about("x", -lean)):
        b.box((0, -0.008, 0), (wide * 0.86, 0.016, 0.32 * tall), glass)


def add_mast(
    b: Build, y: float, z: float, tall: float, look: Material, radius: float = 0.014
) -> None:
    """Add a mast, thinner at its top."""
    b.cone((0, y, z - 0.02), (0, y, z + tall), radius, radius * 0.5, look)


def add_funnel(
    b: Build, y: float, z: float, tall: float, radius: float, look: Material, dark: Material
) -> None:
    """Add a funnel that may lean aft, with its dark mouth."""
    lean = b.between(0, 0.12) * tall
    b.cone((0, y, z - 0.02), (0, y + lean, z + tall), radius, radius * 0.9, look)
    b.cylinder(
        (0, y + lean * 0.9, z + tall * 0.86),
        (0, y + lean * 1.05, z + tall * 1.05),
        radius * 0.97,
        dark,
    )
