"""UCLID-Net: the coloured patches of figures 4 and 5."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..base import Code
from ..uclid_net import LATTICE, UCLIDNet

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
    palette = torch.rand(count, 3, generator=torch.Generator().manual_seed(seed))
    colors = torch.cat([palette, torch.ones_like(palette[:, :1])], 1)[patch]
    return PatchMesh(vertices, faces[areas > LEAST_AREA], colors, patch)
