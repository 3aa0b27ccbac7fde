"""Lifting: grid points land on the right pixels, and a depth map lifts back onto its surface."""

import numpy as np
import pytest
import torch
from levelform.backend.encoders.lifting import (
    grid_points,
    lift_depth,
    lift_features,
    voxels_of,
    without_strays,
)
from levelform.backend.geometry.cameras import Camera

SIZE = 64
RADIUS = 0.6


def look(azimuth=0.7, *, distance=3.0, orthographic=False):
    away = np.array([np.sin(azimuth), -np.cos(azimuth), 0.5])
    away /= np.linalg.norm(away)
    right = np.cross(-away, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(-away, right), -away], axis=1)
    pose[:3, 3] = distance * away
    focal = 0.45 * SIZE if orthographic else 1.2 * SIZE
    return Camera(pose, focal, focal, SIZE / 2, SIZE / 2, SIZE, SIZE, orthographic)


def tensors(camera):
    pose = torch.tensor(camera.camera_from_world, dtype=torch.float32)
    return pose, torch.tensor([camera.fx, camera.fy, camera.cx, camera.cy])


def sphere_depth(camera):
    """Return (S, S) depth of a sphere at the centre, infinite beside it."""
    y, x = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="ij")
    origins, directions = camera.rays(torch.stack([x, y], -1).double())
    a, b = directions.square().sum(-1), (origins * directions).sum(-1)
    root = b**2 - a * (origins.square().sum(-1) - RADIUS**2)
    return torch.where(root > 0, (-b - root.clamp_min(0).sqrt()) / a, torch.inf).float()


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("count", [7, 28])
def test_a_map_of_coordinates_tells_where_grid_points_project(count, orthographic):
    camera = look(orthographic=orthographic)
    pose, lens = tensors(camera)
    ramp = torch.arange(SIZE) + 0.5
    maps = torch.stack([ramp.expand(SIZE, SIZE), ramp[:, None].expand(SIZE, SIZE)])[None]
    lifted = lift_features(
        maps, count, pose[None], lens[None], picture=SIZE, orthographic=orthographic
    )
    pixels, _ = camera.project(grid_points(count, maps).double())
    within = ((pixels >= 0.5) & (pixels <= SIZE - 0.5)).all(1)
    found = lifted[0].flatten(1).T
    assert within.sum() > 0.3 * count**3
    torch.testing.assert_close(found[within], pixels[within].float(), rtol=0, atol=1e-3)
    beyond = ((pixels < -1) | (pixels > SIZE + 1)).any(1)
    assert (found[beyond] == 0).all()


def test_x_is_the_slowest_axis_of_a_grid():
    points = grid_points(3, torch.zeros(1))
    assert points[0].tolist() == [-1, -1, -1]
    assert points[1].tolist() == [-1, -1, 0]
    assert points[9].tolist() == [0, -1, -1]


@pytest.mark.parametrize("orthographic", [False, True])
def test_depth_lifts_back_onto_the_visible_side(orthographic):
    camera = look(orthographic=orthographic)
    pose, lens = tensors(camera)
    cloud = lift_depth(sphere_depth(camera), pose, lens, picture=SIZE, orthographic=orthographic)
    assert len(cloud) > 300
    torch.testing.assert_close(
        cloud.norm(dim=1), torch.full((len(cloud),), RADIUS), atol=1e-4, rtol=0
    )
    towards = -torch.tensor(camera.forward, dtype=torch.float32)
    assert (cloud @ towards > -0.05).all()


def test_views_of_one_object_agree_and_the_authors_formula_does_not():
    clouds = {}
    for legacy in (False, True):
        clouds[legacy] = []
        for azimuth in (0.0, 0.5):
            pose, lens = tensors(look(azimuth))
            depth = sphere_depth(look(azimuth))
            clouds[legacy].append(lift_depth(depth, pose, lens, picture=SIZE, legacy=legacy))
    gap = {k: torch.cdist(*v).amin(1).median() for k, v in clouds.items()}
    assert gap[False] < 0.05
    # Mirrored along the viewing axis, the cloud lies on the sphere's far side as seen.
    pose, _ = tensors(look(0.0))
    assert (clouds[True][0] @ pose[2, :3]).mean() > 0.2 > (clouds[False][0] @ pose[2, :3]).mean()


def test_strays_are_dropped_and_surfaces_kept():
    pose, lens = tensors(look())
    cloud = lift_depth(sphere_depth(look()), pose, lens, picture=SIZE)
    strays = torch.tensor([[0.9, 0.9, 0.9], [-0.9, 0.9, -0.9], [3.0, 0, 0]])
    kept = without_strays(cloud)
    assert len(kept) > 0.9 * len(cloud)  # the coarse rim is lonely
    assert torch.equal(without_strays(torch.cat([cloud, strays])), kept)
    assert len(without_strays(strays[:2])) == 2  # too few to tell


def test_points_fall_into_their_voxels():
    points = torch.tensor([[-1.0, -1, -1], [0.999, 0.999, 0.999], [0.01, -0.01, 0.5], [1.0, 0, 0]])
    grid = voxels_of(points, 4)
    assert grid.sum() == 3  # exactly +1 is outside
    assert grid[0, 0, 0] == grid[3, 3, 3] == grid[2, 1, 3] == 1
