"""A watertight field from many small open sheets: UCLID-Net's patches, one in each occupied voxel.

The sheets are turned to face what is outside; in occupied voxels the generalised winding number of
their triangles (Jacobson et al., SIGGRAPH 2013; Barill et al., SIGGRAPH 2018, by libigl) says what
is inside, elsewhere a walk from the border does. The value is the distance to the sheets, united
with a thin shell about those that have nothing behind them: a part thinner than a voxel, whose two
sides share one sheet, does not vanish.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from .field import Field

CELLS = 4  # cells of the field's grid along a voxel of the patches
SHELL = 0.25  # half the shell's thickness, in voxels
INSIDE = 0.5  # winding number from which a point is inside
PROBES = 4  # points behind each sheet that tell whether there is anything


@dataclass(frozen=True)
class Patches:
    """P sheets of k x k vertices each.

    Attributes
    ----------
    vertices : (P, k * k, 3), vertex i k + j at (u, v) = (i, j) / (k - 1)
    voxels : (P, 3) int64, index of each sheet's voxel
    resolution : voxels along a side of the cube [-1, 1]^3 of the same frame
    """

    vertices: Tensor
    voxels: Tensor
    resolution: int

    @property
    def side(self) -> int:
        """k, vertices along a side of a sheet."""
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

    def facing(self, outside: Tensor) -> Tensor:
        """Return `faces` with each sheet turned towards what is outside.

        Parameters
        ----------
        outside : (N, N, N) share of each voxel that is known to be outside
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
    """Return (N, N, N) bool: empty voxels that a walk from the border reaches, face to face."""
    from scipy.ndimage import label

    empty = np.pad(~occupied.cpu().numpy(), 1, constant_values=True)
    regions, _ = cast("tuple[np.ndarray, int]", label(empty))
    outside = (regions == regions[0, 0, 0])[1:-1, 1:-1, 1:-1]
    return torch.from_numpy(outside).to(occupied.device)


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
        self._turn, self._shift = matrix[:3, :3].T.contiguous(), matrix[:3, 3]
        scale = float(np.cbrt(np.linalg.det(grid_from_volume[:3, :3])))
        self.grid = patch_grid(patches).to(self.device) / scale  # (M, M, M), axes x, y, z

    def __call__(self, points: Tensor) -> Tensor:
        local = points @ self._turn + self._shift
        beyond = torch.linalg.vector_norm(local - local.clamp(-1, 1), dim=1)
        # grid_sample's coordinates run along the last axis first.
        where = local.flip(-1)[None, None, None]
        inner = F.grid_sample(
            self.grid[None, None], where, padding_mode="border", align_corners=True
        )
        return inner[0, 0, 0, 0] + beyond


def patch_grid(patches: Patches) -> Tensor:
    """Return (M, M, M) values at the nodes of a grid over [-1, 1]^3, exact near the sheets.

    Away from them a value is a lower bound of the distance: that to the nearest occupied voxel.
    """
    from scipy.ndimage import distance_transform_edt

    size = 2.0 / patches.resolution
    nodes = CELLS * patches.resolution + 1
    if not len(patches.voxels):
        return torch.full((nodes,) * 3, size)
    occupied = torch.zeros((patches.resolution,) * 3, dtype=torch.bool)
    occupied[tuple(patches.voxels.cpu().unbind(1))] = True
    outside = reachable(occupied)
    touched, free = _at_nodes(occupied.numpy()), _at_nodes(outside.numpy())
    away = np.asarray(distance_transform_edt(~touched)) * (size / CELLS)
    value = np.where(free | touched, away, -away)
    near = away < size
    points = np.argwhere(near) * (size / CELLS) - 1.0
    value[near] = _near_values(patches, outside.float(), points, touched[near], value[near] < 0)
    return torch.from_numpy(value.astype(np.float32))


def _at_nodes(voxels: np.ndarray) -> np.ndarray:
    """Return (M, M, M): whether any of the voxels that a node touches is set."""
    fine = voxels.repeat(CELLS, 0).repeat(CELLS, 1).repeat(CELLS, 2)
    nodes = np.zeros([n + 1 for n in fine.shape], bool)
    for corner in np.ndindex(2, 2, 2):
        nodes[tuple(slice(c, c + n) for c, n in zip(corner, fine.shape, strict=True))] |= fine
    return nodes


def _near_values(
    patches: Patches, outside: Tensor, points: np.ndarray, unsure: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    """Return (N,) the values at `points`, (N, 3); where `unsure` the winding number decides."""
    import igl
    from scipy.spatial import KDTree

    size = 2.0 / patches.resolution
    vertices = patches.vertices.double().cpu().numpy()
    faces = patches.facing(outside.to(patches.vertices)).cpu().numpy()
    everything = np.ascontiguousarray(vertices.reshape(-1, 3))
    triangles = np.ascontiguousarray(faces.reshape(-1, 3))

    def wound(where: np.ndarray) -> np.ndarray:
        return np.asarray(igl.fast_winding_number(everything, triangles, where)) > INSIDE

    inside = inside.copy()
    inside[unsure] = wound(points[unsure])
    distance = _sheet_distance(everything, triangles, points, size, size / (patches.side - 1))
    value = np.where(inside, -distance, distance)
    thin = vertices[~_has_back(everything, faces, wound, SHELL * size)].reshape(-1, 3)
    if not len(thin):
        return value
    nearby, _ = KDTree(thin).query(points, distance_upper_bound=2 * size)
    return np.minimum(value, np.minimum(nearby, size) - SHELL * size)


def _sheet_distance(
    vertices: np.ndarray, triangles: np.ndarray, points: np.ndarray, most: float, spacing: float
) -> np.ndarray:
    """Return (N,) the distance to the sheets, at most `most`.

    That to the nearest vertex's tangent plane where its foot is within the sheet's `spacing`, else
    to the vertex.
    """
    from scipy.spatial import KDTree

    edges = vertices[triangles[:, 1:]] - vertices[triangles[:, :1]]
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], np.cross(edges[:, 0], edges[:, 1]))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-12)
    distance, index = KDTree(vertices).query(points, distance_upper_bound=2 * most)
    nearest = np.asarray(index)
    known = np.flatnonzero(np.isfinite(distance))
    offset = points[known] - vertices[nearest[known]]
    along = np.abs((offset * normals[nearest[known]]).sum(1))
    aside = np.sqrt(np.maximum(distance[known] ** 2 - along**2, 0.0))
    distance[known] = np.where(aside <= spacing, along, distance[known])
    return np.minimum(distance, most)


def _has_back(
    vertices: np.ndarray,
    faces: np.ndarray,
    wound: Callable[[np.ndarray], np.ndarray],
    depth: float,
) -> np.ndarray:
    """Return (P,) bool: whether there is an inside at `depth` behind most of a sheet.

    Where there is none, the sheet stands for both sides of a thin part.
    """
    chosen = faces[:, np.linspace(0, faces.shape[1] - 1, PROBES).round().astype(int)]
    corners = vertices[chosen]  # (P, PROBES, 3, 3)
    edges = corners[..., 1:, :] - corners[..., :1, :]
    normals = np.cross(edges[..., 0, :], edges[..., 1, :])
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True).clip(1e-12)
    behind = corners.mean(2) - depth * normals
    return wound(behind.reshape(-1, 3)).reshape(behind.shape[:2]).mean(1) >= 0.5
