"""Distances of the nodes of a grid to many small patches, each within its own voxel.

A node's nearest vertex, if nearer than a voxel, belongs to a patch of its own voxel or of the 26
around it. Relative to each other, the nodes of two neighbouring voxels are the same for all
patches, so the squared distances to all vertices are one matrix product for each of 27 offsets.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

CELLS = 4  # cells of the grid along a voxel
_TOGETHER = 32  # patches at once; their products fit in a processor's cache
_NODES_TOGETHER = 1 << 11


def node_distances(
    patches: Tensor, voxels: Tensor, resolution: int, normals: Tensor | None = None
) -> Tensor:
    """Return (M, M, M): each node's distance to the patches, clipped to a voxel's side.

    It is the distance to the nearest vertex. With `normals` it is the distance to that vertex's
    tangent plane, where the foot point is within the vertex spacing of the vertex.

    Parameters
    ----------
    patches : (P, K, 3) on the CPU, vertices in the frame of the cube [-1, 1]^3
    voxels : (P, 3) int64, index of each patch's voxel
    resolution : voxels along a side; M = CELLS * resolution + 1
    normals : (P, K, 3) unit normals of the vertices
    """
    size = 2.0 / resolution
    # In units of a voxel, from each patch's own voxel: small numbers keep most precision.
    local = (patches + 1) / size - voxels[:, None]
    blocks, squared, owner = _nearest_patches(local, voxels, resolution)
    distance = squared.clamp(min=0).sqrt()
    if normals is not None:
        spacing = 1 / (round(patches.shape[1] ** 0.5) - 1)
        known = (distance < (1 + spacing**2) ** 0.5).nonzero()
        for part in known.split(_NODES_TOGETHER):
            block, node = part.unbind(1)
            patch = owner[block, node]
            place = blocks[block] - voxels[patch] + _node_places(patches)[node]
            distance[block, node] = _to_planes(place, local[patch], normals[patch], spacing)
    return _as_grid(blocks, distance.clamp(max=1.0), resolution) * size


def _nearest_patches(
    local: Tensor, voxels: Tensor, resolution: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the nearest vertex of the nodes in and around the patches' voxels, in blocks.

    A block holds the nodes at and above a voxel's lower corner.

    Returns
    -------
    blocks : (U, 3) indices of voxels, from -1 to one past the last
    squared : (U, CELLS^3), to the nearest vertex
    owner : (U, CELLS^3), that vertex's patch
    """
    steps = torch.cartesian_prod(*[torch.arange(-1, 2)] * 3)
    count = resolution + 3  # a margin on either side
    x, y, z = (voxels + steps[:, None] + 1).unbind(-1)  # (27, P) each
    key, index = ((x * count + y) * count + z).unique(return_inverse=True)
    blocks = torch.stack([key // count**2, key // count % count, key % count], 1) - 1
    squared = torch.full((len(blocks), CELLS**3), torch.inf)
    owner = torch.zeros((len(blocks), CELLS**3), dtype=torch.int64)
    rows = torch.cat([local, local.square().sum(-1, keepdim=True)], -1)
    patch = torch.arange(len(voxels))[:, None]
    for step, target in zip(steps, index, strict=True):
        candidate = _squared(rows, _node_places(local) + step)
        known = squared[target]
        owner[target] = torch.where(candidate < known, patch, owner[target])
        squared[target] = torch.minimum(candidate, known)
    return blocks, squared, owner


def _squared(rows: Tensor, nodes: Tensor) -> Tensor:
    """Return (P, N): squared distance of each node, (N, 3), to the nearest vertex of each patch.

    `rows` is (P, K, 4), the vertices and their squared norms.
    """
    columns = torch.cat([-2 * nodes, torch.ones_like(nodes[:, :1])], 1).T
    least = [
        (part.flatten(0, 1) @ columns).unflatten(0, part.shape[:2]).amin(1)
        for part in rows.split(_TOGETHER)
    ]
    return torch.cat(least) + nodes.square().sum(1)


def _to_planes(place: Tensor, vertices: Tensor, normals: Tensor, spacing: float) -> Tensor:
    """Return (N,) distances of points (N, 3) to patches (N, K, 3); see `node_distances`."""
    x, y, z = (vertices[..., axis] - place[:, axis, None] for axis in range(3))
    nearest = (x * x).addcmul_(y, y).addcmul_(z, z).argmin(1)
    row = torch.arange(len(place))
    offset = place - vertices[row, nearest]
    along = (offset * normals[row, nearest]).sum(1)
    squared = offset.square().sum(1)
    aside = (squared - along.square()).clamp(min=0).sqrt()
    return torch.where(aside <= spacing, along.abs(), squared.sqrt())


def _node_places(like: Tensor) -> Tensor:
    """Return the positions of a block's nodes, (CELLS^3, 3), in voxels."""
    axis = torch.arange(CELLS).to(like) / CELLS
    return torch.cartesian_prod(axis, axis, axis)


def _as_grid(blocks: Tensor, values: Tensor, resolution: int) -> Tensor:
    """Return (M, M, M) of the blocks' values, (U, CELLS^3); 1 where there is no block."""
    count, nodes = resolution + 3, CELLS * resolution + 1  # a margin on either side
    grid = torch.ones((count,) * 3 + (CELLS**3,))
    grid[tuple((blocks + 1).unbind(1))] = values
    shaped = grid.unflatten(3, (CELLS,) * 3).permute(0, 3, 1, 4, 2, 5)
    inner = slice(CELLS, CELLS + nodes)
    return shaped.reshape((count * CELLS,) * 3)[inner, inner, inner]


def vertex_normals(patches: Tensor, faces: Tensor) -> Tensor:
    """Return (P, K, 3) unit normals, weighted by area.

    Parameters
    ----------
    patches : (P, K, 3)
    faces : (P, T, 3) indices into all vertices, (P K, 3)
    """
    vertices, triangles = patches.flatten(0, 1), faces.flatten(0, 1)
    corners = vertices[triangles]
    areas = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = torch.zeros_like(vertices)
    for corner in triangles.T:
        total.index_add_(0, corner, areas)
    return F.normalize(total, dim=1, eps=1e-20).view_as(patches)
