"""UCLID-Net: coloured patches, point clouds, coarse voxels, depth grid (figures 4 and 5)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..base import Code
from ..networks.uclid_net import VOXELS
from ..uclid_net import LATTICE, UCLIDNet

SAMPLES = 50  # points of each patch in the authors' evaluation
# Triangles of a cube whose corner 4 x + 2 y + z is at (x, y, z), counter-clockwise from outside.
CUBE = (
    (0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1),
    (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3),
)  # fmt: skip
LEAST_AREA = 1e-10  # square volume units; smaller triangles are degenerate


@dataclass(frozen=True)
class PatchMesh:
    """P patches of k x k vertices as one open mesh.

    Attributes
    ----------
    vertices : (P k^2, 3) volume frame
    faces : (F, 3) without degenerate ones
    colors : (P k^2, 4) one random colour a patch
    patch : (P k^2,) index of each vertex's patch
    """

    vertices: Tensor
    faces: Tensor
    colors: Tensor
    patch: Tensor


@torch.no_grad()
def patch_mesh(model: UCLIDNet, code: Code, *, lattice: int = LATTICE, seed: int = 0) -> PatchMesh:
    """Return the patches of a code, coloured by patch.

    Parameters
    ----------
    lattice
        k, vertices along a patch's side.
    seed
        Of the colours.
    """
    patches = model.patches(code, lattice=lattice)
    vertices = model.to_volume(patches.vertices.flatten(0, 1))
    faces = patches.faces().flatten(0, 1)
    edges = vertices[faces[:, 1:]] - vertices[faces[:, :1]]
    areas = torch.linalg.cross(edges[:, 0], edges[:, 1]).norm(dim=1) / 2
    count = len(patches.vertices)
    patch = torch.arange(count).repeat_interleave(lattice**2)
    return PatchMesh(vertices, faces[areas > LEAST_AREA], palette(count, seed)[patch], patch)


@torch.no_grad()
def point_cloud(
    model: UCLIDNet, code: Code, *, samples: int = SAMPLES, seed: int = 0, symmetry: bool = True
) -> tuple[Tensor, Tensor]:
    """Return the points of all patches at random (u, v), and the index of each one's patch.

    Parameters
    ----------
    samples
        Points of each patch.
    seed
        Of the points.

    Returns
    -------
    (P samples, 3), volume frame, and (P samples,) int64.
    """
    generator = torch.Generator().manual_seed(seed)

    def places(count: int) -> Tensor:
        return torch.rand(count, samples, 2, generator=generator).to(model.device)

    points, voxels = model.fold_at(code, places, symmetry)
    return model.to_volume(points.flatten(0, 1)), torch.arange(len(voxels)).repeat_interleave(
        samples
    )


@torch.no_grad()
def coarse_voxels(model: UCLIDNet, code: Code) -> tuple[Tensor, Tensor]:
    """Return the occupied voxels' indices, (P, 3), and their probabilities, (P,) (section 3.2)."""
    voxels = model.coarse_volume(code).nonzero()
    probability = model.voxel_logits(code).sigmoid()
    return voxels, probability[tuple(voxels.unbind(1))]


@torch.no_grad()
def depth_voxels(model: UCLIDNet, code: Code) -> tuple[Tensor, Tensor]:
    """Return the voxels that hold points of the depth maps, (P, 3), and how many views see each.

    For views fused by their "mean" the second is a fraction of the views.
    """
    model.check_code(code)
    grid = code.tensors["depth_grid"].to(model.device)
    voxels = (grid > 0).nonzero()
    return voxels, grid[tuple(voxels.unbind(1))]


def cubes(model: UCLIDNet, voxels: Tensor, *, fill: float = 0.9) -> tuple[Tensor, Tensor]:
    """Return the cubes of voxels, (P, 3) indices, as one mesh.

    Parameters
    ----------
    fill
        Side of a cube, as a fraction of a voxel's.

    Returns
    -------
    (8 P, 3) vertices, volume frame, the corners of each voxel together, and (12 P, 3) faces.
    """
    corners = torch.cartesian_prod(*[torch.tensor([-0.5, 0.5])] * 3).to(voxels.device) * fill
    centers = voxels + 0.5
    vertices = (centers[:, None] + corners).flatten(0, 1) * (2 / VOXELS) - 1
    one = torch.tensor(CUBE, device=voxels.device)
    faces = (8 * torch.arange(len(voxels), device=voxels.device)[:, None, None] + one).flatten(0, 1)
    return model.to_volume(vertices), faces


def palette(count: int, seed: int = 0) -> Tensor:
    """Return (count, 4) random opaque colours."""
    colors = torch.rand(count, 3, generator=torch.Generator().manual_seed(seed))
    return torch.cat([colors, torch.ones_like(colors[:, :1])], 1)
