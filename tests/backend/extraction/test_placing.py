"""Where vertices sit, which way they face, their colours."""

import numpy as np
import pytest
import torch
from levelform.backend.extraction import extract
from levelform.backend.fields import Field
from setups.analytic import Boxes, Gyroid, Sphere, Torus


def distance(field: Field, vertices: np.ndarray) -> float:
    points = torch.from_numpy(vertices).double()
    return float((field(points).abs() / field.gradient(points).norm(dim=1)).mean())


@pytest.mark.parametrize(
    "field",
    [
        Sphere(0.7),
        Torus(0.6, 0.2),
        Gyroid(1.5),
        Boxes([[-0.41, -0.52, -0.3]], [[0.33, 0.21, 0.62]]),
    ],
    ids=lambda field: type(field).__name__,
)
def test_the_pull_brings_vertices_20_times_nearer(field):
    pulled = extract(field, 128, normals=False, cap=False)
    linear = extract(field, 128, normals=False, cap=False, dense=True)
    assert distance(field, linear.vertices) >= 20 * distance(field, pulled.vertices)


class Ball(Field):
    """A sphere squeezed in many ways, with its change of sign at 0.7."""

    def __init__(self, shape, differentiable=True):
        self.shape, self.differentiable = shape, differentiable

    def __call__(self, points):
        radius = points.norm(dim=1)
        return self.shape(radius if self.differentiable else radius.detach())


SQUEEZED = {
    "square": lambda r: r**2 - 0.49,
    "tanh": lambda r: torch.tanh(60 * (r - 0.7)),
    "root": lambda r: (r - 0.7).sign() * ((r - 0.7).abs() + 1e-12).sqrt(),
    "steep outside": lambda r: torch.where(r > 0.7, 100 * (r - 0.7), r - 0.7),
    "binary": lambda r: torch.where(r <= 0.7, -1.0, 1.0),
}


@pytest.mark.parametrize("name", SQUEEZED)
def test_the_pull_converges_on_any_shape_of_field(name):
    mesh = extract(Ball(SQUEEZED[name]), 64, normals=False)
    error = np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.7)
    assert error.max() < 0.05 * (2 / 64)


@pytest.mark.parametrize("differentiable", [True, False])
def test_normals_point_outwards_along_the_slope(differentiable):
    mesh = extract(Ball(SQUEEZED["square"], differentiable), 64)
    assert mesh.normals.dtype == np.float32
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)
    outward = mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True)
    assert (mesh.normals * outward).sum(axis=1).min() > 0.9999


def test_where_the_slope_is_nothing_the_triangles_say():
    class Flat(Field):
        """Constant on either side, with an autograd graph that knows of no slope."""

        kind = "occupancy"

        def __call__(self, points):
            inside = points.norm(dim=1) <= 0.7
            return torch.where(inside, -1.0, 1.0) + 0 * points.sum(dim=1)

    mesh = extract(Flat(), 64)
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)
    assert (mesh.normals * mesh.vertices).sum(axis=1).min() > 0.4


def test_normals_of_the_cap_are_the_box_own():
    mesh = extract(Sphere(1.2), 64)
    on_top = mesh.vertices[:, 2] > 0.999
    middle = on_top & (np.abs(mesh.vertices[:, :2]).max(axis=1) < 0.5)
    assert middle.sum() > 100
    assert np.array_equal(mesh.normals[middle], np.tile([0, 0, 1], (middle.sum(), 1)))


def test_colours_are_the_field_colours_at_the_vertices():
    class Painted(Sphere):
        def color(self, points):
            return torch.cat([points * 0.5 + 0.5, torch.ones(len(points), 1)], dim=1)

    mesh = extract(Painted(), 64)
    assert np.allclose(mesh.colors[:, :3], mesh.vertices * 0.5 + 0.5, atol=1e-6)
    assert mesh.colors.shape == (len(mesh.vertices), 4)
    assert extract(Painted(), 32, color=False).colors is None
    assert extract(Sphere(), 32).colors is None
    assert extract(Sphere(), 32, normals=False).normals is None
