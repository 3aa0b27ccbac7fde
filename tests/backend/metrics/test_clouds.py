"""Clouds: against brute force, scipy's own distances, and closed forms."""

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.metrics import clouds
from scipy.spatial.distance import cdist


@pytest.fixture
def pair():
    rng = np.random.default_rng(3)
    return rng.normal(size=(311, 3)), rng.normal(size=(257, 3))


def test_nearest_neighbours_are_those_of_all_pairs(pair):
    distances, indices = clouds.nearest(*pair)
    table = cdist(*pair)
    np.testing.assert_allclose(distances, table.min(1), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(indices, table.argmin(1))


def test_chamfer_distances_are_those_of_all_pairs(pair):
    table = cdist(*pair)
    forward, backward = table.min(1), table.min(0)
    assert clouds.chamfer_l1(*pair) == pytest.approx(
        (forward.mean() + backward.mean()) / 2, abs=1e-12
    )
    assert clouds.chamfer_l2(*pair) == pytest.approx(
        (forward**2).mean() + (backward**2).mean(), abs=1e-12
    )
    assert clouds.accuracy_and_coverage(*pair) == pytest.approx(
        (forward.mean(), backward.mean()), abs=1e-12
    )


def test_chamfer_of_a_moved_grid_is_the_move():
    grid = np.stack(np.meshgrid(*[np.arange(4.0)] * 3), -1).reshape(-1, 3)
    moved = grid + np.array([0.1, 0, 0])
    assert clouds.chamfer_l1(grid, moved) == pytest.approx(0.1, abs=1e-12)
    assert clouds.chamfer_l2(grid, moved) == pytest.approx(0.02, abs=1e-12)


def test_chamfer_of_concentric_spheres_is_the_gap():
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(20_000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    inner, outer = 0.5 * directions, 0.6 * directions[::-1]
    # A sampled neighbour is farther than the true gap by at most the sampling distance squared.
    assert clouds.chamfer_l1(inner, outer) == pytest.approx(0.1, abs=2e-3)
    assert clouds.chamfer_l1(inner, outer) >= 0.1 - 1e-9


def test_precision_counts_predictions_and_recall_the_truth():
    prediction = np.array([[0, 0, 0], [5, 0, 0]], float)
    reference = np.array([[0, 0, 0.005], [1, 0, 0], [2, 0, 0], [3, 0, 0]], float)
    assert clouds.precision_recall(prediction, reference, 0.01) == (0.5, 0.25)
    assert clouds.f_score(0.5, 0.25) == pytest.approx(1 / 3, abs=1e-15)
    assert clouds.f_score(0.0, 0.0) == 0.0


def test_normal_consistency_of_turned_normals_is_the_cosine():
    points = np.eye(3)
    normals = np.tile([0.0, 0, 1], (3, 1))
    turned = np.tile([0.0, np.sin(0.3), -np.cos(0.3)], (3, 1))  # flipped as well
    value = clouds.normal_consistency(points, normals, points, turned)
    assert value == pytest.approx(np.cos(0.3), abs=1e-12)


def test_an_empty_cloud_is_refused():
    with pytest.raises(RequestError, match="without points"):
        clouds.nearest(np.zeros((0, 3)), np.zeros((4, 3)))
    with pytest.raises(RequestError, match=r"is \(n, 3\)"):
        clouds.nearest(np.zeros((4, 2)), np.zeros((4, 3)))


def test_a_limit_on_the_search_changes_no_score():
    rng = np.random.default_rng(3)
    first, second = rng.uniform(size=(2, 400, 3))
    for radius in (0.05, 0.1, 0.3):
        whole = tuple(
            float((clouds.nearest(a, b)[0] < radius).mean())
            for a, b in ((first, second), (second, first))
        )
        assert clouds.precision_recall(first, second, radius) == whole
    near, index = clouds.nearest(first, second, within=0.05)
    actual = np.isfinite(near)
    assert 0 < actual.sum() < len(first)
    assert np.array_equal(index[actual], clouds.nearest(first, second)[1][actual])
    assert (index[~actual] == len(second)).all()
