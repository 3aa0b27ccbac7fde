"""Several fields as one."""

import pytest
import torch
from levelform.backend.fields import Field
from levelform.backend.fields.fused import FusedFields
from setups.analytic import Sphere

POINTS = torch.rand(2000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1


class Painted(Sphere):
    """A sphere of one colour."""

    def color(self, points):
        return torch.full((len(points), 4), self.radius)


def test_the_intersection_is_inside_all_of_them():
    fields = [Sphere(0.6), Sphere(0.8, center=(0.3, 0.0, 0.0))]
    inside = torch.stack([field(POINTS) < 0 for field in fields])
    fused = FusedFields(fields, "intersection")
    assert ((fused(POINTS) < 0) == inside.all(0)).all()
    assert inside.all(0).any()
    lower, upper = POINTS - 0.05, POINTS + 0.05
    low, high = fused.bounds(lower, upper)
    assert (low <= fused(POINTS)).all()
    assert (fused(POINTS) <= high).all()


def test_the_mean_of_one_field_is_that_field():
    field = Painted(0.7)
    for rule in ("mean", "intersection"):
        fused = FusedFields([field] * 3, rule)
        torch.testing.assert_close(fused(POINTS), field(POINTS))
        torch.testing.assert_close(fused.color(POINTS), field.color(POINTS))
        torch.testing.assert_close(fused.gradient(POINTS), field.gradient(POINTS))


def test_the_probability_is_the_mean_of_the_probabilities():
    fields = [Sphere(0.6), Sphere(0.9, center=(0.4, 0.0, 0.0))]
    for field in fields:
        field.kind = "occupancy"
    chances = torch.stack([torch.sigmoid(-field(POINTS).double()) for field in fields])
    fused = FusedFields(fields, "probability")
    torch.testing.assert_close(
        fused(POINTS).double(), -torch.logit(chances.mean(0)), atol=1e-5, rtol=1e-4
    )
    lower, upper = POINTS - 0.05, POINTS + 0.05
    low, high = fused.bounds(lower, upper)
    assert (low <= fused(POINTS)).all()
    assert (fused(POINTS) <= high).all()


def test_without_a_colour_of_each_there_is_none():
    assert FusedFields([Painted(0.5), Sphere(0.5)], "mean").color(POINTS) is None


@pytest.mark.parametrize("known", [True, False])
def test_a_bound_is_known_if_it_is_of_each(known):
    class Any(Field):
        lipschitz = 2.0 if known else None

        def __call__(self, points):
            return points[:, 0]

    assert FusedFields([Sphere(0.5), Any()], "mean").lipschitz == (2.0 if known else None)
