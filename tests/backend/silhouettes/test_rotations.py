"""Rotation vectors against scipy, and their derivative against differences."""

import numpy as np
from levelform.backend.silhouettes.rotations import (
    about_axis,
    cross_matrix,
    left_jacobian,
    rotation,
    vector_of,
)
from scipy.spatial.transform import Rotation

VECTORS = np.array([[0.3, -0.2, 0.9], [1e-9, 0.0, 0.0], [0.0, 2.0, 1.0], [0.0, 0.0, 0.0]])


def test_rotations_are_scipys():
    np.testing.assert_allclose(
        rotation(VECTORS), Rotation.from_rotvec(VECTORS).as_matrix(), atol=1e-12
    )
    np.testing.assert_allclose(about_axis(2, np.array([0.5]))[0, :2, 0], [np.cos(0.5), np.sin(0.5)])


def test_a_cross_matrix_and_back():
    np.testing.assert_allclose(cross_matrix(VECTORS[0]) @ VECTORS[2], np.cross(*VECTORS[[0, 2]]))
    np.testing.assert_allclose(vector_of(cross_matrix(VECTORS)), VECTORS)


def test_the_left_jacobian_is_the_derivative():
    step = 1e-6 * np.array([0.4, -1.0, 0.3])
    for vector in VECTORS:
        exact = rotation(vector + step) @ rotation(vector).T
        first = rotation(left_jacobian(vector) @ step)
        np.testing.assert_allclose(exact, first, atol=1e-11)
