"""Sums of bumps: values against the plain formula, bounds against many points."""

import pytest
import torch
from levelform.backend.fields.rbf import RbfField, rbf_bounds, rbf_sum


@pytest.fixture
def bumps() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    centers = torch.rand((32, 3), generator=generator) * 2 - 1
    return centers, torch.randn(32, generator=generator) * 3


def boxes(count: int, size: float) -> tuple[torch.Tensor, torch.Tensor]:
    lower = torch.rand((count, 3), generator=torch.Generator().manual_seed(1)) * 2 - 1
    return lower, lower + size * torch.rand((count, 3), generator=torch.Generator().manual_seed(2))


def test_values_are_the_formula(bumps):
    centers, weights = bumps
    points = torch.rand(50, 3)
    plain = (weights * torch.exp(-(points[:, None] - centers).square().sum(2) / 0.1)).sum(1)
    assert torch.allclose(rbf_sum(points, centers, weights, scale=0.1), plain, atol=1e-4)
    field = RbfField(centers, weights, scale=0.1, offset=0.5)
    assert torch.allclose(field(points), plain + 0.5, atol=1e-4)


@pytest.mark.parametrize("size", [1e-3, 0.1, 1.0])
def test_bounds_are_sound(bumps, size):
    field = RbfField(*bumps, scale=0.1, offset=-0.3)
    lower, upper = boxes(300, size)
    low, high = field.bounds(lower, upper)
    for seed in range(40):
        fraction = torch.rand((300, 3), generator=torch.Generator().manual_seed(seed))
        values = field(lower + fraction * (upper - lower))
        assert (low - 1e-5 <= values).all()
        assert (values <= high + 1e-5).all()


def test_one_bump_is_bounded_exactly():
    lower, upper = boxes(200, 0.8)
    center, weight = torch.tensor([[0.1, -0.2, 0.3]]), torch.tensor([2.0])
    low, high = rbf_bounds(lower, upper, center, weight, scale=0.2)
    nearest = center.clamp(min=lower, max=upper)
    farthest = torch.where((center - lower).abs() > (center - upper).abs(), lower, upper)
    for bound, place in ((high, nearest), (low, farthest)):
        assert torch.allclose(bound, rbf_sum(place, center, weight, scale=0.2), atol=1e-5)
