"""Silhouettes' distances: exact at the edge, bounds far from it, unknown beyond the frame."""

import numpy as np
import pytest
from levelform.backend.fields.silhouettes import (
    EXACT,
    GROWN,
    PADDING,
    contour,
    grown_colors,
    signed_distances,
)

UNIT = (1.0, 1.0)


def inner(distances):
    """Return the part of the map that the image covers."""
    return distances[PADDING:-PADDING, PADDING:-PADDING]


def half_plane(angle, offset, size=64, samples=16):
    """Return the coverage of x cos + y sin < offset, and the true distance of pixel centres."""
    steps = (np.arange(size * samples) + 0.5) / samples
    x, y = np.meshgrid(steps, steps)
    inside = (x * np.cos(angle) + y * np.sin(angle) < offset).astype(np.float32)
    alpha = inside.reshape(size, samples, size, samples).mean((1, 3))
    x, y = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    return alpha, x * np.cos(angle) + y * np.sin(angle) - offset


def slow_distances(alpha, pitch):
    """Return the distance of every pixel to every segment of the contour: the readable twin."""
    padded = np.pad(alpha, PADDING, constant_values=1.0)
    _, starts, ends = contour(padded)
    size = np.array(pitch)
    y, x = np.mgrid[: padded.shape[0], : padded.shape[1]]
    pixels = np.stack([x, y], -1).reshape(-1, 1, 2) * size
    a, b = starts * size, ends * size
    t = ((pixels - a) * (b - a)).sum(-1) / np.maximum(((b - a) ** 2).sum(-1), 1e-20)
    nearest = a + np.clip(t, 0, 1)[..., None] * (b - a)
    distance = np.linalg.norm(pixels - nearest, axis=-1).min(1).reshape(padded.shape)
    return np.where(padded >= 0.5, -distance, distance)


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4, 1.2, np.pi / 2, 2.5, -1.9])
def test_a_straight_edge_is_exact_to_a_fortieth_of_a_pixel(angle):
    center = 32 * (np.cos(angle) + np.sin(angle))
    alpha, ground_truth = half_plane(angle, center + 0.37)
    middle = np.s_[20:44, 20:44]
    near = np.abs(ground_truth[middle]) < EXACT
    error = inner(signed_distances(alpha, UNIT))[middle] - ground_truth[middle]
    assert np.abs(error[near]).max() < 1 / 40


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 4, 2.0])
def test_a_soft_edge_moved_by_a_quarter_pixel_moves_the_distances_by_that(angle):
    center = 32 * (np.cos(angle) + np.sin(angle))
    before = inner(signed_distances(half_plane(angle, center)[0], UNIT))
    after = inner(signed_distances(half_plane(angle, center + 0.25)[0], UNIT))
    near = np.zeros(before.shape, bool)
    near[24:40, 24:40] = np.abs(before[24:40, 24:40]) < EXACT - 0.5
    assert near.sum() > 30
    np.testing.assert_allclose((before - after)[near], 0.25, atol=0.03)


@pytest.mark.parametrize("pitch", [UNIT, (0.5, 0.8)])
def test_agrees_with_the_slow_twin_near_and_bounds_it_far(pitch):
    rng = np.random.default_rng(3)
    alpha = np.kron(rng.random((6, 7)), np.ones((8, 8))).astype(np.float32)
    fast, slow = signed_distances(alpha, pitch), slow_distances(alpha, pitch)
    limit = EXACT * min(pitch)
    near = np.abs(slow) <= limit
    np.testing.assert_allclose(fast[near], slow[near], atol=1e-5)
    short = np.abs(slow) - np.abs(fast)
    assert short.min() > -1e-5
    assert short.max() <= 2 * np.hypot(*pitch)
    assert (np.sign(fast) == np.sign(slow))[np.abs(slow) > 1e-6].all()


