"""The papers' distributions: counts, bands and boxes as the papers have them."""

import numpy as np
import pytest
import trimesh
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.meshes import DISTRIBUTIONS, Solid, sample_points
from levelform.backend.geometry.frames import apply, from_box, from_sphere, similarity
from levelform.backend.geometry.meshes import Mesh


@pytest.fixture(scope="module")
def solid():
    """A torus of metres, off centre, so that no frame is the file's own."""
    mesh = trimesh.creation.torus(3.0, 1.0, major_sections=64, minor_sections=32)
    vertices = np.asarray(mesh.vertices, np.float32) + np.float32([5, -2, 1])
    return Solid(Mesh(vertices, np.asarray(mesh.faces, np.int32)))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_labels_are_signed_distances_in_the_solids_own_unit(solid, name):
    drawn = sample_points(solid, name, count=500, seed=1)
    assert drawn.points.shape == (500, 3)
    expected = solid.signed_distance(drawn.points)
    how = DISTRIBUTIONS[name]
    if how.iso:
        radius = 4.0  # the unit sphere's, within its sampling
        expected = expected - how.iso * radius
    np.testing.assert_allclose(drawn.distance, expected, atol=2e-4)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_same_seed_draws_the_same_bytes(solid, name):
    first, second = (sample_points(solid, name, count=200, seed=5) for _ in range(2))
    assert first.points.tobytes() == second.points.tobytes()
    assert first.distance.tobytes() == second.distance.tobytes()
    other = sample_points(solid, name, count=200, seed=6)
    assert first.points.tobytes() != other.points.tobytes()


def test_disn_draws_a_quarter_from_each_band_of_its_grid(solid):
    drawn = sample_points(solid, "disn", count=4_000, seed=2)
    matrix = from_sphere(solid.surface(16_384, np.random.default_rng(2)).points)
    points = apply(matrix, drawn.points.astype(np.float64))
    values = drawn.distance * matrix[0, 0]
    for low, high in ((-0.1, -0.03), (-0.03, 0.0), (0.0, 0.03), (0.03, 0.1)):
        fraction = ((values >= low - 1e-5) & (values < high + 1e-5)).mean()
        assert fraction == pytest.approx(0.25, abs=0.005)
    index = (points + 1.2) / (2.4 / 256)
    np.testing.assert_allclose(index, np.round(index), atol=1e-3)


def test_disn_bands_that_are_empty_roll_over():
    """A ball of DISN's radius 1 has all bands; a thin plate has no inside deeper than 0.03."""
    mesh = trimesh.creation.box((2.0, 2.0, 0.04))
    plate = Solid(Mesh(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32)))
    drawn = sample_points(plate, "disn", count=1_000, seed=0)
    assert len(drawn.points) == 1_000
    assert (drawn.distance < 0).mean() == pytest.approx(0.5, abs=0.01)


def test_occupancy_points_fill_the_padded_box_evenly(solid):
    drawn = sample_points(solid, "occupancy-network", count=50_000, seed=3)
    points = apply(from_box(solid.vertices, 1.0), drawn.points.astype(np.float64))
    assert np.abs(points).max() <= 0.55 + 1e-5
    np.testing.assert_allclose(points.mean(0), 0, atol=3 * 1.1 / np.sqrt(12 * 50_000))
    np.testing.assert_allclose(points.std(0), 1.1 / np.sqrt(12), rtol=0.01)


def test_tdgn_is_half_uniform_and_half_beside_the_surface(solid):
    drawn = sample_points(solid, "tdgn", count=20_000, seed=4)
    near = np.abs(drawn.distance[10_000:]) / 8.0  # in units of the longest side
    fine, coarse = near[:5_000], near[5_000:]
    expected = np.sqrt(2 / np.pi)  # mean of |N(0, 1)|, for a flat surface
    assert fine.mean() == pytest.approx(0.0025 * expected, rel=0.05)
    assert coarse.mean() == pytest.approx(0.025 * expected, rel=0.1)


def test_deep_meta_is_clipped_and_one_in_eleven_is_uniform(solid):
    drawn = sample_points(solid, "deep-meta-functionals", count=11_000, seed=5)
    points = apply(from_box(solid.vertices, 64 / 35), drawn.points.astype(np.float64))
    assert np.abs(points).max() <= 1 + 1e-5
    uniform = points[10_000:]
    np.testing.assert_allclose(uniform.std(0), 2 / np.sqrt(12), rtol=0.06)


def test_uclid_nets_points_are_on_the_surface(solid):
    drawn = sample_points(solid, "uclid-net", count=1_000, seed=6)
    np.testing.assert_allclose(solid.distance(drawn.points), 0, atol=1e-5)


def test_points_come_back_in_the_frame_that_was_given(solid):
    matrix = similarity(scale=0.1, offset=np.array([1.0, 1.0, 1.0]))
    here = sample_points(solid, "near", count=300, seed=7)
    there = sample_points(solid.in_frame(matrix), "near", count=300, seed=7)
    np.testing.assert_allclose(there.points, apply(matrix, here.points), atol=1e-4)
    np.testing.assert_allclose(there.distance, 0.1 * here.distance, atol=1e-4)


def test_an_unknown_distribution_names_those_that_are_known(solid):
    with pytest.raises(RequestError, match="occupancy-network"):
        sample_points(solid, "gaussian")


def test_the_3d_cnns_grid_is_drawn_without_repeats(solid):
    drawn = sample_points(solid, "disn-grid", count=3000, seed=0, labels=False).points
    matrix = from_box(solid.vertices, 1.8)
    index = (apply(matrix, drawn.astype(np.float64)) + 1) * 32
    np.testing.assert_allclose(index, np.round(index), atol=1e-3)
    assert len(np.unique(np.round(index), axis=0)) == 3000
    with pytest.raises(RequestError, match="274625 vertices"):
        sample_points(solid, "disn-grid", count=65**3 + 1, labels=False)
