"""Cameras that are a little wrong are turned back by the silhouettes."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.silhouettes.correcting import corrected

SIZE = 96


def camera_at(azimuth, elevation):
    a, e = math.radians(azimuth), math.radians(elevation)
    back = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
    right = np.array([math.cos(a), math.sin(a), 0.0])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = np.stack([right, -np.cross(back, right), -back], 1), 4.0 * back
    return Camera(pose, SIZE * 1.5, SIZE * 1.5, SIZE / 2, SIZE / 2, SIZE, SIZE)


def view_of(camera, name):
    """Return the view of a body of three balls, whose outlines are circles' unions."""
    side = torch.arange(SIZE, dtype=torch.float64) + 0.5
    pixels = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
    origins, directions = camera.rays(pixels)
    directions = directions / directions.norm(dim=1, keepdim=True)
    alpha = torch.zeros(len(pixels), dtype=torch.float64)
    for centre, radius in (((0, 0, 0), 0.4), ((0.4, 0.2, 0.3), 0.3), ((-0.3, 0.3, -0.3), 0.25)):
        away = torch.tensor(centre, dtype=torch.float64) - origins
        nearest = (away - (away * directions).sum(1, keepdim=True) * directions).norm(dim=1)
        alpha = torch.maximum(alpha, ((radius - nearest) * SIZE * 1.5 / 4 + 0.5).clamp(0, 1))
    image = torch.zeros(SIZE, SIZE, 4)
    image[..., 3] = alpha.view(SIZE, SIZE).float()
    return View(image, camera, name)


def turned(view, degrees):
    a = math.radians(degrees)
    matrix = np.eye(4)
    matrix[:3, :3] = [[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]]
    pose = view.camera.world_from_camera @ matrix
    return replace(view, camera=replace(view.camera, world_from_camera=pose))


@pytest.fixture(scope="module")
def views():
    return [view_of(camera_at(72.0 * i, 10.0 + 12.0 * i), f"view {i}") for i in range(5)]


def test_a_turned_camera_is_turned_back_and_named(views):
    wrong = [turned(view, 1.5) if index == 2 else view for index, view in enumerate(views)]
    result = corrected(wrong)
    assert result is not None
    assert result.after < 0.3 * result.before
    assert "view 2" in result.remark
    assert max(range(5), key=lambda index: result.rotations[index]) == 2
    true, found = views[2].camera.forward, result.views[2].camera.forward
    assert math.degrees(math.acos(min(float(true @ found), 1.0))) < 0.5


def test_cameras_that_agree_stay(views):
    assert corrected(views) is None


def test_two_views_are_left_alone(views):
    assert corrected([views[0], turned(views[1], 2.0)]) is None
