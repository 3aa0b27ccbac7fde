"""What cars, buses and lorries share: wheel arches, axles with wheels."""

from .. import looks
from ..build import Build
from .common import wheel


def cut_arches(b: Build, axles: tuple[float, ...], wide: float, radius: float) -> None:
    """Cut wheel arches out of the body that is open."""
    dark = looks.dark(b)
    for y in axles:
        for side in (-1, 1):
            b.cylinder(
                (side * wide * 0.27, y, radius),
                (side * wide, y, radius),
                radius * 1.13,
                dark,
                cut=True,
            )


def add_wheels(b: Build, axles: tuple[float, ...], wide: float, radius: float) -> None:
    """Add two wheels an axle, the axles between them included."""
    tyre, rim = looks.dark(b), looks.metal(b)
    spokes = b.choice(0, 0, 3, 4, 5)
    thick = b.between(0.55, 0.7) * radius
    for y in axles:
        for side in (-1, 1):
            wheel(
                b, (side * (wide / 2 - thick * 0.42), y, radius), radius, thick, tyre, rim, spokes
            )
        b.cylinder((-wide * 0.42, y, radius), (wide * 0.42, y, radius), 0.2 * radius, tyre)
