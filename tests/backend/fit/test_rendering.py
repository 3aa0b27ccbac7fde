import pytest
import torch
from levelform.backend.fit.grid import NodeGrid
from levelform.backend.fit.losses import DEEP, mask_losses
from levelform.backend.fit.rays import between, rays_of
from levelform.backend.fit.rendering import opacities, sample_depths, weights_of

from .conftest import camera_at, image, sphere

CPU = torch.device("cpu")


def test_a_ray_through_a_wall_ends_in_it():
    values = torch.tensor([[0.3, 0.1, -0.1, -0.3, -0.1, 0.2]])
    weights = weights_of(opacities(values, 200.0))
    assert torch.allclose(weights, torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0]]), atol=1e-4)


def test_weights_are_what_a_loop_finds():
    values = torch.randn(7, 9, generator=torch.Generator().manual_seed(1)) * 0.02
    alpha = opacities(values, 60.0)
    for ray in range(7):
        free = 1.0
        for k in range(8):
            assert abs(float(weights_of(alpha)[ray, k]) - free * float(alpha[ray, k])) < 1e-5
            free *= 1.0 - float(alpha[ray, k])


def test_samples_lie_dense_at_the_surface():
    view = image(sphere, camera_at(30.0, 20.0, size=32))
    side = torch.tensor([0.8, 0.8, 0.8])
    grid = NodeGrid.over(-side, side, 48)
    distances = sphere(grid.nodes(CPU))
    rays = between(rays_of([view], 4.0, CPU), grid, distances)
    jitter = torch.rand(len(rays), 13, generator=torch.Generator().manual_seed(0))
    depth = sample_depths(rays, grid, distances, sharpness=100.0, coarse=40, fine=12, jitter=jitter)
    assert (depth.diff(dim=1) >= 0).all()
    assert (depth >= rays.near[:, None] - 1e-4).all()
    assert (depth <= rays.far[:, None] + 1e-4).all()
    middle = rays.alpha == 1.0
    points = rays.origins[middle, None] + depth[middle, :, None] * rays.directions[middle, None]
    near = (sphere(points.view(-1, 3)).view(-1, 13).abs() < 0.06).float().mean(1)
    assert float(near.mean()) > 0.5


@pytest.mark.parametrize("alpha", [0.2, 0.35, 0.5, 0.65, 0.8])
def test_a_mask_costs_least_where_a_straight_edge_covers_that_much_of_the_pixel(alpha):
    least = torch.linspace(-2.0, 2.0, 4001)
    losses = mask_losses(least, torch.full_like(least, alpha))
    assert float(least[losses.argmin()]) == pytest.approx(0.5 - alpha, abs=0.05)


def test_a_transparent_pixel_costs_less_the_farther_its_ray_passes():
    losses = mask_losses(torch.linspace(-2.0, 2.0, 41), torch.zeros(41))
    assert (losses.diff() < 0).all()


def test_an_opaque_pixel_is_covered_by_a_wall_of_any_thickness():
    least = torch.tensor([-3.0, -DEEP - 0.01, -DEEP + 0.01, 0.0, 1.0], requires_grad=True)
    losses = mask_losses(least, torch.ones(5))
    losses.sum().backward()
    assert losses[:2].tolist() == [0.0, 0.0]
    slopes = least.grad
    assert slopes is not None
    assert slopes[:2].tolist() == [0.0, 0.0]
    assert (slopes[2:] > 0).all()
