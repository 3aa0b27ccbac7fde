"""The volume: taken apart from a matrix, checked against cameras, placed by what views see."""

import math

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.volume import (
    CUBE,
    Sight,
    Volume,
    check_in_front,
    estimate_volume,
    silhouette_rectangle,
)


def turn(angle):
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


def matrix(scale=(1, 1, 1), angle=0.0, place=(0, 0, 0)):
    result = turn(angle) @ np.diag([*scale, 1.0])
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


# ---------------------------------------------------------------- the estimate


def sight_of_box(camera, lower, upper, name="v"):
    """Return the rectangle of a box's corners as a camera sees them."""
    import torch

    corners = np.array(
        [
            [x, y, z]
            for x in (lower[0], upper[0])
            for y in (lower[1], upper[1])
            for z in (lower[2], upper[2])
        ]
    )
    pixels = camera.project(torch.from_numpy(corners))[0].numpy()
    low, high = pixels.min(0), pixels.max(0)
    return Sight(camera, (low[0], low[1], high[0], high[1]), name)


LOWER, UPPER = np.array([1.0, -0.5, 2.0]), np.array([1.8, 0.5, 3.2])


@pytest.fixture
def sights(aim):
    middle = (LOWER + UPPER) / 2
    result = []
    for index in range(6):
        angle = index * math.pi / 3 + 0.1
        center = middle + 6 * np.array([math.cos(angle), math.sin(angle), 0.4 * (index % 2)])
        zoom = 80.0 if index == 2 else 400.0
        camera = Camera(
            aim(center, middle, roll=0.4 * index),
            zoom,
            zoom,
            130,
            120,
            256,
            256,
            orthographic=index == 2,
        )
        result.append(sight_of_box(camera, LOWER, UPPER, f"cam {index}"))
    return result


def test_estimate_holds_the_object_tightly(sights):
    cube = estimate_volume(sights)
    center, half = cube[:3, 3], cube[0, 0]
    np.testing.assert_allclose(cube[:3, :3], half * np.eye(3))
    assert ((center - half <= LOWER + 1e-6) & (center + half + 1e-6 >= UPPER)).all()
    assert np.linalg.norm(center - (LOWER + UPPER) / 2) < 0.15
    assert half < 1.6 * (UPPER - LOWER).max() / 2 / 0.9


def test_estimate_moves_and_grows_with_the_world(sights):
    first = estimate_volume(sights)
    grown = []
    for sight in sights:
        pose = sight.camera.world_from_camera.copy()
        pose[:3, 3] = 3 * pose[:3, 3] + (5, 6, 7)
        camera = sight.camera
        zoom = 3.0 if camera.orthographic else 1.0
        moved = Camera(
            pose,
            camera.fx / zoom,
            camera.fy / zoom,
            camera.cx,
            camera.cy,
            256,
            256,
            camera.orthographic,
        )
        grown.append(Sight(moved, sight.rectangle, sight.name))
    second = estimate_volume(grown)
    np.testing.assert_allclose(second[:3, 3], 3 * first[:3, 3] + (5, 6, 7), atol=1e-5)
    assert second[0, 0] == pytest.approx(3 * first[0, 0], rel=1e-6)


def test_one_view_gets_a_volume_on_its_axis(aim):
    camera = Camera(aim((0, -5, 0), (0, 0, 0)), 100, 100, 50, 50, 100, 100)
    cube = estimate_volume([Sight(camera, (30, 40, 70, 60), "v")])
    np.testing.assert_allclose(cube[:3, 3], 0, atol=1e-9)
    assert cube[0, 0] == pytest.approx(20 * 5 / 100 / 0.9)


def test_the_view_that_disagrees_is_named(sights):
    wrong = sights[3]
    low, high = wrong.rectangle[:2], wrong.rectangle[2:]
    moved = (low[0] + 400, low[1], high[0] + 400, high[1])
    with pytest.raises(RequestError, match="cam 3 disagrees"):
        estimate_volume([*sights[:3], Sight(wrong.camera, moved, "cam 3"), *sights[4:]])


def test_no_views_are_refused():
    with pytest.raises(RequestError, match="no view with a camera"):
        estimate_volume([])


def test_rectangles_of_silhouettes():
    alpha = np.zeros((20, 30))
    assert silhouette_rectangle(alpha) == (0, 0, 30, 20)
    alpha[5:9, 12:20] = 1
    assert silhouette_rectangle(alpha) == (12, 5, 20, 9)
