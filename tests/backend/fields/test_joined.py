"""Two fields as one: means, who decides alone, gradients."""

import pytest
import torch
from levelform.backend.fields import Field
from levelform.backend.fields.joined import CERTAIN, JoinedField


class Ball(Field):
    """Minus the logits of a ball: ten to the unit."""

    kind = "occupancy"

    def __init__(self, radius):
        self.radius, self.asked = radius, 0

    def __call__(self, points):
        self.asked += len(points)
        return 10 * (points.norm(dim=1) - self.radius)


POINTS = torch.rand(3000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_logits_are_averaged_unless_the_leading_field_is_certain():
    leading, other = Ball(0.5), Ball(0.9)
    field = JoinedField(leading, other, 0.25)
    values, own = field(POINTS), leading(POINTS)
    certain = own >= CERTAIN
    assert certain.any()
    assert other.asked == int((~certain).sum())
    assert torch.equal(values[certain], own[certain])
    expected = 0.75 * own + 0.25 * Ball(0.9)(POINTS)
    torch.testing.assert_close(values[~certain], expected[~certain])


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_the_surface_moves_from_one_to_the_other(weight):
    inside = JoinedField(Ball(0.5), Ball(0.7), weight)(POINTS) < 0
    assert torch.equal(inside, POINTS.norm(dim=1) < 0.5 + 0.2 * weight)


def test_gradients_are_the_means():
    points = POINTS[POINTS.norm(dim=1) < 1][:50]
    gradient = JoinedField(Ball(0.5), Ball(0.7), 0.3).gradient(points)
    torch.testing.assert_close(gradient, 10 * points / points.norm(dim=1, keepdim=True))


def test_far_from_the_object_the_other_field_is_not_asked():
    other = Ball(0.9)
    JoinedField(Ball(-2.0), other, 0.5)(POINTS)
    assert other.asked == 0
