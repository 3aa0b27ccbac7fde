"""Numbers beyond what they mean are refused where they enter, by name, with what was seen."""

from dataclasses import replace

import numpy as np
import pytest
from levelform.backend.contract import protocol
from levelform.backend.contract.cameras import Distortion
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.limits import LIMITS, check, check_plain, shown
from levelform.backend.contract.request_checks import check_request

CAMERA = protocol.CameraData(np.eye(4), 100.0, 100.0, 32.0, 32.0, 64, 64)
VIEW = protocol.ViewData(np.zeros((2, 2, 4), np.uint8), CAMERA, "img_003.png")
JOB = protocol.Reconstruct("job", "levelform", (VIEW,), np.eye(4))
BEYOND = (float("nan"), float("inf"), -float("inf"), 1e300, 10**400, -(10**400), "x", [1], True)


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("name", LIMITS)
def test_every_named_number_has_a_least_and_a_most(name):
    limit = LIMITS[name]
    for value in (limit.least, limit.most):
        check(name, int(value) if limit.whole else value)
    for value in BEYOND:
        with pytest.raises(RequestError, match=limit.what):
            check(name, value)


def test_a_refusal_says_whose_number_it_is_what_was_seen_and_what_it_may_be():
    with pytest.raises(RequestError) as caught:
        check("fl_x", 1e300, where="img_003.png")
    assert caught.value.message == (
        "img_003.png: the focal length is 1e+300, which is not a number from 1e-06 to 1e+09."
    )
    assert caught.value.hint


def test_numpys_numbers_are_numbers():
    check("resolution", np.int64(64))
    check("level", np.float32(0.5))


def test_what_is_shown_is_short():
    assert shown(10**400) == "a number of about 398 digits"
    assert len(shown("x" * 10_000)) == 60


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (nested(8), "more than 8 deep"),
        (nested(20_000), "more than 8 deep"),
        ([0] * 200_000, "more than 100,000 entries"),
        ({"a": [float("nan")]}, "is nan, which is not a number"),
        ("x" * 5000, "5,000 characters"),
        ("a\0b", "null character"),
        (object(), "object"),
    ],
)
def test_options_are_plain_and_small(value, seen):
    check_plain("lattice", [1, 2.5, "a", None, True, {"b": [3]}])
    with pytest.raises(RequestError, match=seen):
        check_plain("lattice", value)


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"resolution": 100_000}, "resolution is 100000"),
        ({"resolution": 10**400}, "resolution is a number of about"),
        ({"level": float("nan")}, "level is nan"),
        ({"front": 1e300}, "front's angle is 1e\\+300"),
        ({"world_from_volume": np.full((4, 4), np.inf)}, "volume's matrix is inf"),
        ({"world_from_volume": np.eye(3)}, r"world_from_volume is an array of shape \(3, 3\)"),
        ({"views": (VIEW,) * 20_000}, "20,000 views, more than 2,000"),
        ({"options": {"a": nested(100)}}, "option a"),
        ({"options": {"x" * 5000: 1}}, "option's name has 5,000"),
        ({"cures": ("x" * 5000,)}, "cures has 5,000"),
        ({"weights": "a\0b"}, "weights holds a null character"),
        ({"background": protocol.Background(color=(1.0, np.nan, 0.0))}, "color is nan"),
        ({"background": protocol.Background(tolerance=-1.0)}, "tolerance is -1"),
    ],
)
def test_a_job_is_checked_whole(change, seen):
    check_request(JOB)
    with pytest.raises(RequestError, match=seen):
        check_request(replace(JOB, **change))


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"fl_x": 1e300}, "img_003.png: the focal length is 1e\\+300"),
        ({"cy": float("nan")}, "img_003.png: the principal point is nan"),
        ({"w": 0}, "img_003.png: the image's width is 0"),
        (
            {"transform_matrix": np.full((4, 4), 1e300)},
            "the camera's pose is 1e\\+300",
        ),
        ({"transform_matrix": np.zeros(16)}, r"array of shape \(16,\), not \(4, 4\)"),
        ({"distortion": Distortion("OPENCV", (1e300,) * 6)}, "distortion is 1e"),
    ],
)
def test_a_camera_is_named_by_its_view(change, seen):
    view = replace(VIEW, camera=replace(CAMERA, **change))
    with pytest.raises(RequestError, match=seen):
        check_request(replace(JOB, views=(VIEW, view)))


@pytest.mark.parametrize("shape", [(0, 4, 4), (4, 4), (4, 4, 3), (4,)])
def test_images_have_a_shape(shape):
    view = replace(VIEW, image=np.zeros(shape, np.uint8))
    with pytest.raises(RequestError, match="the image is an array of shape"):
        check_request(replace(JOB, views=(view,)))


@pytest.mark.parametrize(
    ("vertices", "faces", "seen"),
    [
        (np.zeros((3, 3), np.float32), np.array([[0, 1, 3]], np.int32), "uses number 3"),
        (np.zeros((3, 3), np.float32), np.array([[0, 1, -1]], np.int32), "uses number -1"),
        (np.full((3, 3), np.nan, np.float32), np.array([[0, 1, 2]], np.int32), "vertices is nan"),
        (np.zeros((3, 3), np.float32), np.zeros((1, 3), np.float32), "not whole numbers"),
        (np.zeros((3, 2), np.float32), np.array([[0, 1, 2]], np.int32), r"shape \(3, 2\)"),
    ],
)
def test_meshes_are_checked(vertices, faces, seen):
    mesh = protocol.MeshData(vertices, faces)
    with pytest.raises(RequestError, match=seen):
        check_request(protocol.Evaluate("job", mesh, mesh))
