"""Depth maps: read in the world's unit, and seen by the training camera."""

import json

import numpy as np
import pytest
import torch
from levelform.backend.contract.camera_files import read_posed_images, views_of
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.protocol import Background
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.images import to_view
from levelform.backend.images.depths import framed_depth, read_depth
from levelform.backend.images.framing import OURS, training_camera
from PIL import Image

RADIUS = 0.6


def camera(aim=(0.1, 0.0), size=96, focal=100.0):
    """Return a camera in front of the ball that looks past its centre."""
    pose = np.eye(4)
    forward = np.array([aim[0], 1.0, aim[1]])
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], 1)
    pose[:3, 3] = [0, -3.2, 0]
    return Camera(pose, focal, focal, size / 2, size / 2, size, size)


def ball_depth(seen, count):
    """Return the true depth of a ball along a camera's axis, (count, count)."""
    ticks = (torch.arange(count, dtype=torch.float64) + 0.5) * seen.width / count
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    origins, directions = seen.rays(torch.stack([x, y], -1))
    a, b = directions.square().sum(-1), (origins * directions).sum(-1)
    root = b**2 - a * (origins.square().sum(-1) - RADIUS**2)
    return torch.where(root > 0, (-b - root.clamp_min(0).sqrt()) / a, torch.inf).float()


def ball_view(seen, count=96):
    depth = ball_depth(seen, count)
    alpha = ball_depth(seen, seen.width).isfinite().float()
    image = torch.cat([torch.full((seen.width, seen.width, 3), 0.5), alpha[..., None]], -1)
    return View(image, seen, "ball", depth)


def test_whole_numbers_are_scaled_and_zero_is_nothing(tmp_path):
    values = np.array([[0, 1500], [2000, 65535]], np.uint16)
    path = tmp_path / "depth.png"
    Image.fromarray(values).save(path)
    depth = read_depth(str(path), 1e-3)
    torch.testing.assert_close(depth, torch.tensor([[torch.inf, 1.5], [2.0, 65.535]]))


def test_floats_are_in_world_units(tmp_path):
    path = tmp_path / "depth.npy"
    np.save(path, np.array([[[1.5], [np.nan], [1e10]]], np.float64))
    assert read_depth(str(path), 1e-3).tolist() == [[1.5, float("inf"), float("inf")]]


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_what_is_not_a_depth_map_is_refused(tmp_path, content):
    path = tmp_path / "depth.exr"
    path.write_bytes(content)
    with pytest.raises(RequestError, match="can't be read"):
        read_depth(str(path))
    with pytest.raises(RequestError, match="no depth map"):
        read_depth(str(tmp_path / "gone.png"))
    np.save(tmp_path / "empty.npy", np.zeros((3, 3)))
    with pytest.raises(RequestError, match="is empty"):
        read_depth(str(tmp_path / "empty.npy"))


@pytest.mark.parametrize("count", [96, 48])
@pytest.mark.parametrize("aim", [(0.0, 0.0), (0.1, -0.05)])
def test_the_training_camera_sees_the_same_surface(aim, count):
    view = ball_view(camera(aim), count)
    framed = framed_depth(view, OURS)
    true = ball_depth(training_camera(view.camera, OURS), OURS.size)
    both = framed.isfinite() & true.isfinite()
    assert both.sum() / (framed.isfinite() | true.isfinite()).sum() > 0.93
    assert (framed - true)[both].abs().median() < 0.01


def test_a_depth_map_moves_with_the_frame():
    view = ball_view(camera())
    moved = view.in_frame(np.diag([2.0, 2, 2, 1]))
    torch.testing.assert_close(moved.depth, view.depth / 2)
    assert np.linalg.norm(moved.camera.center) == pytest.approx(1.6)


def test_transforms_name_depth_and_its_unit(tmp_path):
    Image.fromarray(np.full((8, 8, 4), 200, np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.full((8, 8), 250, np.uint16)).save(tmp_path / "a.depth.png")
    frame = {"file_path": "a.png", "depth_file_path": "a.depth.png"}
    frame["transform_matrix"] = np.eye(4).tolist()
    shared = {"fl_x": 8, "fl_y": 8, "cx": 4, "cy": 4, "w": 8, "h": 8}
    content = {**shared, "depth_unit_scale_factor": 0.01, "frames": [frame]}
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps(content))
    (data,) = views_of(read_posed_images(path))
    view = to_view(data, Background())
    assert view.depth.unique().tolist() == [2.5]
    path.write_text(json.dumps({**content, "depth_unit_scale_factor": 0}))
    with pytest.raises(RequestError, match="depth_unit_scale_factor"):
        read_posed_images(path)
    path.write_text(json.dumps({**content, "k1": 0.1}))
    (data,) = views_of(read_posed_images(path))
    with pytest.raises(RequestError, match="distorted lens"):
        to_view(data, Background())


def test_a_missing_depth_map_is_told_and_not_used(tmp_path):
    Image.fromarray(np.full((8, 8, 4), 200, np.uint8)).save(tmp_path / "a.png")
    frame = {"file_path": "a.png", "depth_file_path": "gone.png", "camera_angle_x": 0.8}
    frame["transform_matrix"] = np.eye(4).tolist()
    (tmp_path / "transforms.json").write_text(json.dumps({"frames": [frame]}))
    posed = read_posed_images(tmp_path / "transforms.json")
    assert posed.frames[0].depth == ""
    assert any("is missing" in remark for remark in posed.remarks)


def test_postscript_in_a_depth_map_starts_no_process(ghostscript, tmp_path):
    for suffix in (".png", ".tif", ".exr", ".npy"):
        path = tmp_path / f"depth{suffix}"
        path.write_bytes(ghostscript.content)
        with pytest.raises(RequestError):
            read_depth(str(path))
    assert not ghostscript.started
