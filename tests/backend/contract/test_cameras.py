"""Camera maths in numpy: agrees with the backend's torch, and refuses poses that are not rigid."""

import math

import numpy as np
import pytest
import torch
from levelform.backend.contract.cameras import (
    CameraData,
    Distortion,
    fitted,
    from_frame,
    in_frame,
    project,
    rays,
    resized,
    rigid_pose,
    to_frame,
)
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.cameras import Camera
from scipy.spatial.transform import Rotation


def drawn(seed, model="PINHOLE", **changes):
    rng = np.random.default_rng(seed)
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    pose[:3, 3] = rng.normal(size=3)
    values = {"fl_x": 90.0, "fl_y": 95.0, "cx": 40.0, "cy": 31.0, "w": 80, "h": 60}
    return CameraData(pose, **{**values, **changes}, camera_model=model)


@pytest.mark.parametrize("model", ["PINHOLE", "ORTHOGRAPHIC"])
@pytest.mark.parametrize("seed", range(4))
def test_numpy_and_torch_are_one_camera(seed, model):
    data = drawn(seed, model)
    camera = Camera.from_data(data)
    points = np.random.default_rng(seed).normal(size=(50, 3)) * 3
    pixels, depth = project(data, points)
    theirs, their_depth = camera.project(torch.tensor(points))
    np.testing.assert_allclose(pixels, theirs, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(depth, their_depth, atol=1e-12)
    origins, directions = rays(data, pixels)
    np.testing.assert_allclose(origins + depth[:, None] * directions, points, atol=1e-8)


@pytest.mark.parametrize("model", ["PINHOLE", "ORTHOGRAPHIC"])
def test_another_frame_and_another_size_see_the_same(model):
    data, points = drawn(3, model), np.random.default_rng(33).normal(size=(50, 3))
    frame = drawn(8).transform_matrix.copy()
    frame[:3, :3] *= 0.4
    local = (points - frame[:3, 3]) @ np.linalg.inv(frame[:3, :3]).T
    expected, _ = project(data, points)
    actual, _ = project(in_frame(data, frame), local)
    np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-8)
    half, _ = project(resized(data, 40, 30), points)
    np.testing.assert_allclose(half, expected / 2, rtol=1e-9)


def test_a_camera_far_from_the_origin_keeps_its_digits():
    data = drawn(1)
    far, points = data.transform_matrix.copy(), np.random.default_rng(1).normal(size=(20, 3))
    away = np.array([500_000.0, 4_600_000.0, 300.0])
    far[:3, 3] += away
    moved = CameraData(far, 90.0, 95.0, 40.0, 31.0, 80, 60)
    in_front = project(data, points)[1] > 0.3
    actual, expected = project(moved, points + away)[0], project(data, points)[0]
    np.testing.assert_allclose(actual[in_front], expected[in_front], atol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 0.01, 250.0])
def test_a_uniform_scale_and_rounding_are_taken_out(scale):
    pose = drawn(5).transform_matrix
    given = pose.copy()
    given[:3, :3] = np.round(given[:3, :3], 4) * scale
    made = rigid_pose(given, "pose")
    np.testing.assert_allclose(made, pose, atol=2e-4)
    np.testing.assert_allclose(made[:3, :3] @ made[:3, :3].T, np.eye(3), atol=1e-12)


def test_an_exact_pose_is_left_as_it_is():
    pose = drawn(5).transform_matrix
    np.testing.assert_array_equal(rigid_pose(pose, "pose"), pose)
    np.testing.assert_array_equal(rigid_pose(pose[:3], "pose"), pose)


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.diag([1.0, 1, -1, 1]), "mirrored: its determinant is -1"),
        (np.diag([2.0, 1, 1, 1]), "scaled unevenly: its axes have the lengths 2, 1, 1"),
        (np.diag([1.0, 1, 0, 1]), "singular: its axes have the lengths 1, 1, 0"),
        (np.full((4, 4), np.nan), "not finite"),
        (np.eye(4)[[0, 1, 3, 2]], "last row of pose is 0, 0, 1, 0"),
        (np.eye(3), "not 4x4 numbers but 3 x 3"),
    ],
)
def test_what_is_not_rigid_is_refused_with_what_was_found(matrix, words):
    with pytest.raises(RequestError, match=words):
        rigid_pose(matrix, "pose")


def test_a_sheared_pose_is_refused_with_its_angle():
    shear = np.eye(4)
    shear[:2, 1] = math.sin(math.radians(5)), math.cos(math.radians(5))
    with pytest.raises(RequestError, match="sheared: its axes are 5 degrees from right angles"):
        rigid_pose(shear, "pose")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": "ORTHOGRAPHIC"},
        {"distortion": Distortion("OPENCV", (0.1, 0.2, 0.0, 0.3, 0.0, 0.1), (0.01, 0.02), 1.5)},
        {"distortion": Distortion("BROWN", (0.1, 0.2, 0.0, 0.3), (0.01, 0.02))},
        {"distortion": Distortion("OPENCV_FISHEYE", (0.1, 0.2, 0.0, 0.3))},
    ],
)
def test_frames_round_trip(changes):
    data = drawn(2, **changes)
    again = from_frame(to_frame(data))
    np.testing.assert_array_equal(again.transform_matrix, data.transform_matrix)
    assert vars(again) | {"transform_matrix": 0} == vars(data) | {"transform_matrix": 0}


def test_an_image_of_other_proportions_is_refused():
    data = drawn(0, w=400, h=300)
    assert fitted(data, 57, 43, "v").w == 57  # rounded sizes
    with pytest.raises(RequestError, match="v: the image is 100 x 100, its camera is for 400 x 3"):
        fitted(data, 100, 100, "v")
