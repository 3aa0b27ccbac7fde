"""Points drawn from shapes: where they should be, evenly, and the same for the same seed."""

import numpy as np
import pytest
import torch
from levelform.backend.data.shapes import (
    ShapeBatch,
    near_surface_points,
    sample_shape,
    surface_points,
    uniform_points,
)
from levelform.backend.data.shapes.build import Build
from levelform.backend.data.shapes.parts import Material
from levelform.backend.data.shapes.shape import normalized


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def batch() -> ShapeBatch:
    return ShapeBatch([sample_shape(name, 1) for name in ("chair", "cabinet", "lamp", "airplane")])


def test_surface_points_lie_on_the_surface(batch):
    points, normals = surface_points(batch, 2000, generator=seeded())
    assert points.shape == (4, 2000, 3)
    assert float(batch.distance(points).abs().max()) < 5e-4
    torch.testing.assert_close(normals.norm(dim=-1), torch.ones(4, 2000))
    agree = (normals * batch.normal(points)).sum(-1)
    assert float((agree > 0.95).float().mean()) > 0.95  # the rest lies on edges


def test_surface_points_are_even_by_area_and_skip_what_is_hidden():
    build = Build(np.random.default_rng(0))
    build.box((0, 0, 0), (2, 2, 1), Material())
    build.box((0, 0, 0.5), (1, 1, 1), Material())  # half of it sinks into the first
    shape = normalized("steps", build.parts, build.bodies)
    points, _ = surface_points(shape.batch, 20_000, generator=seeded())
    top = float((points[0, :, 2] > shape.extents[2] / 2 - 1e-3).float().mean())
    visible = (
        2 * 4 + 4 * 2 * 1 + 4 * 0.5 * 1
    )  # both large faces less and plus a square, two rows of walls
    assert top == pytest.approx(1 / visible, rel=0.1)


def test_uniform_points_fill_the_cube_and_near_points_stay_near(batch):
    points = uniform_points(batch, 5000, generator=seeded(), half=0.5)
    assert float(points.abs().max()) <= 0.5
    assert float(points.abs().max()) > 0.49
    near = near_surface_points(batch, 2000, generator=seeded(), sigma=0.02)
    assert float(batch.distance(near).abs().max()) < 0.02 * 6
    assert float(batch.distance(near).std()) > 0.005


def test_the_same_seed_draws_the_same_points(batch):
    for draw in (surface_points, near_surface_points, uniform_points):
        first, second = (draw(batch, 300, generator=seeded(3)) for _ in range(2))
        first, second = (x[0] if isinstance(x, tuple) else x for x in (first, second))
        assert first.numpy().tobytes() == second.numpy().tobytes()
