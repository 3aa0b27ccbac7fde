"""Outlines: positions to a fraction of a pixel, open sides, specks, flips."""

import numpy as np
import torch
from levelform.backend.silhouettes.outlines import open_sides, trace


def disk(size=200, center=(90.0, 110.0), radius=50.0, samples=4):
    """Return the coverage of a disk, (size, size)."""
    steps = (np.arange(size * samples) + 0.5) / samples
    x, y = np.meshgrid(steps, steps)
    inside = np.hypot(x - center[0], y - center[1]) < radius
    return inside.reshape(size, samples, size, samples).mean((1, 3)).astype(np.float32)


def test_contour_points_lie_on_the_edge_equally_spread():
    outline = trace(disk())
    points = outline.points.numpy() * 200 - (90.0, 110.0)
    assert np.abs(np.hypot(*points.T) - 50.0).max() < 0.25
    angles = np.sort(np.arctan2(points[:, 1], points[:, 0]))
    assert np.diff(angles).max() < 4 * 2 * np.pi / len(points)


def test_distances_are_pixels_of_224_positive_inside():
    outline = trace(disk())
    rows, columns = outline.distances.shape
    k = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1)
    place = (k * outline.step + outline.origin) * 200 - (90.0, 110.0)
    ground_truth = (50.0 - np.linalg.norm(place, axis=-1)) * 224 / 200
    assert (
        np.abs(outline.distances.numpy() - ground_truth).max() < 2.5
    )  # lower bounds far from the edge
    near = np.abs(ground_truth) < 2
    assert np.abs(outline.distances.numpy() - ground_truth)[near].max() < 0.3


def test_every_contour_has_points_but_those_of_specks():
    alpha = np.maximum(disk(radius=50), disk(center=(170.0, 30.0), radius=12))
    alpha -= disk(radius=20)
    alpha[3:5, 3:5] = 1.0
    points = trace(alpha).points.numpy() * 200
    outer = np.hypot(*(points - (90.0, 110.0)).T)
    assert (np.abs(outer - 50) < 1).sum() > 10
    assert (np.abs(outer - 20) < 1).sum() > 5
    assert (np.abs(np.hypot(*(points - (170.0, 30.0)).T) - 12) < 1).sum() > 3
    assert points.min() > 10


def test_sides_that_the_silhouette_meets_are_open_and_make_no_contour():
    outline = trace(disk(center=(30.0, 110.0)))
    assert outline.open == (True, False, False, False)
    assert outline.points[:, 0].min() * 200 > 1.0
    assert outline.rectangle[0] == 0.0
    assert open_sides(np.zeros((9, 9), bool)) == (False,) * 4


def test_without_a_contour_there_is_no_outline():
    assert trace(np.zeros((50, 60), np.float32)) is None
    assert trace(np.ones((50, 60), np.float32)) is None


def test_flipping_an_outline_is_flipping_its_image():
    alpha = disk(center=(40.0, 120.0), radius=55)
    for axes in ((0,), (1,), (0, 1)):
        flipped = trace(alpha).flipped(axes)
        again = trace(torch.from_numpy(alpha).flip(axes))
        torch.testing.assert_close(flipped.distances, again.distances, atol=1e-4, rtol=0)
        np.testing.assert_allclose(flipped.origin, again.origin, atol=1e-9)
        np.testing.assert_allclose(flipped.rectangle, again.rectangle, atol=1e-9)
        assert flipped.open == again.open
