"""Framing is exact to resampling, whatever the camera; fusing follows its rules."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.fusion import (
    Framing,
    camera_tensors,
    crop_to_mask,
    frame_view,
    frame_views,
    inside_picture,
    network_input,
    premultiply,
    project_points,
    reduce_views,
    sample_maps,
    straighten,
    training_camera,
)
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View

FRAMING = Framing(size=64)


def difference(one, two):
    """Return the mean absolute difference of two premultiplied pictures."""
    return (premultiply(one) - premultiply(two)).abs().mean().item()


@pytest.mark.parametrize("index", range(5))
def test_any_camera_gives_the_training_cameras_picture(photograph, cameras, index):
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
    pose = np.diag([1.0, -1.0, -1.0, 1.0])  # looks along -z, up in the picture is +y
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


def test_outside_the_picture_is_transparent(photograph, aim):
    narrow = Camera(aim((0, -3, 0.0), (0, 0, 0)), 200, 200, 30, 30, 60, 60)
    framed = frame_view(photograph(narrow), FRAMING)
    assert framed.image[..., 3].max() == 1
    assert framed.image[0, 0].abs().max() == 0
    assert framed.image[-1, -1].abs().max() == 0


def test_the_same_camera_returns_the_same_picture(photograph, cameras):
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


def test_volume_behind_the_camera_is_refused(photograph, aim):
    camera = Camera(aim((0, -3, 0.0), (0, -6, 0)), 60, 60, 32, 32, 64, 64)
    with pytest.raises(RequestError, match="behind the camera of chair"):
        frame_view(View(torch.ones(64, 64, 4), camera, "chair"), FRAMING)


def test_unposed_picture_is_cropped_to_the_margin():
    image = torch.zeros(90, 160, 4)
    image[20:60, 100:120] = torch.tensor([0.2, 0.4, 0.6, 1.0])  # 40 high, 20 wide
    framed = crop_to_mask(View(image), Framing(size=50, margin=0.1))
    rows, columns = (framed[..., 3] > 0.5).nonzero(as_tuple=True)
    assert (rows.min(), rows.max() + 1) == (5, 45)
    assert (columns.min(), columns.max() + 1) == (15, 35)
    assert torch.allclose(framed[25, 25], torch.tensor([0.2, 0.4, 0.6, 1.0]), atol=1e-5)


def test_unposed_picture_is_padded_where_the_crop_leaves_it():
    image = torch.ones(30, 30, 4)
    framed = crop_to_mask(View(image), Framing(size=40, margin=0.125))
    assert (framed[..., 3] > 0.5).sum() == 30 * 30
    assert framed[0, 0].abs().max() == 0


def test_empty_mask_is_refused():
    with pytest.raises(RequestError, match="mug: the picture shows no object"):
        crop_to_mask(View(torch.zeros(8, 8, 4), name="mug"), FRAMING)


def test_straight_alpha_survives_the_round_trip():
    image = torch.rand(5, 6, 4).clamp(min=0.01)
    assert torch.allclose(straighten(premultiply(image)), image, atol=1e-5)


@pytest.mark.parametrize(
    ("backdrop", "expected"),
    [("white", [0.9, 0.6, 0.8]), ("black", [0.4, 0.1, 0.3]), ("rgba", [0.8, 0.2, 0.6, 0.5])],
)
def test_backdrops(backdrop, expected):
    images = torch.tensor([0.8, 0.2, 0.6, 0.5])[None, :, None, None].expand(2, 4, 3, 3).clone()
    images[0, 3] = 0
    made = network_input(images, backdrop)
    assert torch.allclose(made[1, :, 0, 0], torch.tensor(expected))
    empty = {"white": [1.0] * 3, "black": [0.0] * 3, "rgba": [0.0] * 4}[backdrop]
    assert made[0, :, 0, 0].tolist() == empty


def test_frame_views_stacks(photograph, cameras):
    unposed = replace(photograph(cameras[2]), camera=None)
    pictures = frame_views([photograph(cameras[0]), unposed], FRAMING)
    assert pictures.images.shape == (2, 4, 64, 64)
    assert pictures.cameras[1] is None


def test_reductions():
    values = torch.tensor([[1.0, 5.0], [3.0, 1.0]])
    assert reduce_views(values).tolist() == [2.0, 3.0]
    assert reduce_views(values, "sum").tolist() == [4.0, 6.0]
    assert reduce_views(values, "max").tolist() == [3.0, 5.0]
    weights = torch.tensor([[3.0, 0.0], [1.0, 0.0]])
    assert reduce_views(values, "mean", weights=weights).tolist() == [1.5, 3.0]
    assert reduce_views(values, "sum", weights=weights).tolist() == [6.0, 0.0]
    with pytest.raises(RequestError, match="'median'"):
        reduce_views(values, "median")


@pytest.mark.parametrize("orthographic", [False, True])
def test_project_points_is_the_cameras_projection(cameras, orthographic):
    cameras = [replace(camera, orthographic=orthographic) for camera in cameras]
    points = torch.rand(2, 7, 3) * 1.6 - 0.8
    poses, lenses = camera_tensors(cameras, torch.device("cpu"))
    pixels, depth = project_points(
        points, poses.expand(2, 5, 4, 4), lenses.expand(2, 5, 4), orthographic=orthographic
    )
    for index, camera in enumerate(cameras):
        wanted, far = camera.project(points)
        assert torch.allclose(pixels[:, index], wanted, atol=1e-3)
        assert torch.allclose(depth[:, index], far, atol=1e-5)


def test_sample_maps_reads_pixel_centres():
    maps = torch.rand(2, 3, 4, 6)
    rows, columns = torch.tensor([0, 2, 3]), torch.tensor([5, 1, 0])
    pixels = torch.stack([(columns + 0.5) * 10, (rows + 0.5) * 10], -1).expand(2, 3, 2)
    taken = sample_maps(maps, pixels.float(), picture=(60, 40))
    assert torch.allclose(taken, maps[:, :, rows, columns].transpose(1, 2), atol=1e-5)


def test_inside_picture():
    pixels = torch.tensor([[0.0, 0.0], [60.0, 40.0], [61.0, 2.0], [-0.1, 2.0], [3.0, 3.0]])
    depth = torch.tensor([1.0, 1.0, 1.0, 1.0, -1.0])
    seen = inside_picture(pixels, depth, picture=(60, 40))
    assert seen.tolist() == [True, True, False, False, False]
