"""Colours of the hull: from the views that see a point, none from behind, no background."""

import math

import numpy as np
import pytest
import torch
from levelform.backend.fields.hull import HullField, silhouette_map
from levelform.backend.fields.silhouettes import grown_colors
from levelform.backend.fields.view_colors import FAR, trace_depths
from levelform.backend.geometry.cameras import Camera

RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
BALLS = (((0.0, 0.0, 0.0), 0.6),)
PAIR = (((0.0, -0.45, 0.0), 0.3), ((0.0, 0.45, 0.0), 0.3))


def paint(points):
    """Red where x > 0, blue elsewhere."""
    return torch.where(points[..., :1] > 0, torch.tensor(RED), torch.tensor(BLUE))


def paint_by_ball(points):
    """Red at y < 0, blue elsewhere."""
    return torch.where(points[..., 1:2] < 0, torch.tensor(RED), torch.tensor(BLUE))


def take(camera, balls, painter, samples=3):
    """Return (4, H, W) linear premultiplied: what the camera sees of painted balls."""
    y = (torch.arange(camera.height * samples) + 0.5) / samples
    x = (torch.arange(camera.width * samples) + 0.5) / samples
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    origins, directions = camera.rays(torch.stack([grid_x, grid_y], -1).double())
    directions = directions / directions.norm(dim=-1, keepdim=True)
    nearest = torch.full(grid_x.shape, torch.inf, dtype=torch.float64)
    for center, radius in balls:
        offset = origins - torch.tensor(center, dtype=torch.float64)
        b = (offset * directions).sum(-1)
        root = b * b - (offset * offset).sum(-1) + radius**2
        depth = torch.where(root > 0, -b - root.clamp(min=0).sqrt(), torch.inf)
        nearest = torch.minimum(nearest, depth)
    hit = nearest.isfinite()
    spots = origins + torch.where(hit, nearest, 0.0)[..., None] * directions
    alpha = hit[..., None].float()
    flat = torch.cat([painter(spots.float()) * alpha, alpha], -1)
    size = (camera.height, samples, camera.width, samples, 4)
    return flat.reshape(size).mean((1, 3)).permute(2, 0, 1)


def around(count, aim, size=96, zoom=97.0, height=0.7, distance=3.0):
    cameras = []
    for index in range(count):
        angle = 2 * math.pi * index / count + 0.3
        center = (distance * math.cos(angle), distance * math.sin(angle), height * (-1) ** index)
        cameras.append(Camera(aim(center, (0, 0, 0)), zoom, zoom, size / 2, size / 2, size, size))
    return cameras


def hull_from(cameras, images):
    """Return the hull of premultiplied images, (4, H, W)."""
    maps = [silhouette_map(p[3], c) for p, c in zip(images, cameras, strict=True)]
    return HullField(maps, cameras, images=[clean(image) for image in images])


def clean(image):
    straight = image[:3] / image[3].clamp_min(1e-6)
    grown = grown_colors(straight.permute(1, 2, 0).numpy(), image[3].numpy())
    return torch.from_numpy(grown).permute(2, 0, 1)


def hull_of(cameras, balls, painter):
    return hull_from(cameras, [take(camera, balls, painter) for camera in cameras])


def on_surface(hull, count, seed=0):
    """Return points of the hull's surface: random rays from inside, bisected."""
    generator = torch.Generator().manual_seed(seed)
    ways = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=1)
    low, high = torch.zeros(count, 1), torch.full((count, 1), 1.5)
    for _ in range(30):
        middle = (low + high) / 2
        inside = (hull(middle * ways) < 0)[:, None]
        low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
    return low * ways


def test_a_two_coloured_sphere_is_right_on_both_sides(aim):
    cameras = around(8, aim)
    hull = hull_of(cameras, BALLS, paint)
    points = on_surface(hull, 4000)
    colors = hull.color(points)
    assert colors.shape == (4000, 4)
    assert bool((colors[:, 3] == 1).all())
    clear = points[:, 0].abs() > 0.06
    error = (colors[:, :3] - paint(points)).abs().amax(1)[clear]
    assert float(error.mean()) < 0.01
    assert float((error > 0.2).float().mean()) < 0.01


def test_background_does_not_bleed_in(aim):
    """Green that soft edges have taken from behind the object never reaches the surface."""
    cameras = around(6, aim)
    images = [take(camera, BALLS, paint) for camera in cameras]
    for image in images:  # as an image cut out of a green photograph: mixed, then multiplied
        image[1] += (1 - image[3]) * 0.8
        image[:3] *= image[3]
    hull = hull_from(cameras, images)
    green = hull.color(on_surface(hull, 3000))[:, 1]
    assert float(green.max()) < 0.02


def test_a_hidden_surface_is_not_painted_by_what_hides_it(aim):
    """Two balls in a row along y: cameras in front of the red one must not paint the blue one."""
    cameras = around(8, aim, height=0.3)
    hull = hull_of(cameras, PAIR, paint_by_ball)
    ways = torch.nn.functional.normalize(
        torch.randn(3000, 3, generator=torch.Generator().manual_seed(1)), dim=1
    )
    for center, radius in PAIR:
        points = torch.tensor(center) + radius * ways
        error = (hull.color(points)[:, :3] - paint_by_ball(points)).abs().amax(1)
        assert float((error > 0.2).float().mean()) < 0.02


def test_depth_maps_agree_with_the_sphere_they_see(aim):
    cameras = around(12, aim, height=1.4)
    hull = hull_of(cameras, BALLS, paint)
    camera, depth = cameras[0], trace_depths(hull)[0]
    assert depth.shape == (96, 96)
    y, x = torch.meshgrid(torch.arange(96) + 0.5, torch.arange(96) + 0.5, indexing="ij")
    pixels = torch.stack([x, y], -1)
    origins, directions = camera.rays(pixels)
    a, b = (directions**2).sum(-1), (origins * directions).sum(-1)
    root = b * b - a * ((origins**2).sum(-1) - 0.36)
    ground_truth = (-b - root.clamp(min=0).sqrt()) / a
    middle = (pixels - 48).norm(dim=-1) < 11
    assert bool((depth[middle] <= ground_truth[middle] + 0.02).all())  # the hull is never behind it
    assert float((ground_truth - depth)[middle].median()) < 0.1
    away = (pixels - 48).norm(dim=-1) > 30
    assert bool((depth[away] == FAR).all())


def test_a_hull_without_images_has_no_colour(aim):
    cameras = around(2, aim, size=32, zoom=32.0)
    maps = [silhouette_map(take(c, BALLS, paint)[3], c) for c in cameras]
    assert HullField(maps, cameras).color(torch.zeros(4, 3)) is None


@pytest.mark.parametrize("seed", [0, 1])
def test_colours_are_finite_everywhere(aim, seed):
    hull = hull_of(around(3, aim, size=48, zoom=48.0), BALLS, paint)
    points = torch.randn(2000, 3, generator=torch.Generator().manual_seed(seed))
    colors = hull.color(torch.cat([points, torch.from_numpy(np.zeros((1, 3), np.float32))]))
    assert bool(colors.isfinite().all())
    assert float(colors.min()) >= 0
    assert float(colors.max()) <= 1
