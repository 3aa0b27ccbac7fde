"""Fields of other methods as the first of a fit."""

import torch
from levelform.backend.fit import starting
from levelform.backend.fit.starting import agreeing

from .conftest import camera_at, hull_of, image, iou, sphere


def test_a_guess_that_is_too_small_and_aside_gets_the_outline_of_its_views():
    views = [image(sphere, camera_at(90.0 * i, 15.0, size=48)) for i in range(2)]
    hull = hull_of(views)

    def guess(points):
        return (points - torch.tensor([0.25, 0.0, 0.0])).norm(dim=1) - 0.5

    better = agreeing(guess, views, hull)
    assert iou(better, sphere) > iou(guess, sphere) + 0.02
    for view in views:
        side = torch.arange(48, dtype=torch.float64) + 0.5
        pixels = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
        origins, directions = (t.float() for t in view.camera.rays(pixels))
        depth = torch.linspace(3.0, 5.5, 160)
        points = origins[:, None] + depth[:, None] * directions[:, None]
        met = (better(points.reshape(-1, 3)).view(-1, 160) < 0).any(1)
        seen = view.image[..., 3].reshape(-1) >= 0.5
        assert (met & seen).sum() / (met | seen).sum() > 0.95


def test_a_guess_that_agrees_stays_inside():
    views = [image(sphere, camera_at(90.0 * i, 15.0, size=48)) for i in range(2)]
    points = torch.rand(500, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    inner = points[sphere(points) < -0.1]
    same = agreeing(sphere, views, hull_of(views))
    assert torch.allclose(
        same(inner), torch.maximum(sphere(inner), hull_of(views)(inner)), atol=0.03
    )


def test_rays_that_need_nothing_are_left_out_without_a_difference(monkeypatch):
    views = [image(sphere, camera_at(90.0 * i, 15.0, size=48)) for i in range(2)]
    hull = hull_of(views)

    def guess(points):
        return (points - torch.tensor([0.25, 0.0, 0.0])).norm(dim=1) - 0.5

    points = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    quick = agreeing(guess, views, hull)(points)

    def none(first, hull, points, ticket):
        return torch.zeros(len(points), dtype=torch.bool), points[:, 0]

    monkeypatch.setattr(starting, "_meets", none)
    slow = agreeing(guess, views, hull)(points)
    assert float((quick - slow).abs().quantile(0.99)) < 1e-6
    assert float(((quick < 0) == (slow < 0)).float().mean()) > 0.9995
