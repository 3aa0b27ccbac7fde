"""The narrow band: only the nodes near the surface are optimised.

A band's nodes are rows 0 ... M - 1 of compact tensors. Two more rows represent all other nodes: row
M those outside the object, row M + 1 those inside.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from .grid import NodeGrid

DUMMIES = 2
MARGIN = 1.5  # cells around the band, so that samples in it have all their corners


@dataclass(frozen=True)
class Band:
    """Nodes of a grid near the surface.

    Attributes
    ----------
    grid : the grid
    active : (M,) int64, the band's nodes in the grid's flat list
    places : (count,) int32, each node's row in the compact tensors
    neighbours : (6, M) int64, rows of the next nodes along +x, -x, +y, -y, +z, -z
    complete : (M,) float32, 1 where all six are in the band
    reach : absolute distance of the dummy rows
    """

    grid: NodeGrid
    active: Tensor
    places: Tensor
    neighbours: Tensor
    complete: Tensor
    reach: float

    @classmethod
    def around(cls, grid: NodeGrid, distances: Tensor, width: float) -> "Band":
        """Return the nodes nearer than `width` plus a margin to the surface of (count,) values."""
        reach = width + MARGIN * grid.spacing
        near = (distances.abs() < reach).view(grid.shape).clone()
        for axis in range(3):
            near.select(axis, 0).fill_(False)
            near.select(axis, -1).fill_(False)
        return cls.of(grid, distances, near.view(-1).nonzero()[:, 0], reach)

    @classmethod
    def of(cls, grid: NodeGrid, distances: Tensor, active: Tensor, reach: float) -> "Band":
        """Return the band of these nodes; of the other distances only the signs matter."""
        count = len(active)
        places = torch.where(distances < 0, count + 1, count)
        places[active] = torch.arange(count, device=active.device)
        steps = torch.tensor(
            [sign * step for step in grid.strides for sign in (1, -1)], device=active.device
        )
        neighbours = places[steps[:, None] + active]
        complete = (neighbours < count).all(0).float()
        return cls(grid, active, places.int(), neighbours, complete, reach)

    def __len__(self) -> int:
        return len(self.active)

    def compact(self, dense: Tensor) -> Tensor:
        """Return (M + 2, ...) the band's rows of a dense tensor; the dummies are zero."""
        return self.padded(dense.index_select(0, self.active))

    def compact_distances(self, dense: Tensor) -> Tensor:
        """Return (M + 2,) the band's distances, the dummies at plus and minus the reach."""
        return torch.cat([dense[self.active], dense.new_tensor([self.reach, -self.reach])])

    def near(self, values: Tensor) -> Tensor:
        """Return (6, M) values, (M + 2,), at the neighbours."""
        return values.index_select(0, self.neighbours.view(-1)).view(6, -1)

    def gradient(self, near: Tensor) -> Tensor:
        """Return (3, M) central differences of distances gathered at the neighbours, (6, M)."""
        return (near[0::2] - near[1::2]) / (2.0 * self.grid.spacing)

    def adjoint(self, by_gradient: Tensor, by_laplacian: Tensor) -> Tensor:
        """Return (M + 2,) the derivative of a loss by the distances.

        Parameters
        ----------
        by_gradient : (3, M) its derivative by `gradient`
        by_laplacian : (M,) its derivative by the sum of the neighbours minus six times the node
        """
        half = by_gradient / (2.0 * self.grid.spacing)
        # A node is the neighbour along -x of its neighbour along +x: gathering from both is several
        # times faster than scattering.
        result = -6.0 * by_laplacian
        for axis, slope in enumerate(half):
            for side, by in (
                (2 * axis, by_laplacian - slope),
                (2 * axis + 1, by_laplacian + slope),
            ):
                result += self.padded(by).index_select(0, self.neighbours[side])
        return self.padded(result)

    def padded(self, rows: Tensor) -> Tensor:
        """Return (M + 2, ...) rows, with zeros for the dummies."""
        return torch.cat([rows, rows.new_zeros(DUMMIES, *rows.shape[1:])])


def redistance(
    grid: NodeGrid, distances: Tensor, width: float, check: Callable[[], None] = lambda: None
) -> Tensor:
    """Return distances, (count,), measured again at nodes farther than `width`.

    Optimisation moves the surface, while far nodes keep their values. Nodes that the surface has
    come near to get their distance to the nearest node on the other side. Signs stay, except in
    voids hidden from all cameras. `check`, which may raise, is called about five times a second.
    """
    inside = (distances < 0).view(grid.shape).cpu().numpy()
    if inside.all() or not inside.any():
        return distances
    hidden = torch.from_numpy(_voids(inside)).to(distances.device).view(-1)
    check()
    distances = torch.where(hidden, -distances.abs(), distances)
    inside |= hidden.view(grid.shape).cpu().numpy()
    measured = torch.from_numpy(_signed_steps(inside, check)).to(distances).view(-1) * grid.spacing
    check()
    apart = torch.where(
        measured.abs() < width,
        measured,
        torch.where(distances < 0, measured.clamp_max(-width), measured.clamp_min(width)),
    )
    return torch.where(distances.abs() > width, apart, distances)


def nearest_active(band: Band) -> Tensor:
    """Return (count,) int64: the nearest node of the band to every node, in the flat list."""
    from scipy.ndimage import distance_transform_edt

    outside = np.ones(band.grid.count, bool)
    outside[band.active.cpu().numpy()] = False
    nearest = distance_transform_edt(
        outside.reshape(band.grid.shape), return_distances=False, return_indices=True
    )
    x, y, z = cast("np.ndarray", nearest).astype(np.int64)
    flat = (x * band.grid.shape[1] + y) * band.grid.shape[2] + z
    return torch.from_numpy(flat.reshape(-1)).to(band.active)


def _signed_steps(inside: np.ndarray, check: Callable[[], None]) -> np.ndarray:
    """Return signed distances in cells to the border between nodes inside and outside."""
    from scipy.ndimage import distance_transform_edt

    outwards = cast("np.ndarray", distance_transform_edt(~inside))
    check()
    inwards = cast("np.ndarray", distance_transform_edt(inside))
    return np.where(inside, 0.5 - inwards, outwards - 0.5).astype(np.float32)


def _voids(inside: np.ndarray) -> np.ndarray:
    """Return the outside nodes that are not connected with the grid's border."""
    from scipy.ndimage import label

    parts, count = cast("tuple[np.ndarray, int]", label(~inside))
    open_ = np.zeros(count + 1, bool)
    for axis in range(3):
        for end in (0, -1):
            open_[np.unique(np.take(parts, end, axis))] = True
    return ~inside & ~open_[parts]
