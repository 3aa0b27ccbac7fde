"""A watertight field from many small open patches: UCLID-Net's, one in each occupied voxel.

The patches are oriented to face outwards. In occupied voxels the generalised winding number of
their triangles (`winding`) decides what is inside; elsewhere a flood fill from the border does. The
value is the distance to the patches, united with a thin shell around those with nothing behind
them, so that a part thinner than a voxel, with one patch for both its sides, does not vanish.
"""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from .field import Field
from .patch_distance import CELLS, node_distances, vertex_normals
from .winding import winding_grid

SHELL = 0.25  # half the shell's thickness, in voxels
INSIDE = 0.5  # minimum winding number of an inside point, in units of that of enclosed voxels
LEAST_WINDING = 0.1  # of enclosed voxels; below it the patches face at random
PROBES = 4  # points behind each patch that show whether the object continues there


@dataclass(frozen=True)
class Patches:
    """P patches of k x k vertices each.

    Attributes
    ----------
    vertices : (P, k * k, 3), vertex i k + j at (u, v) = (i, j) / (k - 1)
    voxels : (P, 3) int64, index of each patch's voxel
    resolution : voxels along a side of the cube [-1, 1]^3 of the same frame
    """

    vertices: Tensor
    voxels: Tensor
    resolution: int

    @property
    def side(self) -> int:
        """k, vertices along a side of a patch."""
        return round(self.vertices.shape[1] ** 0.5)

    def faces(self) -> Tensor:
        """Return (P, 2 (k - 1)^2, 3) indices into all vertices, (P k k, 3)."""
        k = self.side
        cell = (torch.arange(k - 1)[:, None] * k + torch.arange(k - 1)).flatten()
        lower = torch.stack([cell, cell + k, cell + 1], 1)
        upper = torch.stack([cell + 1, cell + k, cell + k + 1], 1)
        one = torch.cat([lower, upper])
        starts = torch.arange(len(self.vertices))[:, None, None] * k * k
        return (starts + one).to(self.vertices.device)

    def cells(self, faces: Tensor) -> Tensor:
        """Return the corners of `faces`, flipped or not, the two triangles of a cell together.

        (P (k - 1)^2, 2, 3, 3)
        """
        corners = self.vertices.flatten(0, 1)[faces]
        return corners.unflatten(1, (2, -1)).transpose(1, 2).flatten(0, 1)

    def facing(self, outside: Tensor) -> Tensor:
        """Return `faces`, with each patch oriented to face outwards.

        Parameters
        ----------
        outside : (N, N, N) fraction of each voxel known to be outside
        """
        faces = self.faces()
        corners = self.vertices.flatten(0, 1)[faces]  # (P, T, 3, 3)
        edges = corners[..., 1:, :] - corners[..., :1, :]
        normals = torch.linalg.cross(edges[..., 0, :], edges[..., 1, :]).sum(1)  # (P, 3)
        around = F.avg_pool3d(F.pad(outside[None], (1,) * 6, value=1.0), 3, stride=1)[0]
        slope = torch.stack(torch.gradient(around), -1)
        towards = slope[tuple(self.voxels.unbind(1))]
        flip = (normals * towards).sum(1) < 0
        return torch.where(flip[:, None, None], faces.flip(-1), faces)


def reachable(occupied: Tensor) -> Tensor:
    """Return (N, N, N) bool: the empty voxels that a flood fill from the border reaches."""
    from scipy.ndimage import label

    empty = np.pad(~occupied.cpu().numpy(), 1, constant_values=True)
    regions, _ = cast("tuple[np.ndarray, int]", label(empty))
    outside = (regions == regions[0, 0, 0])[1:-1, 1:-1, 1:-1]
    return torch.from_numpy(outside).to(occupied.device)


def reachable_closed(occupied: Tensor) -> Tensor:
    """Return (N, N, N) bool: as `reachable`, without leaking through holes of 1-2 voxels.

    Flood fill after dilating the occupied voxels, grown back by two voxels.
    """
    from scipy.ndimage import binary_dilation

    solid = occupied.cpu().numpy()
    outer = reachable(torch.from_numpy(binary_dilation(solid, np.ones((3, 3, 3), bool)))).numpy()
    border = np.pad(outer, 2, constant_values=True)
    empty = np.pad(~solid, 2, constant_values=True)
    grown = binary_dilation(border, iterations=2, mask=empty)[2:-2, 2:-2, 2:-2]
    return torch.from_numpy(grown).to(occupied.device)


