"""The projection against hand-computed points, and for cameras of both kinds at once."""

import math

import pytest
import torch
from levelform.backend.geometry.projection import in_camera_axes, project

# Two units in front of the origin, looking along +y of the points' frame, with +z up.
EXTRINSICS = torch.tensor(
    [[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 2], [0, 0, 0, 1]], dtype=torch.float64
)
INTRINSICS = torch.tensor([100.0, 200.0, 30.0, 40.0], dtype=torch.float64)
POINTS = torch.tensor([[0.0, 0, 0], [0.5, 0, 0.25], [0.5, 2, 0.25]], dtype=torch.float64)


def test_points_in_camera_axes():
    expected = [[0, 0, 2], [0.5, -0.25, 2], [0.5, -0.25, 4]]
    assert in_camera_axes(POINTS, EXTRINSICS).tolist() == expected


@pytest.mark.parametrize(
    ("orthographic", "expected"),
    [
        (False, [[30, 40], [55, 15], [42.5, 27.5]]),
        (True, [[30, 40], [80, -10], [80, -10]]),
    ],
)
def test_three_points_by_hand(orthographic, expected):
    pixels, depth = project(POINTS, EXTRINSICS, INTRINSICS, orthographic=orthographic)
    assert pixels.tolist() == expected
    assert depth.tolist() == [2, 2, 4]


def test_cameras_of_both_kinds_at_once():
    both = torch.tensor([False, True])
    pixels, _ = project(
        POINTS, EXTRINSICS.expand(2, 4, 4), INTRINSICS.expand(2, 4), orthographic=both
    )
    for index, flag in enumerate((False, True)):
        alone, _ = project(POINTS, EXTRINSICS, INTRINSICS, orthographic=flag)
        assert torch.equal(pixels[index], alone)


def test_objects_are_seen_by_their_own_cameras():
    points = torch.stack([POINTS, POINTS + 1])  # (B, N, 3)
    pixels, _ = project(points[:, None], EXTRINSICS.expand(2, 3, 4, 4), INTRINSICS.expand(2, 3, 4))
    assert pixels.shape == (2, 3, 3, 2)
    alone, _ = project(points[1], EXTRINSICS, INTRINSICS)
    assert torch.equal(pixels[1, 2], alone)


def test_a_point_at_the_camera_has_finite_pixels():
    pixels, depth = project(torch.tensor([[0.0, -2.0, 0.0]]).double(), EXTRINSICS, INTRINSICS)
    assert all(map(math.isfinite, pixels[0].tolist()))
    assert depth.tolist() == [0]
