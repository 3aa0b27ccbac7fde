import pytest
import torch
from levelform.backend.fields.field import Field
from levelform.backend.fields.levelled import LevelledField, interpolated
from setups.analytic import Sphere


class Logits(Field):
    """Minus a logit that falls from 2 at the centre by 4 a unit."""

    kind = "occupancy"
    shift = 0.5

    def __call__(self, points):
        return 4 * points.norm(dim=1) - 2


POINTS = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_the_surface_is_where_the_field_had_the_level():
    field = LevelledField(Logits(), 1.0)
    radius = POINTS.norm(dim=1)
    assert torch.equal(field(POINTS) < 0, radius < 0.75)


def test_a_probability_means_what_it_meant_before():
    field, own = LevelledField(Logits(), 1.0), Logits()
    for probability in (0.1, 0.5, 0.8):
        inside = field(POINTS) < field.level(probability)
        assert torch.equal(inside, own(POINTS) < own.level(probability))
        assert field.threshold_of(field.level(probability)) == pytest.approx(probability)


def test_bounds_and_gradients_follow():
    sphere = Sphere(0.5)
    field = LevelledField(sphere, 0.1)
    lower, upper = POINTS - 0.1, POINTS + 0.1
    low, high = field.bounds(lower, upper)
    assert (low <= field(POINTS)).all()
    assert (field(POINTS) <= high).all()
    assert torch.allclose(field.gradient(POINTS), sphere.gradient(POINTS))


def test_levels_between_known_numbers_of_views():
    known = {2: 1.0, 4: 2.0, 8: 4.0}
    assert interpolated(known, 2) == 1.0
    assert interpolated(known, 8) == 4.0
    assert 1.0 < interpolated(known, 3) < 2.0
    assert interpolated(known, 3) == pytest.approx(1 + 0.5849625)  # log2(3) - 1
    assert interpolated(known, 1) == 1.0
    assert interpolated(known, 50) == 4.0
    assert interpolated({}, 4) == 0.0
