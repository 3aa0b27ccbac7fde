"""The plane sweep finds the surfaces of a cube in a room from images with known cameras."""

import numpy as np
import pytest
import room
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.photographs import sweeping
from levelform.backend.photographs.boxes import find_box
from levelform.backend.photographs.sweeping import Region, color_cost, neighbours, surface_points

FOCUS = np.array([0.0, 0.0, 0.4])


@pytest.fixture(scope="module")
def views():
    """Return the images and cameras of 16 photographs."""
    cameras = room.cameras(16)
    images = [torch.from_numpy(room.photograph(c)[0].astype(np.float32) / 255) for c in cameras]
    return images, [Camera.from_data(camera) for camera in cameras]


def test_points_lie_on_the_cube_and_reach_its_edges(views, monkeypatch):
    monkeypatch.setattr(sweeping, "STEPS", 60)  # of a region as small as that
    images, cameras = views
    region = Region(np.zeros(2), 0.75, 0.03, 1.1)
    points = surface_points(images.__getitem__, cameras, region, FOCUS)
    lower, upper = room.CUBE
    off = np.abs(np.maximum(lower - points, points - upper).max(1))
    assert len(points) > 500
    assert np.median(off) < 0.01

    def sweep(_region):
        return points

    box = find_box([], np.zeros((0, 3)), FOCUS, room.DISTANCE, 0.0, sweep)
    assert box.source == "points"
    np.testing.assert_allclose(np.ptp(box.corners, 0), np.ptp(room.CUBE, 0), rtol=0.05)


def test_few_points_do_not_make_a_box():
    few = np.random.default_rng(0).uniform((-0.2, -0.2, 0.3), (0.2, 0.2, 0.7), (100, 3))
    box = find_box([], np.zeros((0, 3)), FOCUS, room.DISTANCE, 0.0, lambda _: few)
    assert box.source == "focus"


def test_rays_enter_and_leave_the_region_where_points_do():
    region = Region(np.array([0.2, -0.1]), 0.8, 0.1, 1.3)
    rng = np.random.default_rng(1)
    origin = np.array([0.3, -3.0, 1.0])
    directions = rng.normal(size=(300, 3)) * (0.4, 0.1, 0.4) + (0, 1, 0)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    enter, leave = region.along(origin, directions)
    t = np.linspace(0, 8, 4001)
    points = origin + t[:, None, None] * directions
    inside = np.linalg.norm(points[..., :2] - region.middle, axis=2) < region.radius
    inside &= (points[..., 2] > region.lower) & (points[..., 2] < region.upper)
    hit = inside.sum(0) > 2
    assert hit.any()
    assert not hit.all()
    assert (leave[hit] > enter[hit]).all()
    assert (leave - enter)[inside.sum(0) == 0].max() < 0.01
    np.testing.assert_allclose(enter[hit], t[inside.argmax(0)][hit], atol=4e-3)
    np.testing.assert_allclose((leave - enter)[hit], inside.sum(0)[hit] * t[1], atol=8e-3)


def test_the_cost_is_that_of_single_pixels(views):
    images, cameras = views
    rng = np.random.default_rng(2)
    places = rng.uniform(-0.4, 0.4, (5, 3, 3)) + FOCUS
    colors = torch.from_numpy(rng.random((5, 3), np.float32))
    seen_by = [(cameras[k], images[k]) for k in (1, 2, 15, 14)]
    cost = color_cost(seen_by, places, colors)
    for n, t in np.ndindex(5, 3):
        off = sorted(slow_cost(c, i, places[n, t], colors[n].numpy()) for c, i in seen_by)
        assert cost[n, t] == pytest.approx(np.mean(off[: sweeping.VISIBLE]), abs=1e-4)


def slow_cost(camera, image, place, color):
    x, y, z = (camera.camera_from_world @ [*place, 1.0])[:3]
    column, row = camera.fx * x / z + camera.cx - 0.5, camera.fy * y / z + camera.cy - 0.5
    left, top = int(np.floor(column)), int(np.floor(row))
    sampled = np.zeros(3)
    for down in (0, 1):
        for right in (0, 1):
            weight = (1 - abs(column - left - right)) * (1 - abs(row - top - down))
            sampled += weight * image[top + down, left + right].numpy()
    return min(float(np.abs(sampled - color).mean()), sweeping.CAP)


def test_neighbours_are_neither_too_near_nor_too_far():
    angles = np.radians([0, 1, 12, 22, -19, 40, 90, 180])
    away = np.stack([np.sin(angles), np.cos(angles), 0 * angles], 1)
    assert set(neighbours(away, 0)) == {2, 3, 4, 5}
    assert neighbours(away, 7) == []
