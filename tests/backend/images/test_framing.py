"""Framing is exact to resampling, whatever the camera."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.images.alpha import premultiply
from levelform.backend.images.framing import (
    Framing,
    crop_to_mask,
    frame_view,
    frame_views,
    training_camera,
)
from levelform.backend.images.reprojection import reproject

FRAMING = Framing(size=64)


def difference(one, two):
    """Return the mean absolute difference of two premultiplied images."""
    return (premultiply(one) - premultiply(two)).abs().mean().item()


@pytest.mark.parametrize("index", range(5))
def test_any_camera_gives_the_training_cameras_image(photograph, cameras, index):
    view = photograph(cameras[index])
    framed = frame_view(view, FRAMING)
    direct = photograph(framed.camera)
    assert difference(framed.image, direct.image) < 0.004
    # Shifted by half a pixel it would be several times worse: the test can tell.
    moved = photograph(replace(framed.camera, cx=framed.camera.cx + 0.5))
    assert difference(framed.image, moved.image) > 2 * difference(framed.image, direct.image)


def test_training_camera_looks_at_the_centre_upright(cameras):
    for camera in cameras:
        target = training_camera(camera, FRAMING)
        pixels, depth = target.project(torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 0.5]]).double())
        assert torch.allclose(pixels[0], torch.tensor([32.0, 32.0]).double(), atol=1e-9)
        assert depth[0] > 0
        assert pixels[1, 0].item() == pytest.approx(32.0, abs=1e-9)
        assert pixels[1, 1] < 32
        assert np.allclose(target.center, camera.center)
        assert np.linalg.det(target.world_from_camera[:3, :3]) == pytest.approx(1)


def test_field_of_view_is_the_trainings_within_its_distances(aim):
    def focal(distance):
        camera = Camera(aim((0, -distance, 0.3), (0, 0, 0)), 50, 50, 32, 32, 64, 64)
        return training_camera(camera, FRAMING).fx

    assert focal(3.0) == pytest.approx(64 * 35 / 32)
    far = np.hypot(40, 0.3)
    assert focal(40.0) == pytest.approx(64 * 35 / 32 * far / FRAMING.far)
    near = np.hypot(1.0, 0.3)
    assert focal(1.0) == pytest.approx(64 * 35 / 32 * near / FRAMING.near)


def test_training_camera_straight_down_keeps_the_cameras_own_up():
    pose = np.diag([1.0, -1.0, -1.0, 1.0])  # looks along -z, up in the image is +y
    pose[2, 3] = 3.0
    target = training_camera(Camera(pose, 80, 80, 32, 32, 64, 64), FRAMING)
    assert np.allclose(target.world_from_camera, pose, atol=1e-9)


def test_orthographic_camera_slides_to_the_centre(photograph, aim):
    camera = Camera(aim((0.4, -3, 0.8), (0.4, 0, 0.0)), 90, 90, 150, 90, 260, 200, True)
    framed = frame_view(photograph(camera), FRAMING)
    assert framed.camera.orthographic
    pixels, _ = framed.camera.project(torch.zeros(1, 3).double())
    assert torch.allclose(pixels, torch.full((1, 2), 32.0).double())
    assert difference(framed.image, photograph(framed.camera).image) < 0.004


def test_outside_the_image_is_transparent(photograph, aim):
    narrow = Camera(aim((0, -3, 0.0), (0, 0, 0)), 200, 200, 30, 30, 60, 60)
    framed = frame_view(photograph(narrow), FRAMING)
    assert framed.image[..., 3].max() == 1
    assert framed.image[0, 0].abs().max() == 0
    assert framed.image[-1, -1].abs().max() == 0


def test_the_same_camera_returns_the_same_image(photograph, cameras):
    camera = training_camera(cameras[0], FRAMING)
    view = photograph(camera)
    again = frame_view(view, FRAMING)
    assert difference(again.image, view.image) < 1e-6


@pytest.mark.parametrize("noise", [-1e-9, -1e-15, 1e-15, 1e-9])
def test_a_lens_that_differs_by_rounding_smooths_nothing(photograph, cameras, noise):
    framed = frame_view(photograph(cameras[0]), FRAMING)
    view = photograph(framed.camera)
    off = replace(framed.camera, fx=framed.camera.fx * (1 + noise))
    again = frame_view(replace(view, camera=off), FRAMING)
    assert difference(again.image, view.image) < 1e-5


@pytest.mark.parametrize("factor", [2, 3, 5, 8])
def test_what_is_made_smaller_is_averaged(factor):
    size = 48 * factor
    camera = Camera(np.eye(4), 1.1 * size, 1.1 * size, size / 2, size / 2, size, size)
    small = Camera(np.eye(4), 52.8, 52.8, 24, 24, 48, 48)
    noise = torch.rand(size, size, generator=torch.Generator().manual_seed(0)).round()
    opaque = torch.ones(size, size)
    image = torch.stack([noise, noise, noise, opaque], -1)
    taken = reproject(image, camera, small)[..., 0]
    mean = noise.reshape(48, factor, 48, factor).mean((1, 3))
    # The std of a single pixel is 1/2, that of the mean of n independent ones 1 / (2 sqrt(n)).
    assert taken.std() < 1.5 * 0.5 / factor
    assert (taken - mean).abs().mean() < 0.5 * mean.std()
    stripes = (torch.arange(size) % 2).float().expand(size, size)  # finer than any new pixel
    flat = reproject(torch.stack([stripes, stripes, stripes, opaque], -1), camera, small)[..., 0]
    assert (flat[:, 1:-1] - 0.5).abs().max() < 0.26  # a single pixel: 0.5


def test_volume_behind_the_camera_is_refused(photograph, aim):
    camera = Camera(aim((0, -3, 0.0), (0, -6, 0)), 60, 60, 32, 32, 64, 64)
    with pytest.raises(RequestError, match="behind the camera of chair"):
        frame_view(View(torch.ones(64, 64, 4), camera, "chair"), FRAMING)


def test_unposed_image_is_cropped_to_the_margin():
    image = torch.zeros(90, 160, 4)
    image[20:60, 100:120] = torch.tensor([0.2, 0.4, 0.6, 1.0])  # 40 high, 20 wide
    framed = crop_to_mask(View(image), Framing(size=50, margin=0.1))
    rows, columns = (framed[..., 3] > 0.5).nonzero(as_tuple=True)
    assert (rows.min(), rows.max() + 1) == (5, 45)
    assert (columns.min(), columns.max() + 1) == (15, 35)
    assert torch.allclose(framed[25, 25], torch.tensor([0.2, 0.4, 0.6, 1.0]), atol=1e-5)


def test_unposed_image_is_padded_where_the_crop_leaves_it():
    image = torch.ones(30, 30, 4)
    framed = crop_to_mask(View(image), Framing(size=40, margin=0.125))
    assert (framed[..., 3] > 0.5).sum() == 30 * 30
    assert framed[0, 0].abs().max() == 0


def test_empty_mask_is_refused():
    with pytest.raises(RequestError, match="mug: the image shows no object"):
        crop_to_mask(View(torch.zeros(8, 8, 4), name="mug"), FRAMING)


def test_frame_views_stacks(photograph, cameras):
    unposed = replace(photograph(cameras[2]), camera=None)
    images = frame_views([photograph(cameras[0]), unposed], FRAMING)
    assert images.images.shape == (2, 4, 64, 64)
    assert images.cameras[1] is None
