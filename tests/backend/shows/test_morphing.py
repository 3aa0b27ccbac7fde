"""Morphs on one topology where it is honest, a mesh each where it is not."""

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.extraction import extract
from levelform.backend.shows.morphing import check_factors, morphed, project
from setups.analytic import Sphere


class Spheres:
    """Between two spheres: radii from 0.4 to 0.6; from `split` on there are two of them."""

    def __init__(self, split=2.0):
        self.split = split

    def field(self, factor):
        one = Sphere(0.4 + 0.2 * factor)
        if factor < self.split:
            return one, 0.0
        return Sphere(0.3, center=(0.6, 0.0, 0.0)), 0.0


def test_vertices_land_on_the_surface():
    points = torch.nn.functional.normalize(torch.randn(50, 3), dim=1) * 0.5
    moved = project(Sphere(0.62), points, 0.0)
    torch.testing.assert_close(moved.norm(dim=1), torch.full((50,), 0.62), atol=1e-4, rtol=0)


def test_a_growing_sphere_keeps_its_topology():
    made = morphed(Spheres(), [0.0, 0.5, 1.0], resolution=32)
    assert made.one_topology
    assert made.off < 1e-3
    assert made.flipped == 0.0
    for exhibit, radius in zip(made.exhibits, (0.4, 0.5, 0.6), strict=True):
        np.testing.assert_allclose(np.linalg.norm(exhibit.vertices, axis=1), radius, atol=2e-3)
        assert np.array_equal(exhibit.faces, made.exhibits[0].faces)
    assert [exhibit.step for exhibit in made.exhibits] == [0, 1, 2]


def test_a_jump_gets_a_mesh_each_unless_one_topology_is_asked_for():
    made = morphed(Spheres(split=0.9), [0.0, 0.5, 1.0], resolution=32)
    assert not made.one_topology
    assert len(made.exhibits[2].faces) != len(made.exhibits[0].faces)
    forced = morphed(Spheres(split=0.9), [0.0, 0.5, 1.0], resolution=32, way="vertices")
    assert forced.one_topology
    assert forced.off > 0.05


def test_meshes_are_those_of_the_fields():
    made = morphed(Spheres(), [1.0], resolution=32, way="meshes")
    mesh = extract(Sphere(0.6), 32, color=False)
    np.testing.assert_array_equal(made.exhibits[0].vertices, mesh.vertices)


@pytest.mark.parametrize(("factors", "word"), [([], "No factor"), ([0, -0.3], "-0.3 is outside")])
def test_factors_far_beyond_both_objects_are_refused(factors, word):
    with pytest.raises(RequestError, match=word):
        check_factors(factors)
