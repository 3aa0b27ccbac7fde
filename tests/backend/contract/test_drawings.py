"""Sides of drawings and rings of cameras."""

import numpy as np
import pytest
from levelform.backend.contract.cameras import CameraData, project
from levelform.backend.contract.drawings import SIDES, parse_names, pose, ring
from levelform.backend.contract.errors import RequestError


def seen_from(side, point):
    view = SIDES[side]
    camera = CameraData(
        pose(view.azimuth, view.elevation, 4), 10, 10, 50, 50, 100, 100, "ORTHOGRAPHIC"
    )
    return project(camera, np.array(point, float))[0] - 50


@pytest.mark.parametrize(
    ("side", "right", "down"),
    [
        ("front", (1, 0, 0), (0, 0, -1)),
        ("right", (0, 1, 0), (0, 0, -1)),
        ("back", (-1, 0, 0), (0, 0, -1)),
        ("left", (0, -1, 0), (0, 0, -1)),
        ("top", (1, 0, 0), (0, -1, 0)),
        ("bottom", (1, 0, 0), (0, 1, 0)),
    ],
)
def test_sides_are_those_of_blenders_views(side, right, down):
    np.testing.assert_allclose(seen_from(side, right), (10, 0), atol=1e-9)
    np.testing.assert_allclose(seen_from(side, down), (0, 10), atol=1e-9)


def test_axes_of_a_side_are_what_its_image_shows():
    for name, side in SIDES.items():
        for axis, image_axis in ((side.across, 0), (side.down, 1)):
            if axis is not None:
                point = np.eye(3)[axis]
                assert abs(seen_from(name, point)[image_axis]) == pytest.approx(10), name


def test_a_ring_sees_the_whole_object_from_equal_steps():
    cameras = ring(7, elevation=30.0, size=(640, 480), object_size=2.0, center=(1, 2, 3))
    cube = np.array(np.meshgrid((-1, 1), (-1, 1), (-1, 1))).reshape(3, -1).T
    corners = cube + np.array([1, 2, 3])
    for camera in cameras:
        pixels, depth = project(camera, corners)
        assert (depth > 0).all()
        assert (pixels > 0).all()
        assert (pixels < (640, 480)).all()
    back = np.array([camera.transform_matrix[:3, 2] for camera in cameras])
    angles = np.unwrap(np.arctan2(back[:, 0], -back[:, 1]))
    np.testing.assert_allclose(np.diff(angles), 2 * np.pi / 7, atol=1e-9)
    assert angles[0] == pytest.approx(0)


@pytest.mark.parametrize(
    "wrong",
    [{"count": 0}, {"count": 1000}, {"elevation": 90.0}, {"focal": 0.0}, {"object_size": -1.0}],
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(RequestError):
        ring(**{"count": 8, **wrong})


def test_names_are_parsed_and_checked():
    assert parse_names("Front, right,-,top") == ("front", "right", "-", "top")
    with pytest.raises(RequestError, match="sideways"):
        parse_names("front,sideways")
    with pytest.raises(RequestError, match="Two drawings"):
        parse_names("front,front")
