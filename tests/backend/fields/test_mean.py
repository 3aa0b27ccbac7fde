"""The mean of two fields."""

import torch
from levelform.backend.fields import Field
from levelform.backend.fields.analytic import Gyroid, Sphere
from levelform.backend.fields.mean import MeanField


def test_values_and_gradients_are_means():
    first, second = Sphere(0.7), Gyroid(1.3)
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    field = MeanField(first, second)
    torch.testing.assert_close(field(points), (first(points) + second(points)) / 2)
    expected = (first.gradient(points) + second.gradient(points)) / 2
    torch.testing.assert_close(field.gradient(points), expected)


def test_a_field_without_gradient_leaves_none():
    class Steps(Field):
        @torch.no_grad()
        def __call__(self, points):
            return points[:, 0].round()

    assert MeanField(Sphere(0.7), Steps()).gradient(torch.rand(3, 3)) is None
