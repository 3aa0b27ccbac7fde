"""What becomes of a decoded field: its level by number of views, and the hull of the views."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from levelform.backend.fields import Field
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors.finishing import finished, hull_of, several_posed
from setups.analytic import Sphere

POINTS = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1


class Logits(Field):
    """Minus a logit that falls by 4 a unit from 2 at the centre: a ball of radius one half."""

    kind = "occupancy"

    def __call__(self, points):
        return 4 * points.norm(dim=1) - 2


def model(**levels):
    known = {int(name.removeprefix("of")): level for name, level in levels.items()}
    return SimpleNamespace(level_shift=0.25, view_levels=known)


def ball_views(count, radius=0.6):
    """Return images of a ball from around it, all at the same height."""
    views = []
    for index in range(count):
        angle = 2 * np.pi * index / count
        forward = np.array([np.cos(angle), np.sin(angle), 0.0])
        pose = np.eye(4)
        pose[:3, :3] = np.stack([np.cross(forward, [0, 0, 1.0]), [0, 0, -1.0], forward], 1)
        pose[:3, 3] = -3 * forward
        camera = Camera(pose, 70.0, 70.0, 32.0, 32.0, 64, 64)
        ticks = torch.arange(64, dtype=torch.float64) + 0.5
        _, directions = camera.rays(torch.stack(torch.meshgrid(ticks, ticks, indexing="xy"), -1))
        cosine = (directions * torch.from_numpy(forward)).sum(-1) / directions.norm(dim=-1)
        alpha = (3 * (1 - cosine**2).sqrt() < radius).float()
        views.append(View(torch.stack([alpha] * 4, -1), camera, f"{index}"))
    return views


def radius_of(field):
    """Return the radius of the ball that has as many of the points as the field."""
    fraction = float((field(POINTS) < 0).double().mean())
    return (fraction * 8 * 3 / 4 / np.pi) ** (1 / 3)


def test_the_level_of_so_many_views_moves_the_surface():
    views = ball_views(4, radius=0.9)
    field = finished(model(of2=0.0, of4=1.0), Logits(), views, hull_of(views, "cpu"))
    assert radius_of(field) == pytest.approx(0.75, abs=0.02)
    assert field.field.threshold_of(0.0) == pytest.approx(1 / (1 + np.exp(1.25)))


def test_the_hull_cuts_what_the_level_lets_grow():
    views = ball_views(8, radius=0.6)
    hull = hull_of(views, "cpu")
    field = finished(model(of8=2.0), Logits(), views, hull)
    inside = field(POINTS) < 0
    assert inside.any()
    assert torch.equal(inside, (hull(POINTS) < 0) & (Logits()(POINTS) < 2.0))


def test_the_level_of_one_view_needs_no_hull_and_no_camera():
    views = [replace(view, camera=None) for view in ball_views(1)]
    field = finished(model(of1=1.0, of2=0.0), Logits(), views, None)
    assert radius_of(field) == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("count", [1, 4])
def test_without_a_hull_or_a_level_of_so_many_views_the_network_keeps_its_own(count):
    views = ball_views(count)
    own = Logits()
    field = finished(model(of2=1.0, of4=1.0), own, views, None)
    assert field is own
    assert own.shift == 0.25


def test_a_field_that_is_within_the_hull_by_itself_has_its_level_without_one():
    own = Logits()
    own.carved = True
    field = finished(model(of4=1.0), own, ball_views(4), None)
    assert radius_of(field) == pytest.approx(0.75, abs=0.02)


def test_views_without_cameras_have_no_level():
    views = [replace(view, camera=None) for view in ball_views(4)]
    assert not several_posed(views)
    own = Logits()
    own.carved = True
    assert finished(model(of4=1.0), own, views, None) is own


def test_distances_take_levels_too():
    views = ball_views(4, radius=0.9)
    field = finished(model(of4=0.1), Sphere(0.5), views, hull_of(views, "cpu"))
    assert radius_of(field) == pytest.approx(0.6, abs=0.02)


def test_unposed_images_may_have_a_level_of_their_own():
    (posed,) = ball_views(1)
    unposed = replace(posed, camera=None)
    both, one = model(of0=1.0, of1=0.4), model(of1=0.4)
    radii = [radius_of(finished(m, Logits(), [v], None)) for m, v in
             ((both, unposed), (both, posed), (one, unposed))]  # fmt: skip
    assert radii == pytest.approx([0.75, 0.6, 0.6], abs=0.02)
    assert isinstance(finished(model(of0=1.0), Logits(), [posed], None), Logits)
