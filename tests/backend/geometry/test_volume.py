"""The volume: taken apart from a matrix, checked against cameras, placed by what views see."""

import math

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.volume import (
    CUBE,
    Volume,
    check_in_front,
)


def rotation(angle):
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


def matrix(scale=(1, 1, 1), angle=0.0, place=(0, 0, 0)):
    result = rotation(angle) @ np.diag([*scale, 1.0])
    result[:3, 3] = place
    return result


def test_an_uneven_scale_is_a_cube_with_a_narrower_box():
    volume = Volume.from_matrix(matrix((0.5, 2.0, 1.0), 0.7, (1, 2, 3)))
    assert volume.scale == pytest.approx(2.0)
    np.testing.assert_allclose(volume.box[1], (0.25, 1.0, 0.5))
    np.testing.assert_allclose(volume.box[0], (-0.25, -1.0, -0.5))
    rotation = volume.world_from_mesh[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    corner = volume.world_from_cube @ [*volume.box[1], 1.0]
    np.testing.assert_allclose(corner, matrix((0.5, 2.0, 1.0), 0.7, (1, 2, 3)) @ [1, 1, 1, 1])


def test_a_mirrored_volume_is_the_same_box_turned():
    volume = Volume.from_matrix(matrix((1.0, 1.0, -1.0), 0.3))
    assert np.linalg.det(volume.world_from_mesh[:3, :3]) == pytest.approx(1.0)
    assert volume.box == CUBE


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (np.full((4, 4), np.nan), "not finite"),
        (np.eye(3), "not finite"),
        (matrix((1, 1, 0)), "flat"),
        (matrix((1, 1, 1e-6)), "flat"),
        (np.zeros((4, 4)), "flat"),
        (np.eye(4) + np.eye(4, k=1) * [[1], [0], [0], [0]], "sheared"),
    ],
)
def test_a_bad_matrix_is_refused(bad, words):
    with pytest.raises(RequestError, match=words):
        Volume.from_matrix(bad)


def test_cameras_in_and_behind_the_volume_are_named(aim):
    ahead = Camera(aim((0, -3, 0), (0, 0, 0)), 50, 50, 25, 25, 50, 50)
    check_in_front(ahead, CUBE, "ahead")
    inside = Camera(aim((0.5, -0.5, 0), (0, 0, 0)), 50, 50, 25, 25, 50, 50)
    with pytest.raises(RequestError, match="Cam stands inside the volume"):
        check_in_front(inside, CUBE, "Cam")
    check_in_front(inside, ((-0.4, -0.4, -0.4), (0.4, 0.4, 0.4)), "Cam")
    away = Camera(aim((0, -3, 0), (0, -9, 0)), 50, 50, 25, 25, 50, 50, orthographic=True)
    with pytest.raises(RequestError, match="Cam looks away from the volume"):
        check_in_front(away, CUBE, "Cam")
