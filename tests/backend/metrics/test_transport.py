"""The earth mover's distance: all permutations, shifted clouds, one dimension."""

from itertools import permutations

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.metrics import earth_mover, matched_distance


def test_it_is_the_best_of_all_permutations():
    rng = np.random.default_rng(5)
    first, second = rng.normal(size=(7, 3)), rng.normal(size=(7, 3))
    best = min(
        np.linalg.norm(first - second[list(order)], axis=1).mean()
        for order in permutations(range(7))
    )
    assert earth_mover(first, second) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("count", [10, 500, 2048])
def test_a_shifted_cloud_is_the_shift_away(count):
    """Moving every point by one vector is an optimal plan, whatever the order of the points."""
    rng = np.random.default_rng(count)
    cloud, shift = rng.normal(size=(count, 3)), np.array([0.3, -0.2, 0.6])
    moved = rng.permutation(cloud + shift)
    assert earth_mover(cloud, moved) == pytest.approx(0.7, abs=1e-9)
    assert matched_distance(cloud, moved).sum() >= 0.7 * count - 1e-6


def test_on_a_line_it_matches_sorted_values():
    rng = np.random.default_rng(1)
    first, second = np.zeros((300, 3)), np.zeros((300, 3))
    first[:, 0], second[:, 0] = rng.random(300), rng.random(300) ** 2
    expected = np.abs(np.sort(first[:, 0]) - np.sort(second[:, 0])).mean()
    assert earth_mover(first, second) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("sizes", [(3, 4), (0, 0), (2049, 2049)])
def test_other_sizes_are_refused(sizes):
    with pytest.raises(RequestError, match="two clouds of 1 to 2048"):
        earth_mover(np.zeros((sizes[0], 3)), np.zeros((sizes[1], 3)))
