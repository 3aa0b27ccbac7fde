"""`transforms.json` as nerfstudio, instant-ngp and Blender write it."""

import json
import math

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.image_files import image_file
from levelform.backend.contract.words import choose_views
from levelform.backend.data.transforms import (
    read_transforms,
    volume_of,
    write_transforms,
)
from levelform.backend.geometry.cameras import Camera
from PIL import Image

POSE = [[1, 0, 0, 0.5], [0, 0, -1, -4], [0, 1, 0, 0.25], [0, 0, 0, 1]]


@pytest.fixture
def folder(tmp_path):
    """A folder with three pictures, 40 x 30."""
    (tmp_path / "images").mkdir()
    for index in range(3):
        Image.new("RGBA", (40, 30), (index, 0, 0, 128)).save(tmp_path / f"images/r_{index}.png")
    return tmp_path


def write(folder, content):
    (folder / "transforms.json").write_text(json.dumps(content))
    return folder


def frame(index=0, **more):
    return {"file_path": f"images/r_{index}.png", "transform_matrix": POSE, **more}


def test_nerfstudio(folder):
    """Shared intrinsics, one frame with its own, a distortion model without distortion."""
    content = {
        "camera_model": "OPENCV",
        "fl_x": 50.0, "fl_y": 51.0, "cx": 19.0, "cy": 16.0, "w": 40, "h": 30,
        "k1": 0.0, "k2": 0.0, "p1": 0.0, "p2": 0.0,
        "applied_transform": [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0]],
        "frames": [frame(0, colmap_im_id=1), frame(2, fl_x=70.0)],
    }  # fmt: skip
    posed = read_transforms(write(folder, content))
    first, second = posed.views
    assert posed.world_from_volume is None
    assert (first.name, second.name) == ("r_0.png", "r_2.png")
    assert (first.camera.fl_x, second.camera.fl_x, second.camera.fl_y) == (50, 70, 51)
    assert first.camera.camera_model == "PINHOLE"
    np.testing.assert_allclose(first.camera.transform_matrix, POSE)  # as it stands
    assert first.file == image_file(folder / "images" / "r_0.png")
    assert second.file == image_file(folder / "images" / "r_2.png")


def test_instant_ngp_with_an_angle_alone_and_no_suffix(folder):
    content = {
        "camera_angle_x": 0.7,
        "frames": [{"file_path": "./images/r_1", "rotation": 0.01, "transform_matrix": POSE}],
    }
    (view,) = read_transforms(write(folder, content) / "transforms.json").views
    assert (view.camera.w, view.camera.h) == (40, 30)
    assert view.camera.fl_x == pytest.approx(20 / math.tan(0.35))
    assert (view.camera.cx, view.camera.cy) == (20, 15)


def test_orthographic(folder):
    content = {
        "camera_model": "ORTHOGRAPHIC",
        "ortho_scale": 2.0,
        "w": 40,
        "h": 30,
        "frames": [frame()],
    }
    (view,) = read_transforms(write(folder, content)).views
    assert (view.camera.fl_x, view.camera.camera_model) == (20, "ORTHOGRAPHIC")


def test_what_is_written_is_read(folder, aim):
    cameras = [
        Camera(aim((1, -3, 1), (0, 0, 0), roll=0.3), 50, 51, 19, 16, 40, 30),
        Camera(aim((2, 2, 1), (0, 0, 0)), 30, 31, 20, 15, 40, 30, orthographic=True),
    ]
    volume = np.diag([2.0, 2.0, 2.0, 1.0])
    frames = [(f"images/r_{index}", camera) for index, camera in enumerate(cameras)]
    write_transforms(folder / "transforms.json", frames, world_from_volume=volume)
    posed = read_transforms(folder)
    np.testing.assert_array_equal(posed.world_from_volume, volume)
    for view, camera in zip(posed.views, cameras, strict=True):
        again = Camera.from_transforms(vars(view.camera))
        np.testing.assert_allclose(again.world_from_camera, camera.world_from_camera, atol=1e-12)
        assert (again.fx, again.fy, again.cx, again.cy) == (
            camera.fx,
            camera.fy,
            camera.cx,
            camera.cy,
        )
        assert again.orthographic == camera.orthographic


def test_frames_are_chosen_by_index_or_number():
    assert choose_views(5, None) == [0, 1, 2, 3, 4]
    assert choose_views(8, 4) == [0, 2, 4, 6]
    assert choose_views(3, [2, 0, 2]) == [2, 0]
    with pytest.raises(RequestError, match="no view 3: the views are 0 to 2"):
        choose_views(3, [0, 3])
    with pytest.raises(RequestError, match="9 views were asked for; there are 3"):
        choose_views(3, 9)


def test_only_chosen_pictures_are_read(folder):
    content = {"camera_angle_x": 0.7, "frames": [frame(0), frame(7), frame(2)]}
    posed = read_transforms(write(folder, content), choose=[0, 2])
    assert [view.name for view in posed.views] == ["r_0.png", "r_2.png"]


def test_volumes_that_files_tell():
    np.testing.assert_allclose(
        volume_of({"aabb": [[0, 0, 0], [2, 4, 2]]}),
        [[2, 0, 0, 1], [0, 2, 0, 2], [0, 0, 2, 1], [0, 0, 0, 1]],
    )
    ngp = volume_of({"scale": 0.5, "offset": [0.5, 0.25, 0.5], "aabb_scale": 2})
    np.testing.assert_allclose(ngp[:3, 3], (0, 0.5, 0))
    assert ngp[0, 0] == 2.0
    assert volume_of({"aabb_scale": 16}) is None
    with pytest.raises(RequestError, match="volume in the file is garbled"):
        volume_of({"aabb": [1, 2]})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"frames": []}, "lists no frames"),
        ([1], "holds no cameras"),
        ({"camera_angle_x": 1, "frames": [frame(9)]}, r"r_9\.png is missing"),
        ({"camera_angle_x": 1, "frames": [{"transform_matrix": POSE}]}, "frame 0 names no picture"),
        ({"frames": [frame()]}, r"frame 0 \(r_0\.png\): A camera lacks"),
        ({"camera_angle_x": 1, "k1": 0.1, "frames": [frame()]}, r"frame 0 .*distortion \(k1\)"),
        ({"camera_model": "OPENCV_FISHEYE", "frames": [frame()]}, "FISHEYE is not supported"),
        ({"camera_angle_x": 1, "frames": [frame(transform_matrix=[1, 2])]}, "frame 0"),
        (
            {"camera_angle_x": 1, "frames": [frame(transform_matrix=[[float("nan")] * 4] * 4)]},
            "frame 0 .*not finite",
        ),
    ],
)
def test_garbled_files_are_told(folder, content, words):
    with pytest.raises(RequestError, match=words):
        read_transforms(write(folder, content))


def test_a_missing_or_unreadable_file_is_told(tmp_path):
    with pytest.raises(RequestError, match=r"There is no .*transforms\.json"):
        read_transforms(tmp_path / "transforms.json")
    (tmp_path / "transforms.json").write_text("{")
    with pytest.raises(RequestError, match="not readable as JSON"):
        read_transforms(tmp_path)