def test_everywhere_exact_distances_are_those_of_the_slow_twin():
    alpha, _ = half_plane(0.7, 20.3)
    alpha = np.minimum(alpha, np.roll(alpha[:, ::-1], 9, axis=1))  # a wedge with a sharp end
    pitch = (0.8, 1.3)
    expected = slow_distances(alpha, pitch)
    actual = signed_distances(alpha, pitch, everywhere=True)
    assert np.abs(actual - expected).max() < 0.01 * min(pitch)
    # The bound is short by up to a pixel's diagonal, where the exact distance is not.
    bound = signed_distances(alpha, pitch)
    assert (np.abs(expected) - np.abs(bound)).max() > 0.5 * min(pitch)


@pytest.mark.parametrize("seed", range(5))
def test_samples_are_lipschitz_even_on_noise(seed):
    pitch = (1.0, 1.7)
    alpha = np.random.default_rng(seed).random((40, 50), np.float32)
    distances = signed_distances(alpha, pitch)
    assert np.abs(np.diff(distances, axis=1)).max() <= pitch[0] + 1e-5
    assert np.abs(np.diff(distances, axis=0)).max() <= pitch[1] + 1e-5


def test_pixels_that_are_not_square_give_metric_distances():
    alpha = np.zeros((40, 40), np.float32)
    alpha[:, :20] = 1.0
    across = inner(signed_distances(alpha, (0.25, 4.0)))[20]
    np.testing.assert_allclose(across[19:22], [-0.125, 0.125, 0.375], atol=1e-6)


def test_a_silhouette_at_the_frame_has_no_edge_there():
    alpha = np.zeros((32, 32), np.float32)
    alpha[:, :16] = 1.0  # touches three sides
    distances = signed_distances(alpha, UNIT)
    assert (np.diff(distances[:, PADDING + 14])[8:-8] == 0).all()  # the same from top to bottom
    assert (distances[:, : PADDING + 15] < -0.4).all()
    assert (inner(distances)[:, 17:] > 0).all()


def test_background_ends_at_the_frame():
    alpha = np.zeros((32, 32), np.float32)
    alpha[14:18, 14:18] = 1.0
    row = signed_distances(alpha, UNIT)[PADDING + 5]
    np.testing.assert_allclose(row[: PADDING + 3], [-1.5, -0.5, 0.5, 1.5, 2.5], atol=1e-5)


def test_a_full_image_is_far_inside_everywhere():
    distances = signed_distances(np.ones((10, 20), np.float32), UNIT)
    assert distances.max() < -20


def test_a_saddle_keeps_both_segments():
    alpha = np.zeros((2, 2), np.float32)
    alpha[0, 0] = alpha[1, 1] = 1.0
    for middle, corner in ((1.0, (1.0, 0.0)), (0.6, (0.0, 0.0))):
        image = alpha * middle
        cells, starts, ends = contour(image)
        assert len(cells) == 2
        assert {tuple(cell) for cell in cells} == {(0, 0)}
        ends_of_first = np.concatenate([starts[:1], ends[:1]])
        reach = np.abs(ends_of_first - corner).sum(1)
        assert (reach < 1.0).all()


def test_colours_grow_over_the_edge_and_leave_the_inside():
    alpha = np.zeros((40, 40), np.float32)
    alpha[10:30, 10:30] = 1.0
    alpha[10:30, 30] = 0.4
    rgb = np.zeros((40, 40, 3), np.float32)
    rgb[..., 1] = 1.0  # green all around
    rgb[10:30, 10:30] = (1.0, 0.0, 0.0)
    rgb[10:30, 30] = (0.4, 0.6, 0.0)
    grown = grown_colors(rgb, alpha)
    reach = int(GROWN) - 2  # the outermost opaque pixels have neighbours that are not
    assert (grown[10:30, 10 - reach : 30 + reach] == (1.0, 0.0, 0.0)).all()
    assert (grown[:4] == (0.0, 1.0, 0.0)).all()
    assert (grown_colors(rgb, alpha * 0.9) == rgb).all()
