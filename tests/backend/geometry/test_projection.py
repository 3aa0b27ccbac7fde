"""Batched projection is every camera's own, whatever the mixture of cameras."""

from dataclasses import replace

import pytest
import torch
from levelform.backend.fusion import camera_tensors
from levelform.backend.geometry.projection import project_points


@pytest.mark.parametrize("orthographic", [False, True])
def test_project_points_is_the_cameras_projection(cameras, orthographic):
    cameras = [replace(camera, orthographic=orthographic) for camera in cameras]
    points = torch.rand(2, 7, 3) * 1.6 - 0.8
    poses, intrinsics = camera_tensors(cameras, torch.device("cpu"))
    pixels, depth = project_points(
        points, poses.expand(2, 5, 4, 4), intrinsics.expand(2, 5, 4), orthographic=orthographic
    )
    for index, camera in enumerate(cameras):
        wanted, far = camera.project(points)
        assert torch.allclose(pixels[:, index], wanted, atol=1e-3)
        assert torch.allclose(depth[:, index], far, atol=1e-5)


def test_cameras_of_both_kinds_go_together(cameras):
    kinds = [index % 2 == 0 for index in range(len(cameras))]
    cameras = [replace(c, orthographic=o) for c, o in zip(cameras, kinds, strict=True)]
    points = torch.rand(7, 3) * 1.6 - 0.8
    poses, intrinsics = camera_tensors(cameras, torch.device("cpu"))
    pixels, depth = project_points(points, poses, intrinsics, orthographic=torch.tensor(kinds))
    for index, camera in enumerate(cameras):
        wanted, far = camera.project(points)
        assert torch.allclose(pixels[index], wanted, atol=1e-3)
        assert torch.allclose(depth[index], far, atol=1e-5)
