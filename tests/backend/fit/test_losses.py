import pytest
import torch
from levelform.backend.fit.appearance import first_globals
from levelform.backend.fit.band import Band
from levelform.backend.fit.grid import NodeGrid
from levelform.backend.fit.losses import Tables, ray_losses
from levelform.backend.fit.rays import between, rays_of

from .conftest import camera_at, image

CPU = torch.device("cpu")


def plate(thickness):
    """Return the distances of a plate that faces -Y, (N, 3) points to (N,)."""

    def at(points):
        sides = points[:, [0, 2]].abs().amax(1) - 0.6
        return torch.maximum(points[:, 1].abs() - thickness / 2, sides)

    return at


def color_loss(thickness, sharpness):
    """Return the colour loss of a grey plate, thinner than its image shows."""
    body = plate(thickness)
    view = image(plate(0.1), camera_at(0.0, 0.0, size=48, orthographic=True))
    grid = NodeGrid.over(torch.full((3,), -0.9), torch.full((3,), 0.9), 120)
    distances = body(grid.nodes(CPU))
    rays = between(rays_of([view], 4.0, CPU), grid, distances)
    middle = rays.origins[:, [0, 2]].abs().amax(1) < 0.4
    rays = rays.choose(middle)
    band = Band.around(grid, distances, 0.15)
    values = band.compact_distances(distances)
    slopes = band.padded(band.gradient(band.near(values)).T)
    numbers = (values[:, None], slopes, torch.zeros(len(band) + 2, 3))
    tables = Tables(*numbers, first_globals(CPU), torch.zeros(1, 3))
    # Samples only on the side that faces the camera: behind, the normal is another.
    depth = 4.2 + torch.linspace(-0.3, -0.001, 60).expand(len(rays), 60)
    losses = ray_losses(tables, band, rays, depth, sharpness)
    return float(losses.color)


@pytest.mark.parametrize("sharpness", [40.0, 100.0])
def test_becoming_transparent_does_not_lower_the_colour_loss(sharpness):
    thick, thin = color_loss(0.1, sharpness), color_loss(0.03, sharpness)
    assert thick > 0.01
    assert thin == pytest.approx(thick, rel=0.02)
