"""Distances to patches against the same rule over all vertices, one by one."""

import pytest
import torch
from levelform.backend.fields.patch_distance import CELLS, node_distances, vertex_normals

RESOLUTION, SIDE = 5, 4


def patches(count=30, seed=0):
    """Return vertices (P, K, 3) anywhere in their voxels, and the voxels, (P, 3), all different."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(RESOLUTION**3, generator=generator)[:count]
    voxels = torch.stack([chosen // RESOLUTION**2, chosen // RESOLUTION % RESOLUTION], 1)
    voxels = torch.cat([voxels, chosen[:, None] % RESOLUTION], 1)
    inner = torch.rand(count, SIDE**2, 3, generator=generator)
    return (voxels[:, None] + inner) * (2 / RESOLUTION) - 1, voxels


def all_nodes():
    axis = torch.linspace(-1, 1, CELLS * RESOLUTION + 1, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis, axis)


@pytest.mark.parametrize("planes", [False, True])
def test_the_distance_is_that_to_the_nearest_of_all_vertices(planes):
    vertices, voxels = patches()
    normals = torch.nn.functional.normalize(torch.randn(vertices.shape), dim=-1)
    size = 2 / RESOLUTION
    distance, nearest = torch.cdist(all_nodes(), vertices.flatten(0, 1).double()).min(1)
    if planes:
        offset = all_nodes() - vertices.flatten(0, 1)[nearest]
        along = (offset * normals.flatten(0, 1)[nearest]).sum(1).abs()
        aside = (distance**2 - along**2).clamp(min=0).sqrt()
        distance = torch.where(aside <= size / (SIDE - 1), along, distance)
    actual = node_distances(vertices, voxels, RESOLUTION, normals if planes else None)
    assert actual.shape == (CELLS * RESOLUTION + 1,) * 3
    # A plane's foot can be near though its vertex is out of a voxel's reach: there alone, at the
    # cut, the two may differ.
    expected = distance.clamp(max=size).float()
    clear = (expected - size).abs() > (0.1 * size if planes else 0)
    assert clear.float().mean() > 0.3
    torch.testing.assert_close(actual.flatten()[clear], expected[clear], rtol=0, atol=2e-5)
    assert (actual <= size + 1e-6).all()


def test_far_from_all_patches_it_is_a_voxels_side():
    vertices, voxels = patches()
    corner = (voxels == 0).all(1)
    actual = node_distances(vertices[corner], voxels[corner], RESOLUTION)
    assert corner.sum() <= 1
    torch.testing.assert_close(actual[-1, -1, -1], torch.tensor(2 / RESOLUTION))


def test_normals_of_a_plane_and_of_a_fold():
    flat = torch.tensor([[[0.0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0]]])
    faces = torch.tensor([[[0, 2, 1], [1, 2, 3]]])
    up = torch.tensor([0.0, 0, 1])
    torch.testing.assert_close(vertex_normals(flat, faces)[0], up.expand(4, 3))
    torch.testing.assert_close(vertex_normals(flat, faces.flip(-1))[0], -up.expand(4, 3))
    bent = flat.clone()
    bent[0, 3, 2] = 1.0
    normals = vertex_normals(bent, faces)[0]
    torch.testing.assert_close(normals[0], up)
    assert normals[1, 2] < 1
    torch.testing.assert_close(normals.norm(dim=1), torch.ones(4))
