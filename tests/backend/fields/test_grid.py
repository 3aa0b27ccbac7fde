"""A grid of values as a field: trilinear between its vertices."""

import numpy as np
import torch
from levelform.backend.extraction import extract
from levelform.backend.fields.grid import GridField, sample_grid

AXIS = torch.linspace(-1, 1, 9)
X, Y, Z = torch.meshgrid(AXIS, AXIS, AXIS, indexing="ij")


def test_a_trilinear_function_is_reproduced_in_each_axis():
    values = 0.3 + X - 2 * Y + 3 * Z + X * Y * Z
    points = torch.rand(1, 200, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    x, y, z = points[0].unbind(-1)
    actual = sample_grid(values[None, None], points)[0, :, 0]
    cell = 0.25
    slack = 0.3 * cell**2  # a product of three coordinates is trilinear in each cell
    torch.testing.assert_close(actual, 0.3 + x - 2 * y + 3 * z + x * y * z, rtol=0, atol=slack)
    vertices = torch.stack([X, Y, Z], -1).reshape(1, -1, 3)
    there = sample_grid(values[None, None], vertices)[0, :, 0]
    torch.testing.assert_close(there, values.flatten(), rtol=0, atol=1e-5)


def test_beyond_the_cube_it_is_what_its_nearest_face_is():
    field = GridField(X, grid_from_volume=np.eye(4), kind="distance")
    beyond = field(torch.tensor([[3.0, 0, 0], [-2.0, 9, 9]]))
    torch.testing.assert_close(beyond, torch.tensor([1.0, -1.0]))


def test_a_sphere_in_its_own_frame_is_meshed_in_the_volumes():
    matrix = np.diag([1.5, 1.5, 1.5, 1.0])
    matrix[:3, 3] = 0.1
    values = torch.stack([X, Y, Z]).norm(dim=0) - 0.6
    mesh = extract(GridField(values, grid_from_volume=matrix, kind="distance"), 48, color=False)
    own = mesh.vertices @ matrix[:3, :3].T + matrix[:3, 3]
    assert np.abs(np.linalg.norm(own, axis=1) - 0.6).max() < 0.03
