from dataclasses import replace

import torch
from levelform.backend.fit.grid import NodeGrid
from levelform.backend.fit.rays import MARGIN, STRIDE, between, held_out, rays_of

from .conftest import camera_at, image, sphere

CPU = torch.device("cpu")


def two_bars(points):
    """Return the distances, (N,), of two thin upright bars."""
    off = points[:, :2].abs() - torch.tensor([0.5, 0.0])
    return torch.maximum(off.norm(dim=1) - 0.06, points[:, 2].abs() - 0.7)


def rays_and_distances(body):
    """Return the rays of two views of a body, a grid, and the body's distances on it."""
    views = [image(body, camera_at(azimuth, 15.0, size=48)) for azimuth in (20.0, 110.0)]
    grid = NodeGrid.over(torch.full((3,), -0.9), torch.full((3,), 0.9), 48)
    return rays_of(views, 4.0, CPU), grid, body(grid.nodes(CPU))


def densely(rays, grid, distances, count=4000):
    """Return (R, count) depths along rays through the grid's box, and which are near a surface."""
    lower, upper = grid.box(CPU)
    first, second = (
        (lower - rays.origins) / rays.directions,
        (upper - rays.origins) / rays.directions,
    )
    enter, leave = torch.minimum(first, second).amax(1), torch.maximum(first, second).amin(1)
    along = enter[:, None] + (leave - enter)[:, None] * torch.linspace(0.0, 1.0, count)
    points = rays.origins[:, None] + along[..., None] * rays.directions[:, None]
    near = grid.sample(distances, points.reshape(-1, 3)).view_as(along) < MARGIN
    return along, near & (leave > enter)[:, None]


def test_ranges_are_those_of_a_dense_search():
    for body in (sphere, two_bars):
        rays, grid, distances = rays_and_distances(body)
        rays = replace(rays, views=torch.arange(len(rays)))  # tells a ray from the others
        kept = between(rays, grid, distances)
        assert bool((kept.far - kept.near >= 2 * STRIDE - 1e-6).all())
        along, near = densely(rays, grid, distances)
        met = near.any(1)
        assert int(met.sum()) - len(kept) <= 0.002 * len(rays)  # grazing the margin
        assert bool(met[kept.views].all())  # no ray that meets nothing
        first = torch.where(near, along, torch.inf).amin(1)[kept.views]
        last = torch.where(near, along, -torch.inf).amax(1)[kept.views]
        grazing = ((kept.near - first).abs() > 2 * STRIDE) | ((kept.far - last).abs() > 2 * STRIDE)
        assert float(grazing.float().mean()) < 0.01
        inside = ~grazing
        assert bool((kept.near <= first + 1e-3)[inside].all())
        assert bool((kept.far >= last - 1e-3)[inside].all())


def test_a_ray_beside_the_body_is_left_out():
    rays, grid, distances = rays_and_distances(sphere)
    away = distances + 5.0
    assert len(between(rays, grid, away)) == 0


def test_rays_from_very_far_away_end():
    rays, grid, distances = rays_and_distances(sphere)
    far = replace(rays, origins=rays.origins - 1e7 * rays.directions)
    kept = between(far, grid, distances)  # depths in 32 bits are coarser than a stride there
    assert bool((kept.far > kept.near).all())


def test_one_block_in_25_is_held_out():
    rows, columns = torch.meshgrid(torch.arange(200), torch.arange(200), indexing="ij")
    fraction = held_out(rows.reshape(-1), columns.reshape(-1), 3).float().mean()
    assert abs(float(fraction) - 0.04) < 1e-6
