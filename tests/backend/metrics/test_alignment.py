"""ICP: a known motion comes back, and nothing is ever mirrored."""

import numpy as np
import pytest
from levelform.backend.metrics.alignment import icp, rigid_fit
from scipy.spatial.transform import Rotation


def test_a_small_motion_comes_back():
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(800, 3)) * [1.0, 0.6, 0.3]
    turn = Rotation.from_euler("xyz", [5, -4, 6], degrees=True).as_matrix()
    target = cloud @ turn.T + [0.03, -0.02, 0.05]
    moved, rotation, translation = icp(cloud, target)
    np.testing.assert_allclose(moved, target, atol=1e-9)
    np.testing.assert_allclose(rotation, turn, atol=1e-9)
    np.testing.assert_allclose(translation, [0.03, -0.02, 0.05], atol=1e-9)


def test_the_best_fit_agrees_with_scipy():
    rng = np.random.default_rng(1)
    points, targets = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    rotation, translation = rigid_fit(points, targets)
    expected, _ = Rotation.align_vectors(targets - targets.mean(0), points - points.mean(0))
    np.testing.assert_allclose(rotation, expected.as_matrix(), atol=1e-9)
    np.testing.assert_allclose(translation, targets.mean(0) - rotation @ points.mean(0))


def test_a_mirrored_target_gets_a_rotation():
    points = np.random.default_rng(2).normal(size=(60, 3))
    rotation, _ = rigid_fit(points, points * [-1, 1, 1])
    assert np.linalg.det(rotation) == pytest.approx(1.0, abs=1e-12)
