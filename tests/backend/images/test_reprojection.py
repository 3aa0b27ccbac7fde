"""Reprojection is continuous in the cameras: an image that fits is kept."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.images.reprojection import reproject


def camera(focal=70.0, size=64):
    pose = np.eye(4)
    pose[2, 3] = -3.0
    return Camera(pose, focal, focal, size / 2, size / 2, size, size)


@pytest.fixture
def noise():
    image = torch.rand(64, 64, 4, generator=torch.Generator().manual_seed(0))
    image[..., 3] = 1.0
    return image


@pytest.mark.parametrize("change", [0.0, 1e-15, -1e-15, 1e-9])
def test_an_image_of_the_wanted_camera_is_kept(noise, change):
    own = camera()
    target = replace(own, fx=own.fx * (1 + change), fy=own.fy * (1 - change))
    torch.testing.assert_close(reproject(noise, own, target), noise, rtol=0, atol=2e-5)


def test_a_small_change_of_the_lens_changes_the_image_in_proportion(noise):
    own, middle = camera(), (slice(8, -8), slice(8, -8))

    def change(relative):
        shorter = camera(70.0 * (1 - relative))  # a step above one pixel
        return float((reproject(noise, own, shorter) - noise)[middle].abs().max())

    assert change(1e-5) < 1e-3
    assert change(1e-3) < 0.2
    assert change(1e-5) < change(1e-4) < change(1e-3)


def test_a_shrunk_image_is_averaged(noise):
    half = camera(35.0, 32)
    expected = noise.reshape(32, 2, 32, 2, 4).mean((1, 3))
    torch.testing.assert_close(reproject(noise, camera(), half), expected, rtol=0, atol=1e-4)
