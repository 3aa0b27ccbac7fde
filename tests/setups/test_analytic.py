"""Fields with a formula: their slopes, their distances, their solids."""

import math

import pytest
import torch
from setups.analytic import Boxes, Gyroid, Rods, Sphere, Torus

FIELDS = [
    Sphere(0.5, (0.1, 0.2, -0.3)),
    Torus(0.6, 0.2),
    Gyroid(0.9, 0.02),
    Boxes([[-0.5, -0.4, -0.3], [0.1, 0.0, 0.0]], [[0.5, 0.4, 0.0], [0.6, 0.2, 0.9]]),
    Rods([[-0.5, 0, 0], [0.1, 0.2, 0.3]], [[0.5, 0.1, 0], [0.4, -0.7, 0.3]], 0.05),
]


def points(count: int = 20_000) -> torch.Tensor:
    return torch.rand((count, 3), generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: type(f).__name__)
def test_no_steeper_than_promised(field):
    assert field.lipschitz == 1.0
    assert field.gradient(points()).norm(dim=1).max() <= 1 + 1e-5
    here, there = points().chunk(2)
    rise = (field(here) - field(there)).abs()
    assert (rise <= (here - there).norm(dim=1) * (1 + 1e-5)).all()
    assert field(here).shape == (len(here),)
    assert field(here).dtype == torch.float32


@pytest.mark.parametrize("field", [FIELDS[k] for k in (0, 1, 3, 4)], ids=lambda f: type(f).__name__)
def test_outside_the_value_is_the_distance(field):
    """A step of the value against the slope ends on the surface."""
    here = points()
    here = here[field(here) > 0]
    slope = field.gradient(here)
    landed = here - field(here)[:, None] * slope
    assert field(landed).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("field", "volume"),
    [
        (Sphere(0.5), 4 / 3 * math.pi / 8),
        (Torus(0.6, 0.2), 2 * math.pi**2 * 0.6 * 0.04),
        (Boxes([[-0.5, -0.4, -0.3]], [[0.5, 0.4, 0.1]]), 0.32),
        (Rods([[0, 0, -0.5]], [[0, 0, 0.5]], 0.2), math.pi * 0.04 + 4 / 3 * math.pi * 0.008),
        (Gyroid(1.0), 4.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_negative_inside(field, volume):
    assert 8 * (field(points(400_000)) <= 0).float().mean() == pytest.approx(volume, rel=0.03)
