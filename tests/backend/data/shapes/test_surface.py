"""The triangles of a shape: on the surface, sharp where parts are sharp, open nowhere."""

import numpy as np
import pytest
import torch
from levelform.backend.data.shapes import categories, sample_shape
from levelform.backend.data.shapes.build import Build
from levelform.backend.data.shapes.parts import Material
from levelform.backend.data.shapes.shape import Shape, normalized
from levelform.backend.data.shapes.surface import clip
from levelform.backend.data.shapes.tessellate import tessellate, triangles_of

LOOK = Material()


def made(program) -> Shape:
    build = Build(np.random.default_rng(0))
    program(build)
    return normalized("made", build.parts, build.bodies)


def bored(build: Build) -> None:
    with build.body():
        build.box((0, 0, 0), (1.8, 1.8, 1.8), LOOK)
        build.cylinder((0, 0, -2), (0, 0, 2), 0.5, LOOK, cut=True)


def test_a_bored_box_has_the_area_of_a_bored_box():
    surface = made(bored).surface
    wanted = 6 * 1.8**2 - 2 * np.pi * 0.25 + 2 * np.pi * 0.5 * 1.8
    assert surface.areas.sum() == pytest.approx(wanted, rel=5e-3)


def test_a_bored_box_keeps_its_sharp_corners_and_rims():
    surface = made(bored).surface
    assert np.abs(surface.vertices).max(0) == pytest.approx([0.9] * 3, abs=1e-6)
    points = surface.vertices[np.abs(np.abs(surface.vertices[:, 2]) - 0.9) < 1e-6]
    assert np.hypot(points[:, 0], points[:, 1]).min() == pytest.approx(0.5, abs=3e-3)


@pytest.mark.parametrize("name", categories())
def test_triangles_that_show_lie_on_the_surface(name):
    shape = sample_shape(name, 2)
    surface = shape.surface
    rng = np.random.default_rng(0)
    face = rng.choice(len(surface.faces), 4000, p=surface.areas / surface.areas.sum())
    weights = rng.dirichlet(np.ones(3), 4000).astype(np.float32)
    points = np.einsum("pk,pkc->pc", weights, surface.vertices[surface.faces[face]])
    values = shape.distance(torch.from_numpy(points)).numpy()
    assert values.max() < 4e-3, "nothing floats outside"
    assert np.mean(np.abs(values) < 4e-3) > 0.3, "and much of it shows"


def test_clip_leaves_what_is_above_zero():
    part = made(lambda b: b.box((0, 0, 0), (1, 1, 1), LOOK)).parts[0]
    kept = clip(tessellate(part), lambda points: points[:, 2] - 0.25)
    assert kept.vertices[:, 2].min() == pytest.approx(0.25, abs=1e-6)
    gone = clip(tessellate(part), lambda points: np.full(len(points), -9.0))
    assert len(gone.faces) == 0


def test_triangles_of_a_polygon_have_its_area():
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    star = np.stack([np.cos(angle), np.sin(angle)], 1) * np.tile([1.0, 0.4], 6)[:, None]
    faces = triangles_of(star)
    u, v = star[faces[:, 1]] - star[faces[:, 0]], star[faces[:, 2]] - star[faces[:, 0]]
    pieces = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2
    following = np.roll(star, -1, axis=0)
    whole = (star[:, 0] * following[:, 1] - star[:, 1] * following[:, 0]).sum() / 2
    assert pieces.min() > 0
    assert pieces.sum() == pytest.approx(whole)
    assert len(faces) == 10
