"""What every field promises: levels in the user's words, gradients, sound bounds."""

import math

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.fields import Field


class Ball(Field):
    """The signed distance of a ball of radius 0.5."""

    lipschitz = 1.0

    def __call__(self, points):
        return torch.linalg.vector_norm(points, dim=1) - 0.5


class Guess(Ball):
    kind = "occupancy"
    lipschitz = None


def test_a_distance_level_is_the_distance():
    assert Ball().level() == 0.0
    assert Ball().level(0.03) == 0.03


@pytest.mark.parametrize("probability", [0.05, 0.2, 0.5, 0.9])
def test_an_occupancy_level_is_minus_the_logit(probability):
    level = Guess().level(probability)
    assert 1 / (1 + math.exp(level)) == pytest.approx(probability)


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1, 1.2, math.nan, math.inf])
def test_an_occupancy_level_outside_zero_to_one_is_refused(threshold):
    with pytest.raises(RequestError, match="level"):
        Guess().level(threshold)


def test_gradient_is_the_unit_normal_of_a_distance():
    points = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    expected = points / points.norm(dim=1, keepdim=True)
    torch.testing.assert_close(Ball().gradient(points), expected)


def test_gradient_is_none_where_autograd_has_no_way():
    class Stairs(Field):
        def __call__(self, points):
            return points.detach()[:, 0].round()

    assert Stairs().gradient(torch.zeros(2, 3)) is None


def test_lipschitz_bounds_hold_everywhere_in_the_box():
    generator = torch.Generator().manual_seed(1)
    lower = torch.rand(40, 3, generator=generator) * 2 - 1
    upper = lower + torch.rand(40, 3, generator=generator)
    low, high = Ball().bounds(lower, upper)
    for _ in range(50):
        values = Ball()(lower + (upper - lower) * torch.rand(40, 3, generator=generator))
        assert (low <= values + 1e-6).all()
        assert (values <= high + 1e-6).all()


def test_no_bounds_without_a_proven_constant():
    assert Guess().bounds(torch.zeros(1, 3), torch.ones(1, 3)) is None
