"""Grids: pooling, shells, silhouettes and IoU, on cases worked by hand."""

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.metrics import iou, pool, shell_iou, silhouette_iou


def test_iou_of_overlapping_boxes_is_the_ratio_of_volumes():
    first, second = np.zeros((10, 10, 10), bool), np.zeros((10, 10, 10), bool)
    first[:6], second[4:] = True, True
    assert iou(first, second) == pytest.approx(2 / 10)
    assert iou(first, first) == 1.0
    assert iou(~first & first, ~second & second) == 1.0


def test_iou_of_sampled_spheres_is_the_closed_form():
    """Concentric balls of radius 0.5 and 0.4: (0.4 / 0.5)^3, within three standard errors."""
    points = np.random.default_rng(0).uniform(-0.55, 0.55, (100_000, 3))
    radius = np.linalg.norm(points, axis=1)
    expected, inside = 0.8**3, (radius < 0.5).sum()
    error = 3 * np.sqrt(expected * (1 - expected) / inside)
    assert iou(radius < 0.4, radius < 0.5) == pytest.approx(expected, abs=error)


def test_labels_of_other_shapes_are_refused():
    with pytest.raises(RequestError, match="one shape"):
        iou(np.zeros(3), np.zeros(4))


def test_pooling_fills_by_any_or_by_half():
    grid = np.zeros((4, 4, 4), bool)
    grid[0, 0, 0] = True  # one of eight
    grid[2:4, 2:4, 2] = True  # four of eight
    by_any, by_half = pool(grid, 2, "max"), pool(grid, 2, "mean")
    assert by_any.sum() == 2
    assert by_any[0, 0, 0]
    assert by_half.sum() == 1
    assert by_half[1, 1, 1]
    with pytest.raises(RequestError, match="can't be pooled"):
        pool(grid, 3)


def test_pooling_256_gives_the_grid_of_32_for_boxes_on_its_lines():
    coarse = np.random.default_rng(2).random((32, 32, 32)) > 0.5
    fine = coarse.repeat(8, 0).repeat(8, 1).repeat(8, 2)
    for how in ("max", "mean"):
        np.testing.assert_array_equal(pool(fine, 8, how), coarse)


def test_shell_iou_counts_cells_of_a_twenty_fifth():
    """Cells are 0.04 wide: floor((50 + 50 p) / 2)."""
    first = np.array([[0.001, 0.001, 0.001], [0.5, 0.5, 0.5]])
    second = np.array([[0.039, 0.039, 0.039], [0.041, 0.001, 0.001]])
    assert shell_iou(first, second) == pytest.approx(1 / 3)
    assert shell_iou(first, np.vstack([first, [[1.0, 0, 0]]])) == 1.0  # +1 is outside


def test_silhouettes_are_cut_at_half():
    first = np.array([[0.2, 0.5], [1.0, 0.0]])
    assert silhouette_iou(first, np.array([[0.0, 1.0], [0.0, 0.0]])) == 0.5
