"""Lifting: grid points land on the right pixels, and a depth map lifts back onto its surface."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from levelform.backend.encoders.lifting import (
    LiftingCameras,
    grid_points,
    inliers,
    lift_depth,
    lift_features,
    upsample_depth,
    voxels_of,
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


def lifting(camera, *, legacy=False):
    pose = torch.tensor(camera.camera_from_world, dtype=torch.float32)[None]
    intrinsics = torch.tensor([[camera.fx, camera.fy, camera.cx, camera.cy]])
    return LiftingCameras(pose, intrinsics, SIZE, camera.orthographic, legacy)


def sphere_depth(camera, size=SIZE):
    """Return (size, size) depth of a sphere at the centre, infinite beside it."""
    centers = (torch.arange(size) + 0.5) * SIZE / size
    y, x = torch.meshgrid(centers, centers, indexing="ij")
    origins, directions = camera.rays(torch.stack([x, y], -1).double())
    a, b = directions.square().sum(-1), (origins * directions).sum(-1)
    root = b**2 - a * (origins.square().sum(-1) - RADIUS**2)
    return torch.where(root > 0, (-b - root.clamp_min(0).sqrt()) / a, torch.inf).float()


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("count", [7, 28])
def test_a_map_of_coordinates_tells_where_grid_points_project(count, orthographic):
    camera = look(orthographic=orthographic)
    ramp = torch.arange(SIZE) + 0.5
    maps = torch.stack([ramp.expand(SIZE, SIZE), ramp[:, None].expand(SIZE, SIZE)])[None]
    lifted = lift_features(maps, count, lifting(camera))
    pixels, _ = camera.project(grid_points(count, maps).double())
    within = ((pixels >= 0.5) & (pixels <= SIZE - 0.5)).all(1)
    actual = lifted[0].flatten(1).T
    assert within.sum() > 0.3 * count**3
    torch.testing.assert_close(actual[within], pixels[within].float(), rtol=0, atol=1e-3)
    beyond = ((pixels < -1) | (pixels > SIZE + 1)).any(1)
    assert (actual[beyond] == 0).all()


def test_x_is_the_slowest_axis_of_a_grid():
    points = grid_points(3, torch.zeros(1))
    assert points[0].tolist() == [-1, -1, -1]
    assert points[1].tolist() == [-1, -1, 0]
    assert points[9].tolist() == [0, -1, -1]


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("size", [24, 32, 64, 112])
def test_depth_lifts_back_onto_the_visible_side(orthographic, size):
    camera = look(orthographic=orthographic)
    depth = sphere_depth(camera, size)
    cloud = lift_depth(depth, lifting(camera))
    pixel = 3.0 / size  # the image is about so wide where the sphere is
    off = (cloud.norm(dim=1) - RADIUS).abs()
    assert off.max() < (1e-4 if size == 112 else pixel)
    assert off.median() < (1e-4 if size == 112 else pixel**2)
    towards = -torch.tensor(camera.forward, dtype=torch.float32)
    assert (cloud @ towards > -pixel).all()


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("size", [32, 64, 112])
def test_no_voxel_of_the_visible_side_is_empty(orthographic, size):
    camera = look(orthographic=orthographic)
    cloud = lift_depth(sphere_depth(camera, size), lifting(camera))
    ground_truth = F.normalize(
        torch.randn(50_000, 3, generator=torch.Generator().manual_seed(0)), dim=1
    )
    towards = -torch.tensor(camera.forward, dtype=torch.float32)
    seen = voxels_of(RADIUS * ground_truth[ground_truth @ towards > 0.7], 28) > 0
    whole = F.max_pool3d(voxels_of(cloud, 28)[None], 3, 1, 1)[0] > 0  # beside it counts: rounding
    assert seen.sum() > 100
    assert whole[seen].all()
    assert (voxels_of(cloud, 28) > 0)[seen].float().mean() > 0.8


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_finer_depth_map_is_a_plane_where_the_map_is_and_has_the_same_edges(factor):
    v, u = torch.meshgrid(torch.arange(8) + 0.5, torch.arange(8) + 0.5, indexing="ij")
    depth = 2 + 0.1 * u - 0.05 * v
    depth[:, 5:] += 3.0  # a wall behind
    depth[6:, :] = torch.inf
    finer = upsample_depth(depth, factor, torch.full_like(depth, 0.3))
    fine = (torch.arange(8 * factor) + 0.5) / factor
    y, x = torch.meshgrid(fine, fine, indexing="ij")
    assert torch.equal(finer.isfinite(), y < 6)
    plane = 2 + 0.1 * x - 0.05 * y + 3.0 * (x > 5)
    inner = (y > 0.5) & (y < 5.5) & (x > 0.5) & (x < 7.5) & ((x - 5).abs() > 0.5)
    torch.testing.assert_close(finer[inner], plane[inner])
    assert ((finer - plane)[y < 6].abs() < 0.1).all()  # nothing between front and back


def test_views_of_one_object_agree_and_the_authors_formula_does_not():
    clouds = {}
    for legacy in (False, True):
        clouds[legacy] = []
        for azimuth in (0.0, 0.5):
            camera = look(azimuth)
            cloud = lift_depth(sphere_depth(camera), lifting(camera, legacy=legacy))
            clouds[legacy].append(cloud)
    gap = {k: torch.cdist(*v).amin(1).median() for k, v in clouds.items()}
    assert gap[False] < 0.05
    # Mirrored along the viewing axis, the cloud lies on the sphere's far side as seen.
    forward = torch.tensor(look(0.0).forward, dtype=torch.float32)
    assert (clouds[True][0] @ forward).mean() > 0.2 > (clouds[False][0] @ forward).mean()


@pytest.mark.parametrize(("size", "fraction"), [(32, 1.0), (64, 1.0), (112, 0.98)])
def test_outliers_are_dropped_and_surfaces_kept(size, fraction):
    depth = sphere_depth(look(), size)
    outlier = depth.clone()
    outlier[1, 1] = outlier[-2, 1] = 3.0  # the image's corners
    clouds = [lift_depth(each, lifting(look())) for each in (depth, outlier)]
    assert torch.equal(*clouds)
    finer = -(-112 // size)
    assert len(clouds[0]) >= fraction * depth.isfinite().sum() * finer**2


def test_a_point_belongs_to_five_others_within_reach():
    row = torch.arange(10)[:, None] * torch.tensor([[0.1, 0.0, 0.0]])
    cloud = torch.cat([row, torch.tensor([[0.9, 0.9, 0.9], [3.0, 0, 0]])])
    assert inliers(cloud, torch.full((12,), 0.51)).tolist() == 10 * [True] + 2 * [False]
    # The fifth neighbour is three steps away within a row, five at its end.
    near = inliers(cloud, torch.full((12,), 0.31))
    assert near.tolist() == [False, False, *6 * [True], *4 * [False]]
    assert inliers(cloud[-4:], torch.zeros(4)).tolist() == [True, True, True, False]


def test_points_fall_into_their_voxels():
    points = torch.tensor([[-1.0, -1, -1], [0.999, 0.999, 0.999], [0.01, -0.01, 0.5], [1.0, 0, 0]])
    grid = voxels_of(points, 4)
    assert grid.sum() == 3  # exactly +1 is outside
    assert grid[0, 0, 0] == grid[3, 3, 3] == grid[2, 1, 3] == 1
