"""Bounds of sums of bumps, against many points and against the formula."""

import pytest
import torch
from levelform.backend.fields.rbf import rbf_bounds


@pytest.fixture
def bumps() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    centers = torch.rand((32, 3), generator=generator) * 2 - 1
    return centers, torch.randn(32, generator=generator) * 3


def boxes(count: int, size: float) -> tuple[torch.Tensor, torch.Tensor]:
    lower = torch.rand((count, 3), generator=torch.Generator().manual_seed(1)) * 2 - 1
    return lower, lower + size * torch.rand((count, 3), generator=torch.Generator().manual_seed(2))


def bump_sum(points, centers, weights, scale):
    return (weights * torch.exp(-(points[:, None] - centers).square().sum(2) / scale)).sum(1)


@pytest.mark.parametrize("size", [1e-3, 0.1, 1.0])
def test_bounds_are_sound(bumps, size):
    lower, upper = boxes(300, size)
    low, high = rbf_bounds(lower, upper, *bumps, scale=0.1)
    for seed in range(40):
        fraction = torch.rand((300, 3), generator=torch.Generator().manual_seed(seed))
        values = bump_sum(lower + fraction * (upper - lower), *bumps, 0.1)
        assert (low - 1e-5 <= values).all()
        assert (values <= high + 1e-5).all()


def test_one_bump_is_bounded_exactly():
    lower, upper = boxes(200, 0.8)
    center, weight = torch.tensor([[0.1, -0.2, 0.3]]), torch.tensor([2.0])
    low, high = rbf_bounds(lower, upper, center, weight, scale=0.2)
    nearest = center.clamp(min=lower, max=upper)
    farthest = torch.where((center - lower).abs() > (center - upper).abs(), lower, upper)
    for bound, place in ((high, nearest), (low, farthest)):
        assert torch.allclose(bound, bump_sum(place, center, weight, 0.2), atol=1e-5)
