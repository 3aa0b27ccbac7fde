"""A field and its mirror image."""

import torch
from levelform.backend.fields.mirrored import MirroredField
from setups.analytic import Sphere

POINTS = torch.rand(2000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
OTHER_SIDE = torch.tensor([-1.0, 1.0, 1.0])


class Striped(Sphere):
    """A sphere with a colour that changes along x."""

    def color(self, points):
        return points[:, :1].expand(-1, 4)


def test_both_sides_are_alike():
    field = MirroredField(Sphere(0.5, center=(0.2, 0.1, 0.0)))
    assert (field(POINTS) == field(POINTS * OTHER_SIDE)).all()
    lower, upper = POINTS - 0.05, POINTS + 0.05
    low, high = field.bounds(lower, upper)
    assert (low <= field(POINTS)).all()
    assert (field(POINTS) <= high).all()


def test_a_symmetric_field_stays_as_it_is():
    field = Sphere(0.5, center=(0.0, 0.1, -0.2))
    torch.testing.assert_close(MirroredField(field)(POINTS), field(POINTS))
    torch.testing.assert_close(MirroredField(field).gradient(POINTS), field.gradient(POINTS))


def test_colours_are_mixed():
    assert (MirroredField(Striped(0.5)).color(POINTS) == 0).all()
    assert MirroredField(Sphere(0.5)).color(POINTS) is None
