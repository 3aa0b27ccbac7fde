"""`transforms.json` on Blender's side: each spelling of a camera, and what is wrong in words."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("bpy")
from levelform.addon.transforms import read_transforms
from levelform.backend.contract.errors import RequestError

pytestmark = pytest.mark.bpy

POSE = [[1, 0, 0, 1], [0, 0, -1, 2], [0, 1, 0, 3], [0, 0, 0, 1]]


@pytest.fixture
def write(tmp_path):
    """Return a writer of a folder with one picture and its transforms.json."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"picture")

    def write(frame: dict | None = None, **shared: object) -> Path:
        entry = {"file_path": "images/a.png", "transform_matrix": POSE, **(frame or {})}
        (tmp_path / "transforms.json").write_text(json.dumps({**shared, "frames": [entry]}))
        return tmp_path

    return write


def camera(folder: Path, width: int = 200, height: int = 100):
    return read_transforms(folder).frames[0].camera(width, height)


def test_a_frame_overrides_what_is_shared(write):
    folder = write({"fl_x": 150, "cx": 90}, fl_x=100, fl_y=110, cx=1, cy=40, w=200, h=100)
    read = camera(folder)
    assert (read.fl_x, read.fl_y, read.cx, read.cy) == (150, 110, 90, 40)
    assert read.transform_matrix.tolist() == POSE
    assert (read.w, read.h, read.camera_model) == (200, 100, "PINHOLE")


def test_intrinsics_follow_the_size_of_the_picture(write):
    read = camera(write(fl_x=100, fl_y=110, cx=90, cy=40, w=200, h=100), 400, 200)
    assert (read.fl_x, read.fl_y, read.cx, read.cy) == (200, 220, 180, 80)


def test_an_angle_stands_for_the_focal_length_and_suffixes_may_be_left_out(write):
    read = camera(write({"file_path": "images\\a"}, camera_angle_x=2 * math.atan(0.5)))
    assert read.fl_x == read.fl_y == pytest.approx(200)
    assert (read.cx, read.cy) == (100, 50)


def test_an_orthographic_camera_has_blenders_scale(write):
    read = camera(write(camera_model="ORTHOGRAPHIC", ortho_scale=4.0))
    assert (read.fl_x, read.fl_y, read.camera_model) == (50, 50, "ORTHOGRAPHIC")


@pytest.mark.parametrize(
    ("words", "center", "half"),
    [
        ({"world_from_volume": np.diag([2, 2, 2, 1]).tolist()}, (0, 0, 0), 2),
        ({"aabb": [[0, 0, 0], [2, 4, 2]]}, (1, 2, 1), 2),
        ({"scale": 0.5, "offset": [0.5, 0.5, 1.0], "aabb_scale": 2}, (0, 0, -1), 2),
    ],
)
def test_the_volume_is_read(write, words, center, half):
    matrix = read_transforms(write(fl_x=1, **words)).world_from_volume
    assert matrix[:3, 3] == pytest.approx(center)
    assert np.diag(matrix)[:3] == pytest.approx([half] * 3)


@pytest.mark.parametrize(
    ("frame", "shared", "words"),
    [
        ({}, {}, "no focal length"),
        ({"fl_x": "wide"}, {}, "no number"),
        ({"fl_x": -3}, {}, "must be positive"),
        ({"fl_x": math.inf}, {}, "no number"),
        ({"k1": 0.1}, {"fl_x": 100}, "lens distortion"),
        ({}, {"fl_x": 100, "camera_model": "OPENCV_FISHEYE"}, "FISHEYE"),
        ({"transform_matrix": [[1, 2], [3, 4]]}, {"fl_x": 100}, "not 4x4"),
        ({"transform_matrix": np.full((4, 4), math.nan).tolist()}, {"fl_x": 100}, "not 4x4"),
    ],
)
def test_a_camera_that_cannot_be_used_says_why(write, frame, shared, words):
    with pytest.raises(RequestError, match=words):
        camera(write(frame, **shared))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no"),
        ("{", "not valid JSON"),
        ("[]", "no table|not a table"),
        ('{"frames": []}', "lists no frames"),
        ('{"frames": [{"file_path": "gone.png"}]}', "is missing"),
        ('{"frames": [{}]}', "names no picture"),
        ('{"aabb": [1], "frames": [{"file_path": "a.png"}]}', "garbled"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path, content, words):
    (tmp_path / "a.png").write_bytes(b"picture")
    if content is not None:
        (tmp_path / "transforms.json").write_text(content)
    with pytest.raises(RequestError, match=words):
        read_transforms(tmp_path)
