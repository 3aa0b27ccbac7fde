"""Cameras: three hand-computed points, round trips, and every refusal."""

import math

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.cameras import Camera, unit_axes


def look_along_y(orthographic=False):
    """Stand at (0, -4, 0) in Blender's world, look along +Y, up is +Z: 200 x 100 pixels."""
    pose = np.eye(4)
    pose[:3, :3] = np.stack([[1, 0, 0], [0, 0, -1], [0, 1, 0]], axis=1)  # right, down, forward
    pose[:3, 3] = [0, -4, 0]
    return Camera(pose, 100.0, 50.0, 100.0, 40.0, 200, 100, orthographic)


def random_camera(seed, orthographic=False):
    generator = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    pose = np.eye(4)
    pose[:3, :3] = rotation * np.sign(np.linalg.det(rotation))
    pose[:3, 3] = generator.normal(size=3)
    fx, fy, cx, cy = generator.uniform(50, 300, size=4)
    return Camera(pose, fx, fy, cx, cy, 320, 240, orthographic)


@pytest.mark.parametrize(
    ("point", "pixel", "depth"),
    [
        ((0, 0, 0), (100, 40), 4),
        ((2, 0, 0), (150, 40), 4),  # right in the world is right in the image
        ((0, -2, 1), (100, 15), 2),  # up in the world is up in the image, nearer is larger
    ],
)
def test_projects_three_points_computed_by_hand(point, pixel, depth):
    pixels, depths = look_along_y().project(torch.tensor([point], dtype=torch.float64))
    torch.testing.assert_close(pixels[0], torch.tensor(pixel, dtype=torch.float64))
    assert depths[0] == pytest.approx(depth)


def test_orthographic_projection_ignores_depth():
    points = torch.tensor([[0.5, 0.0, 0.5], [0.5, 9.0, 0.5]], dtype=torch.float64)
    pixels, depths = look_along_y(orthographic=True).project(points)
    torch.testing.assert_close(pixels, torch.tensor([[150.0, 15.0]] * 2, dtype=torch.float64))
    assert depths.tolist() == pytest.approx([4, 13])


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_rays_invert_project(seed, orthographic):
    camera = random_camera(seed, orthographic)
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(64, 3, generator=generator, dtype=torch.float64) * 5
    pixels, depth = camera.project(points)
    origins, directions = camera.rays(pixels)
    torch.testing.assert_close(origins + depth[:, None] * directions, points, rtol=0, atol=1e-6)


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_a_frame_of_its_own_changes_no_pixel(seed, orthographic):
    camera = random_camera(seed, orthographic)
    world_from_frame = random_camera(seed + 100).world_from_camera.copy()
    world_from_frame[:3, :3] *= 0.3
    points = np.random.default_rng(seed).normal(size=(32, 3))
    world = points @ world_from_frame[:3, :3].T + world_from_frame[:3, 3]
    expected, _ = camera.project(torch.tensor(world))
    actual, _ = camera.in_frame(world_from_frame).project(torch.tensor(points))
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_transforms_round_trip(seed, orthographic):
    camera = random_camera(seed, orthographic)
    again = Camera.from_transforms(camera.to_transforms())
    np.testing.assert_allclose(again.world_from_camera, camera.world_from_camera, atol=1e-12)
    for name in ("fx", "fy", "cx", "cy", "width", "height", "orthographic"):
        assert getattr(again, name) == getattr(camera, name)


def test_transforms_by_field_of_view_and_scale():
    shared = {"w": 200, "h": 100, "transform_matrix": np.eye(4).tolist()}
    wide = Camera.from_transforms({"camera_angle_x": math.pi / 2}, shared)
    assert (wide.fx, wide.fy, wide.cx, wide.cy) == pytest.approx((100, 100, 100, 50))
    flat = Camera.from_transforms({"camera_model": "ORTHOGRAPHIC", "ortho_scale": 4}, shared)
    assert (flat.fx, flat.fy) == pytest.approx((50, 50))
    # Identity in Blender's axes looks along -Z with +Y up.
    pixels, depth = wide.project(torch.tensor([[1.0, 1.0, -2.0]], dtype=torch.float64))
    assert pixels[0].tolist() == pytest.approx([150, 0])
    assert depth.tolist() == pytest.approx([2])


def test_a_scaled_camera_object_sees_the_same():
    pose = look_along_y().world_from_camera.copy()
    pose[:3, :3] *= [2.0, 3.0, 0.5]
    np.testing.assert_allclose(unit_axes(pose), look_along_y().world_from_camera)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"camera_model": "OPENCV_FISHEYE"}, "distortion"),
        ({"k1": 0.1}, "distortion"),
        ({"fl_x": float("nan")}, "not a number"),
        ({"fl_x": -5}, "above zero"),
        ({"fl_x": "wide"}, "not a number: 'wide'"),
        ({"transform_matrix": [[1, 2], [3, 4]]}, "not 4x4"),
        ({"transform_matrix": np.diag([1.0, 0, 1, 1]).tolist()}, "singular"),
        ({"transform_matrix": np.full((4, 4), np.inf).tolist()}, "non-finite number"),
    ],
)
def test_refuses_in_one_sentence(change, words):
    frame = {"fl_x": 50, "w": 64, "h": 64, "transform_matrix": np.eye(4).tolist(), **change}
    with pytest.raises(RequestError, match=words):
        Camera.from_transforms(frame)


@pytest.mark.parametrize("missing", ["w", "transform_matrix", "fl_x"])
def test_names_the_missing_number(missing):
    frame = {"fl_x": 50, "w": 64, "h": 64, "transform_matrix": np.eye(4).tolist()}
    del frame[missing]
    with pytest.raises(RequestError, match="camera_angle_x" if missing == "fl_x" else missing):
        Camera.from_transforms(frame)


@pytest.mark.parametrize("matrix", [np.diag([1, 2, 1, 1]), np.diag([1, 1, 0, 1]), -np.eye(4)])
def test_a_frame_that_is_no_similarity_is_refused(matrix):
    with pytest.raises(RequestError, match="evenly"):
        look_along_y().in_frame(matrix)
