"""The squared Chamfer distance against all pairs."""

import torch
from levelform.backend.geometry.chamfer import nearest, squared_chamfer


def clouds():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(200, 3, generator=generator), torch.rand(150, 3, generator=generator)


def test_it_is_the_mean_over_nearest_pairs_in_both_directions():
    points, others = clouds()
    pairs = torch.cdist(points, others).square()
    expected = pairs.amin(1).mean() + pairs.amin(0).mean()
    torch.testing.assert_close(squared_chamfer(points, others), expected)
    assert torch.equal(nearest(points, others), pairs.argmin(1))


def test_its_gradient_pulls_each_point_to_its_nearest():
    points, others = clouds()
    points.requires_grad_(True)
    squared_chamfer(points, others).backward()
    apart = points.detach()[:, None] - others
    to_nearest = apart[torch.arange(200), nearest(points.detach(), others)]
    from_others = torch.zeros(200, 3).index_add_(
        0,
        nearest(others, points.detach()),
        -(others - points.detach()[nearest(others, points.detach())]),
    )
    torch.testing.assert_close(points.grad, 2 * to_nearest / 200 + 2 * from_others / 150)
