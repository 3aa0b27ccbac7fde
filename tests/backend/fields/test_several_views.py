"""The network of several views: what it may not depend on, what it learns from, and its field."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.fields.intersection import LOGITS_PER_UNIT
from levelform.backend.fields.several_views import (
    OUTER,
    Round,
    SeveralViews,
    SeveralViewsField,
    depth_loss,
)
from levelform.backend.fields.view_silhouettes import Silhouettes, distances_at

from .test_view_silhouettes import ball

WIDTHS, FEATURES, CELLS = (4, 6), 8, 16


@pytest.fixture
def network():
    torch.manual_seed(0)
    return SeveralViews(WIDTHS, FEATURES, channels=5, hidden=8)


def encoded(count):
    """Return random maps and vectors of `count` images."""
    generator = torch.Generator().manual_seed(count)
    sizes = (CELLS, CELLS // 2)
    maps = [
        torch.rand(count, width, size, size, generator=generator)
        for width, size in zip(WIDTHS, sizes, strict=True)
    ]
    return maps, torch.rand(1, count, FEATURES, generator=generator)


def logits(network, points, views, maps, vectors):
    return network(points[None], views, network.surface(maps, views), vectors)[0]


def points_inside(count=300):
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(5)) - 0.5


@torch.no_grad()
def test_a_volume_turned_about_the_vertical_gives_the_same_answer(network):
    views, _, _ = ball(3)
    maps, vectors = encoded(3)
    points = points_inside()
    angle = 0.7
    turn = torch.eye(4)
    turn[:2, :2] = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = replace(views, poses=views.poses @ turn)
    before = logits(network, points, views, maps, vectors)
    after = logits(network, points @ turn[:3, :3], turned, maps, vectors)
    torch.testing.assert_close(before, after, atol=2e-3, rtol=0)


@torch.no_grad()
def test_the_order_of_the_views_does_not_matter(network):
    views, _, _ = ball(4)
    maps, vectors = encoded(4)
    order = torch.tensor([2, 0, 3, 1])
    shuffled = Silhouettes(
        views.distances[:, order], views.poses[:, order], views.intrinsics[:, order],
        views.orthographic[:, order],
    )  # fmt: skip
    torch.testing.assert_close(
        logits(network, points_inside(), views, maps, vectors),
        logits(network, points_inside(), shuffled, [m[order] for m in maps], vectors[:, order]),
        atol=1e-4,
        rtol=0,
    )


def test_depth_lies_within_the_hull_and_its_loss_is_least_at_the_truth(network):
    views, _, _ = ball(4)
    maps, _ = encoded(4)
    surface = network.surface(maps, views)
    valid = surface.interval.valid
    assert valid.any()
    assert (surface.depth >= surface.interval.front)[valid].all()
    assert (surface.depth <= surface.interval.back)[valid].all()
    assert (surface.spread > 0).all()
    true = torch.where(valid, surface.depth.detach(), torch.inf)
    least, error = depth_loss(surface, true)
    more, wrong = depth_loss(surface, true + 0.1)
    assert error == 0
    assert wrong.item() == pytest.approx(0.1, abs=1e-4)
    assert more > least


def test_every_parameter_learns(network):
    views, _, _ = ball(2)
    maps, vectors = encoded(2)
    surface = network.surface(maps, views)
    values = network(points_inside()[None], views, surface, vectors)
    loss, _ = depth_loss(surface, torch.where(surface.interval.valid, 3.0, torch.inf))
    (values.square().sum() + loss).backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_a_field_asks_the_network_within_the_hull_alone(network):
    views, _, _ = ball(4)
    maps, vectors = encoded(4)
    field = SeveralViewsField(network, maps, vectors[0], views)
    points = torch.rand(2000, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    values, hull = field(points), distances_at(points[None], views)[0].amax(0)
    outside = hull >= OUTER
    assert outside.any()
    torch.testing.assert_close(values[outside], hull[outside] * LOGITS_PER_UNIT)
    with torch.no_grad():
        own = -logits(network, points[~outside], views, maps, vectors)
    torch.testing.assert_close(values[~outside], own, atol=1e-4, rtol=1e-4)


def test_a_round_moves_to_a_device_whole():
    views, _, _ = ball(2)
    maps, vectors = encoded(2)
    batch = Round(
        vectors, views.distances, views.poses, views.intrinsics, torch.ones(1, 2, CELLS, CELLS),
        points_inside()[None], torch.ones(1, 300), tuple(level[None] for level in maps),
    )  # fmt: skip
    moved = batch.to("meta")
    assert {t.device.type for t in (*moved[:-1], *moved.maps)} == {"meta"}
    assert torch.equal(batch.views.poses, views.poses)
