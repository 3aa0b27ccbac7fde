"""The winding numbers of a whole grid against libigl's, one point at a time."""

import numpy as np
import pytest
import torch
from levelform.backend.fields.winding import winding_grid

NODES = 57


def ball(radius=0.6):
    """Return corners, (T, 3, 3), of a closed ball's triangles, smaller than a cell."""
    import trimesh

    mesh = trimesh.creation.icosphere(subdivisions=5, radius=radius)
    return torch.tensor(np.asarray(mesh.triangles), dtype=torch.float32)


def by_libigl(corners, points):
    """Return the winding number at points, (N, 3): the slow twin."""
    import igl

    vertices = corners.reshape(-1, 3).double().numpy()
    faces = np.arange(len(vertices)).reshape(-1, 3)
    return torch.tensor(np.asarray(igl.winding_number(vertices, faces, points.double().numpy())))


def nodes():
    axis = torch.linspace(-1, 1, NODES)
    return torch.cartesian_prod(axis, axis, axis)


def test_inside_a_closed_surface_it_is_one_and_outside_zero():
    grid = winding_grid(ball(), NODES).flatten()
    radius = nodes().norm(dim=1)
    cell = 2 / (NODES - 1)
    inside, outside = radius < 0.6 - 2 * cell, radius > 0.6 + 2 * cell
    torch.testing.assert_close(grid[inside], torch.ones(int(inside.sum())), rtol=0, atol=0.01)
    torch.testing.assert_close(grid[outside], torch.zeros(int(outside.sum())), rtol=0, atol=0.01)
    assert ((grid > 0.5) == (radius < 0.6))[(radius - 0.6).abs() > cell / 2].all()


@pytest.mark.parametrize("kept", ["half", "three quarters at random"])
def test_open_surfaces_wind_as_libigl_says(kept):
    corners = ball()
    draw = torch.rand(len(corners), generator=torch.Generator().manual_seed(0))
    corners = corners[corners.mean(1)[:, 2] > 0 if kept == "half" else draw < 0.75]
    places = nodes()
    gap = (places.norm(dim=1) - 0.6).abs()
    clear = (gap > 3 * 2 / (NODES - 1)).nonzero()[::97, 0]
    actual = winding_grid(corners, NODES).flatten()[clear]
    error = (actual - by_libigl(corners, places[clear])).abs()
    assert error.max() < 0.05
    assert error.median() < 0.01


def test_a_surface_turned_inside_out_winds_the_other_way():
    corners = ball()
    torch.testing.assert_close(
        winding_grid(corners.flip(1), NODES), -winding_grid(corners, NODES), rtol=0, atol=1e-4
    )


def test_neighbours_may_count_together():
    """A ball's triangles in fours, children of one: nearly what each alone gives."""
    corners = ball()
    fours = corners.unflatten(0, (-1, 4))
    apart = (fours.mean(2) - fours.mean((1, 2))[:, None]).norm(dim=-1).max()
    assert apart < 2 / (NODES - 1)  # they are neighbours, within a cell
    together, alone = winding_grid(fours, NODES), winding_grid(corners, NODES)
    far = ((nodes().norm(dim=1) - 0.6).abs() > 3 * 2 / (NODES - 1)).view_as(alone)
    torch.testing.assert_close(together[far], alone[far], rtol=0, atol=0.01)