class PatchField(Field):
    """The field of patches, kept on a grid and read trilinearly.

    Parameters
    ----------
    patches
        In the frame of the grid's cube.
    grid_from_volume
        (4, 4) a similarity to that frame.
    """

    kind = "distance"

    def __init__(self, patches: Patches, grid_from_volume: np.ndarray) -> None:
        self.device = patches.vertices.device
        matrix = torch.tensor(grid_from_volume, dtype=torch.float32, device=self.device)
        self._rotation, self._translation = matrix[:3, :3].T.contiguous(), matrix[:3, 3]
        self._scale = float(np.cbrt(np.linalg.det(grid_from_volume[:3, :3])))
        self.grid = patch_grid(patches).to(self.device) / self._scale  # (M, M, M), axes x, y, z

    def __call__(self, points: Tensor) -> Tensor:
        local = points @ self._rotation + self._translation
        outside = torch.linalg.vector_norm(local - local.clamp(-1, 1), dim=1)  # of the grid's cube
        return _read(self.grid, local) + outside / self._scale


def patch_grid(patches: Patches) -> Tensor:
    """Return (M, M, M) values at the nodes of a grid over [-1, 1]^3, exact near the patches.

    Elsewhere a value is a lower bound of the distance: that to the nearest occupied voxel.
    """
    from scipy.ndimage import distance_transform_edt

    size = 2.0 / patches.resolution
    nodes = CELLS * patches.resolution + 1
    if not len(patches.voxels):
        return torch.full((nodes,) * 3, size)
    patches = replace(patches, vertices=patches.vertices.cpu(), voxels=patches.voxels.cpu())
    occupied = torch.zeros((patches.resolution,) * 3, dtype=torch.bool)
    occupied[tuple(patches.voxels.unbind(1))] = True
    touched = _at_nodes(occupied.numpy())
    away = np.asarray(distance_transform_edt(~touched)) * (size / CELLS)
    faces, inside, backs = _sides(patches, occupied, touched)
    value = torch.from_numpy(away.astype(np.float32))
    near = value < size
    normals = vertex_normals(patches.vertices, faces)
    parts = (patches.vertices, patches.voxels, patches.resolution)
    value[near] = node_distances(*parts, normals)[near]
    value = torch.where(inside, -value, value)
    if backs.all():
        return value
    thin = node_distances(patches.vertices[~backs], patches.voxels[~backs], patches.resolution)
    return torch.where(near, torch.minimum(value, thin - SHELL * size), value)


def _sides(
    patches: Patches, occupied: Tensor, touched: np.ndarray
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the oriented faces, which nodes are inside, (M, M, M), and which patches have a back.

    Voxels reached by the plain flood fill but not by the closed one are ambiguous (a real gap, or
    interior leaked into through a missing voxel); the winding number decides.
    """
    flooded, closed = reachable(occupied), reachable_closed(occupied)
    faces = patches.facing((flooded.float() + closed.float()) / 2)
    doubtful, enclosed = flooded & ~closed, ~flooded & ~occupied
    behind = _behind(patches.vertices.flatten(0, 1)[faces], SHELL * 2 / patches.resolution)
    winding = winding_grid(patches.cells(faces), len(touched))
    centers = winding[CELLS // 2 :: CELLS, CELLS // 2 :: CELLS, CELLS // 2 :: CELLS]
    # Patches that do not fill their voxels wind less than once around the interior.
    once = float(centers[enclosed].median()) if enclosed.any() else 1.0
    level = INSIDE * max(once, LEAST_WINDING)
    flooded[doubtful] = centers[doubtful] < level
    near = torch.from_numpy(touched)
    inside = torch.where(near, winding > level, ~torch.from_numpy(_at_nodes(flooded.numpy())))
    backs = _read(winding, behind).gt(level).float().mean(1) >= 0.5
    return faces, inside, backs


def _read(grid: Tensor, points: Tensor) -> Tensor:
    """Return a grid's values, (M, M, M) over [-1, 1]^3, at points (..., 3), trilinear."""
    where = points.flatten(0, -2).flip(-1)[None, None, None]  # the last axis comes first
    values = F.grid_sample(grid[None, None], where, padding_mode="border", align_corners=True)
    return values.view(points.shape[:-1])


def _at_nodes(voxels: np.ndarray) -> np.ndarray:
    """Return (M, M, M): whether any voxel that touches the node is set."""
    fine = voxels.repeat(CELLS, 0).repeat(CELLS, 1).repeat(CELLS, 2)
    nodes = np.zeros([n + 1 for n in fine.shape], bool)
    for corner in np.ndindex(2, 2, 2):
        nodes[tuple(slice(c, c + n) for c, n in zip(corner, fine.shape, strict=True))] |= fine
    return nodes


def _behind(corners: Tensor, depth: float) -> Tensor:
    """Return (P, PROBES, 3) points at `depth` behind patches of triangles, (P, T, 3, 3).

    A patch with most points outside stands for both sides of a thin part.
    """
    count = corners.shape[1]
    chosen = corners[:, torch.linspace(0, count - 1, PROBES).round().long()]
    edges = chosen[..., 1:, :] - chosen[..., :1, :]
    normals = torch.linalg.cross(edges[..., 0, :], edges[..., 1, :])
    return chosen.mean(2) - depth * F.normalize(normals, dim=-1, eps=1e-20)
