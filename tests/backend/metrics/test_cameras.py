"""Camera errors: moves whose result is known."""

from dataclasses import replace

import numpy as np
import pytest
from levelform.backend.geometry.cameras import Camera
from levelform.backend.metrics import camera_distances

POSE = np.eye(4)
POSE[2, 3] = -4.0
CAMERA = Camera(POSE, 200.0, 200.0, 64.0, 64.0, 128, 128)


def test_a_sideways_move_is_its_length_and_its_parallax():
    points = np.array([[0.0, 0.0, 0.0], [0.2, -0.1, 0.0]])  # both at depth 4
    moved = POSE.copy()
    moved[0, 3] = 0.1
    d3d, d2d = camera_distances(replace(CAMERA, world_from_camera=moved), CAMERA, points)
    assert d3d == pytest.approx(0.1, abs=1e-12)
    assert d2d == pytest.approx(200 * 0.1 / 4, abs=1e-9)


def test_projections_are_clamped_to_the_image():
    points = np.array([[50.0, 0.0, 0.0]])  # far off to the right in both
    d3d, d2d = camera_distances(replace(CAMERA, fx=100.0), CAMERA, points)
    assert (d3d, d2d) == (0.0, 0.0)
