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


def test_an_image_shrunk_to_an_eighth_is_averaged_over_all_pixels(noise):
    """Four samples a pixel alone would read 16 of its 64 pixels."""
    eighth = camera(70.0 / 8, 8)
    expected = noise.reshape(8, 8, 8, 8, 4).mean((1, 3))
    torch.testing.assert_close(reproject(noise, camera(), eighth), expected, rtol=0, atol=1e-4)


def test_an_image_shrunk_to_a_third_reads_more_than_the_middle_pixel(noise):
    """Its samples stand 0.75 pixels off the middle: weights .375, .25, .375 along each axis."""
    image = noise[:48, :48]
    weights = torch.tensor([0.375, 0.25, 0.375])
    expected = torch.einsum("yaxbc,a,b->yxc", image.reshape(16, 3, 16, 3, 4), weights, weights)
    shrunk = reproject(image, camera(52.5, 48), camera(17.5, 16))
    torch.testing.assert_close(shrunk, expected, rtol=0, atol=1e-4)
