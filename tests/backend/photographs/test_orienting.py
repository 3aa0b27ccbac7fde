"""Up, ground and focus of cameras whose world is known."""

import numpy as np
import pytest
from levelform.backend.contract.cameras import FLIP_YZ
from levelform.backend.contract.drawings import ring
from levelform.backend.photographs.boxes import find_box, object_points
from levelform.backend.photographs.orienting import find_ground, focus, upright_from, vertical

TURN = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
TURN *= np.sign(np.linalg.det(TURN))


def rotations(count=9, roll=0.0):
    """Return camera_from_world of a ring in a turned world; x right, y down."""
    rng = np.random.default_rng(0)
    result = []
    for camera in ring(count, elevation=20.0):
        angle = np.radians(roll * rng.uniform(-1, 1))
        c, s = np.cos(angle), np.sin(angle)
        axes = camera.transform_matrix[:3, :3] * FLIP_YZ[:3]
        result.append((TURN @ axes @ [[c, -s, 0], [s, c, 0], [0, 0, 1]]).T)
    return np.array(result)


def test_up_is_found_in_any_world():
    up = vertical(rotations(), [1] * 9)
    np.testing.assert_allclose(up, TURN[:, 2], atol=1e-9)
    rolled = vertical(rotations(24, roll=3.0), [1] * 24)
    assert np.degrees(np.arccos(rolled @ TURN[:, 2])) < 1.5


def test_up_follows_orientation_tags():
    quarter = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    turned = np.array([quarter @ rotation for rotation in rotations()])
    np.testing.assert_allclose(vertical(turned, [6] * 9), TURN[:, 2], atol=1e-9)
    np.testing.assert_allclose(vertical(turned, [8] * 9), -TURN[:, 2], atol=1e-9)


def test_the_focus_is_where_the_axes_meet():
    cameras = ring(7, center=(1.0, 2.0, 3.0))
    centers = np.array([c.transform_matrix[:3, 3] for c in cameras])
    forward = np.array([-c.transform_matrix[:3, 2] for c in cameras])
    np.testing.assert_allclose(focus(centers, forward), (1, 2, 3), atol=1e-9)


def scene(plane=600, on_object=900, seed=0):
    rng = np.random.default_rng(seed)
    floor = np.c_[rng.uniform(-1, 1, (plane, 2)), 0.002 * rng.normal(size=plane)]
    body = rng.uniform((-0.3, -0.2, 0.0), (0.3, 0.2, 0.8), (on_object, 3))
    return np.concatenate([floor, body])


def test_the_ground_is_below_the_object():
    tilted = np.array([0.1, 0.0, 1.0]) / np.linalg.norm([0.1, 0.0, 1.0])
    ground = find_ground(scene(), np.array([0, 0, 0.4]), 2.0, tilted)
    assert ground is not None
    assert np.degrees(np.arccos(ground.normal[2])) < 0.2
    assert ground.height == pytest.approx(0.0, abs=0.005)


def test_without_points_on_it_there_is_no_ground():
    assert find_ground(scene(plane=0), np.array([0, 0, 0.4]), 2.0, np.array([0, 0, 1.0])) is None
    assert find_ground(scene()[:10], np.zeros(3), 2.0, np.array([0, 0, 1.0])) is None


def test_an_upright_frame_has_the_front_at_minus_y():
    front = TURN @ [0.0, -1.0, 0.5]
    rotation = upright_from(TURN[:, 2], front)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(rotation @ TURN[:, 2], (0, 0, 1), atol=1e-9)
    np.testing.assert_allclose((rotation @ front)[:2], (0, -1), atol=1e-9)


def test_the_objects_points_are_those_above_the_ground():
    stray = np.random.default_rng(1).uniform((-3, -3, 1), (3, 3, 7), (40, 3))
    points = np.concatenate([scene(), stray])
    cluster = object_points(points, np.array([0, 0, 0.4]), 2.0, 0.0)
    assert cluster is not None
    assert (np.abs(cluster[:, 0]) <= 0.3).mean() > 0.85
    box = find_box([], points, np.array([0, 0, 0.4]), 2.0, 0.0)
    assert box.source == "points"
    assert box.corners[0, 2] == 0.0
    assert box.corners[1, 2] == pytest.approx(0.8, abs=0.05)


def test_without_points_the_box_is_where_the_cameras_look():
    middle = np.array([1.0, 2.0, 3.0])
    box = find_box([], np.zeros((0, 3)), middle, 2.0, None)
    assert box.source == "focus"
    np.testing.assert_allclose(box.corners.mean(0), middle)
