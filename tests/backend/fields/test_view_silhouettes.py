"""Silhouettes as maps of distances: of points to the hull, and of rays through it."""

import numpy as np
import pytest
import torch
from levelform.backend.fields.hull import HullField, silhouette_map
from levelform.backend.fields.view_silhouettes import (
    Silhouettes,
    distances_at,
    hull_interval,
    pixel_distances,
    project,
)
from levelform.backend.geometry.cameras import Camera

SIZE, RADIUS, DISTANCE, FOCAL = 64, 0.6, 3.0, 80.0


def disc(radius, size=SIZE, samples=8):
    """Return the alpha of a disc in the middle of an image, by averaging samples."""
    ticks = (np.arange(size * samples) + 0.5) / samples - size / 2
    inside = np.hypot(*np.meshgrid(ticks, ticks)) < radius
    return inside.reshape(size, samples, size, samples).mean((1, 3)).astype(np.float32)


def camera_at(angle, *, orthographic=False):
    forward = np.array([np.cos(angle), np.sin(angle), 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([np.cross(forward, [0, 0, 1.0]), [0, 0, -1.0], forward], 1)
    pose[:3, 3] = -DISTANCE * forward
    focal = FOCAL / DISTANCE if orthographic else FOCAL
    middle = SIZE / 2
    return Camera(pose, focal, focal, middle, middle, SIZE, SIZE, orthographic=orthographic)


def ball(count, *, orthographic=False):
    """Return the silhouettes of a ball from `count` sides, their cameras and their alpha."""
    cameras = [camera_at(2 * np.pi * i / count, orthographic=orthographic) for i in range(count)]
    seen = RADIUS * FOCAL / DISTANCE if orthographic else RADIUS * FOCAL / np.sqrt(9 - RADIUS**2)
    alpha = disc(seen)
    poses = np.stack([camera.camera_from_world for camera in cameras]).astype(np.float32)
    intrinsics = np.array([[c.fx, c.fy, c.cx, c.cy] for c in cameras], np.float32)
    views = Silhouettes(
        torch.from_numpy(np.stack([pixel_distances(alpha)] * count))[None],
        torch.from_numpy(poses)[None],
        torch.from_numpy(intrinsics)[None],
        torch.full((1, count), orthographic),
    )
    return views, cameras, torch.from_numpy(alpha)


def test_distances_in_pixels_place_the_edge_to_a_fraction_of_one():
    radius = 17.3
    ticks = np.arange(SIZE) + 0.5 - SIZE / 2
    true = np.hypot(*np.meshgrid(ticks, ticks)) - radius
    actual = pixel_distances(disc(radius))
    assert np.abs(actual - true)[np.abs(true) < 0.5].max() < 0.3
    assert np.abs(actual - true).max() < 0.7
    assert (
        np.array_equal(actual < 0, true < 0)
        or (np.abs(true[(actual < 0) != (true < 0)]) < 0.2).all()
    )


def test_empty_and_full_images_are_far_from_any_edge():
    assert (pixel_distances(np.zeros((8, 8), np.float32)) == 8).all()
    assert (pixel_distances(np.ones((8, 8), np.float32)) == -8).all()


@pytest.mark.parametrize("orthographic", [False, True])
def test_projections_are_the_cameras_own(orthographic):
    views, cameras, _ = ball(3, orthographic=orthographic)
    points = torch.rand(1, 50, 3) - 0.5
    pixels, local, _ = project(points, views)
    for index, camera in enumerate(cameras):
        expected, depth = camera.project(points[0].double())
        torch.testing.assert_close(pixels[0, index].double(), expected, atol=1e-3, rtol=0)
        torch.testing.assert_close(local[0, index, :, 2].double(), depth, atol=1e-4, rtol=0)


@pytest.mark.parametrize("orthographic", [False, True])
def test_the_hull_is_that_of_the_exact_field(orthographic):
    views, cameras, alpha = ball(5, orthographic=orthographic)
    exact = HullField([silhouette_map(alpha, camera) for camera in cameras], cameras)
    points = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    true, actual = exact(points), distances_at(points[None], views)[0].amax(0)
    clear = true.abs() > 0.02
    assert torch.equal((true < 0)[clear], (actual < 0)[clear])
    near = (true.abs() < 0.1) & (points.norm(dim=1) < 0.8)
    assert (true - actual)[near].abs().mean() < 0.02


@pytest.mark.parametrize("orthographic", [False, True])
def test_rays_enter_and_leave_the_hull_where_a_search_along_them_says(orthographic):
    views, cameras, alpha = ball(6, orthographic=orthographic)
    cells = 16
    interval = hull_interval(views, cells)
    exact = HullField([silhouette_map(alpha, camera) for camera in cameras], cameras)
    ticks = (torch.arange(cells, dtype=torch.float64) + 0.5) * SIZE / cells
    pixels = torch.stack(torch.meshgrid(ticks, ticks, indexing="xy"), -1)
    depths = torch.linspace(1.7, 4.3, 800, dtype=torch.float64)
    for index, camera in enumerate(cameras):
        origins, directions = camera.rays(pixels)
        along = directions / (directions @ torch.from_numpy(camera.forward))[..., None]
        start = (origins - torch.from_numpy(camera.center)) @ torch.from_numpy(camera.forward)
        points = origins[:, :, None] + (depths - start[..., None])[..., None] * along[:, :, None]
        inside = (exact(points.reshape(-1, 3).float()) < 0).view(cells, cells, -1)
        valid = interval.valid[0, index]
        assert (inside.any(-1) == valid).float().mean() > 0.97
        both = valid & inside.any(-1)
        first = depths[inside.int().argmax(-1)][both]
        last = depths[len(depths) - 1 - inside.flip(-1).int().argmax(-1)][both]
        assert (interval.front[0, index][both] - first).abs().median() < 0.03
        assert (interval.back[0, index][both] - last).abs().median() < 0.06
