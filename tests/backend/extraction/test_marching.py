"""Meshes: closed 2-manifolds, the same as PyMCubes' in number, the right way out."""

import mcubes
import numpy as np
import pytest
import torch
from levelform.backend.extraction import extract
from levelform.backend.fields import Field
from setups.analytic import Boxes, Gyroid, Rods, Sphere, Torus

EULER = {
    "sphere": (Sphere(0.7), 2),
    "torus": (Torus(0.6, 0.2), 0),
    "two balls": (Rods([[-0.5, 0, 0], [0.5, 0, 0]], [[-0.4, 0, 0], [0.6, 0, 0]], 0.2), 4),
    "block on nodes": (Boxes([[-0.5, -0.25, -0.5]], [[0.5, 0.25, 0.75]]), 2),
    "corner of the box": (Sphere(0.9, (1.0, 1.0, 1.0)), 2),
    "gyroid": (Gyroid(1.5), None),
}


class Noise(Field):
    """Another sign at every node, at random: all 256 cases at once."""

    kind = "occupancy"

    def __call__(self, points):
        return torch.frac((points * torch.tensor([91.7, 37.3, 61.1])).sum(1).sin() * 43758.5) - 0.02


@pytest.mark.parametrize("n", [32, 64, 128])
@pytest.mark.parametrize("name", EULER)
def test_closed_manifold_at_every_resolution(name, n, assert_closed_manifold):
    if n == 128 and name == "gyroid":
        pytest.skip("the same as at 64, and slow to check")
    field, euler = EULER[name]
    assert_closed_manifold(extract(field, n, normals=False), euler=euler)


def test_noise_is_closed_and_as_pymcubes_counts_it(dense, assert_closed_manifold):
    mesh = extract(Noise(), 32, normals=False)
    assert_closed_manifold(mesh)
    vertices, faces = mcubes.marching_cubes(dense(Noise(), 32), 0.0)
    assert len(mesh.vertices) == len(vertices)
    assert len(mesh.faces) == len(faces)


@pytest.mark.parametrize("name", EULER)
def test_counts_are_pymcubes_counts(name, dense):
    field, _ = EULER[name]
    mesh = extract(field, 64, normals=False)
    vertices, faces = mcubes.marching_cubes(dense(field, 64), 0.0)
    assert (len(mesh.vertices), len(mesh.faces)) == (len(vertices), len(faces))


def test_uncapped_mesh_is_pymcubes_vertices_and_ends_at_the_box(dense):
    field = Sphere(1.2)
    mesh = extract(field, 64, normals=False, cap=False)
    vertices, faces = mcubes.marching_cubes(dense(field, 64, cap=False), 0.0)
    assert (len(mesh.vertices), len(mesh.faces)) == (len(vertices), len(faces))
    assert np.array_equal(np.unique(mesh.faces), np.arange(len(mesh.vertices)))
    edges = np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, uses = np.unique(edges, axis=0, return_counts=True)
    assert set(uses) == {1, 2}
    rim = mesh.vertices[edges[uses == 1].ravel()]
    assert np.allclose(np.abs(rim).max(axis=1), 1.0, atol=1e-6)


def volume(mesh) -> float:
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def test_volumes_are_right_and_positive():
    assert volume(extract(Sphere(0.7), 128)) == pytest.approx(4 / 3 * np.pi * 0.7**3, rel=4e-4)
    assert volume(extract(Torus(0.6, 0.2), 128)) == pytest.approx(
        2 * np.pi**2 * 0.6 * 0.04, rel=2e-3
    )


def test_cap_is_flat_at_the_box_on_every_side(assert_closed_manifold):
    box = ((-0.5, -0.2, -0.11), (0.5, 0.23, 0.17))
    mesh = extract(Slab(), 64, box=box)
    assert_closed_manifold(mesh)
    for axis in range(3):
        assert mesh.vertices[:, axis].min() == pytest.approx(box[0][axis], abs=1e-4)
        assert mesh.vertices[:, axis].max() == pytest.approx(box[1][axis], abs=1e-4)


class Slab(Field):
    """All but a small ball in the middle is solid."""

    def __call__(self, points):
        return 0.05 - points.norm(dim=1)


@pytest.mark.parametrize("scale", [3e38, 1e-38, 1e-45])
def test_finite_for_any_finite_field(scale, assert_closed_manifold):
    class Extreme(Field):
        kind = "occupancy"

        def __call__(self, points):
            return torch.where(points.norm(dim=1) <= 0.7, -scale, scale).to(torch.float32)

    assert_closed_manifold(extract(Extreme(), 32), euler=2)


def test_nodes_on_the_level_give_no_degenerate_triangle(assert_closed_manifold):
    class Steps(Field):
        """Zero on whole regions."""

        kind = "occupancy"

        def __call__(self, points):
            return (points.abs().amax(dim=1) * 8).round() - 4

    assert_closed_manifold(extract(Steps(), 64), euler=2)
