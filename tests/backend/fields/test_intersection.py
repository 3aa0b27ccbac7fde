"""Any field with a hull: inside both, in the field's own units."""

import math

import numpy as np
import pytest
import torch
from levelform.backend.fields import Field
from levelform.backend.fields.hull import HullField, silhouette_map
from levelform.backend.fields.intersection import LOGITS_PER_UNIT, UNASKED, Intersection
from levelform.backend.geometry.cameras import Camera


class Ball(Field):
    """A sphere of radius 0.8: exact distances, or logits ten to the unit."""

    def __init__(self, kind, lipschitz=None):
        self.kind = kind
        self.lipschitz = lipschitz

    def __call__(self, points):
        distance = points.norm(dim=1) - 0.8
        return distance if self.kind == "distance" else 10 * distance


@pytest.fixture
def slab():
    """A hull that keeps x < 0.25 of what an orthographic camera along y sees."""
    pose = np.eye(4)
    pose[:3, :3] = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    pose[:3, 3] = (0, -4, 0)
    camera = Camera(pose, 32, 32, 64, 64, 128, 128, orthographic=True)
    alpha = torch.zeros(128, 128)
    alpha[:, :72] = 1.0  # x < (72 - 64) / 32
    return HullField([silhouette_map(alpha, camera)], [camera])


@pytest.mark.parametrize("kind", ["distance", "occupancy"])
def test_inside_is_inside_both(slab, kind):
    points = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    both = Intersection(Ball(kind), slab)
    assert both.kind == kind
    want = (Ball(kind)(points) < 0) & (points[:, 0] < 0.25)
    clear = (points[:, 0] - 0.25).abs() > 1e-4
    assert bool(((both(points) < 0) == want)[clear].all())


def test_the_field_is_not_asked_far_outside_the_hull(slab):
    asked = []

    class Noted(Ball):
        def __call__(self, points):
            asked.append(points)
            return super().__call__(points)

    points = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    far = points[points[:, 0] > 0.25 + 2 * UNASKED]
    values = Intersection(Noted("occupancy"), slab)(points)
    assert float(torch.cat(asked)[:, 0].max()) < 0.25 + 2 * UNASKED
    assert len(far) > 2000
    assert float(Intersection(Noted("occupancy"), slab)(far).min()) >= UNASKED * LOGITS_PER_UNIT
    exact = torch.maximum(Ball("occupancy")(points), slab(points) * LOGITS_PER_UNIT)
    near = slab(points) < UNASKED
    torch.testing.assert_close(values[near], exact[near])
    assert bool((values <= exact).all())


@pytest.mark.parametrize("threshold", [0.2, 0.8])
def test_the_hull_stays_where_it_is_at_other_probabilities(slab, threshold):
    both = Intersection(Ball("occupancy"), slab)
    level = both.level(threshold)
    assert level == pytest.approx(-math.log(threshold / (1 - threshold)))
    x = torch.linspace(0.2, 0.3, 2001)
    points = torch.stack([x, torch.zeros_like(x), torch.zeros_like(x)], 1)
    crossing = x[(both(points) > level).int().argmax()]
    assert float(crossing) == pytest.approx(0.25, abs=0.008)


def test_bounds_are_known_when_both_are(slab):
    assert Intersection(Ball("distance"), slab).lipschitz is None
    corner = torch.rand(200, 3) * 2 - 1
    assert Intersection(Ball("distance"), slab).bounds(corner, corner + 0.1) is None
    both = Intersection(Ball("occupancy", lipschitz=10.0), slab)
    low, high = both.bounds(corner, corner + 0.1)
    for fraction in (0.0, 0.3, 0.7, 1.0):
        value = both(corner + fraction * 0.1)
        assert bool(((low <= value + 1e-4) & (value <= high + 1e-4)).all())
