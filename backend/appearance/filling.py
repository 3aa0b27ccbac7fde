"""Smooth colours where no photo sees the surface: push and pull through a pyramid of grids.

Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.4, in three dimensions: colours are
averaged into ever coarser grids (pull), and unknown cells of each grid are filled from the coarser
one (push). Gaps between parts are bridged, so a hidden inside gets the outside's colour.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool3d, grid_sample, interpolate

FINEST = 64  # cells along a side of the finest grid
NEUTRAL = 0.5  # linear grey, if no colour is known


class Filling:
    """Colours everywhere that vary smoothly between known ones.

    Parameters
    ----------
    points : (N, 3) in [-1, 1]^3
    colors : (N, 3) there
    weight : (N,) in [0, 1], how much each is known
    """

    def __init__(self, points: Tensor, colors: Tensor, weight: Tensor) -> None:
        self._grid: Tensor | None = None
        if len(points) and float(weight.max()) > 0:
            self._grid = _push(_scattered(points, colors, weight))

    def __call__(self, points: Tensor) -> Tensor:
        """Return (M, 3) colours at (M, 3) points; `NEUTRAL` where nothing is known anywhere."""
        if self._grid is None:
            return torch.full_like(points, NEUTRAL)
        place = points.clamp(-1, 1)[None, :, None, None]
        sampled = grid_sample(
            self._grid, place, mode="bilinear", padding_mode="border", align_corners=False
        )
        return sampled[0, :, :, 0, 0].T.contiguous()


def _scattered(points: Tensor, colors: Tensor, weight: Tensor) -> Tensor:
    """Return (1, 4, n, n, n), axes z, y, x: weighted colours and weights summed a cell."""
    cell = ((points + 1) / 2 * FINEST).long().clamp(0, FINEST - 1)
    index = (cell[:, 2] * FINEST + cell[:, 1]) * FINEST + cell[:, 0]
    values = torch.cat([colors * weight[:, None], weight[:, None]], 1)
    grid = values.new_zeros((FINEST**3, 4)).index_add_(0, index, values)
    return grid.T.reshape(1, 4, FINEST, FINEST, FINEST)


def _push(grid: Tensor) -> Tensor:
    """Return (1, 3, n, n, n): a grid of sums as colours, its gaps filled from coarser ones."""
    if grid.shape[2] == 1:
        return grid[:, :3] / grid[:, 3:].clamp_min(1e-12)
    coarse = _push(avg_pool3d(grid, 2) * 8)
    beyond = interpolate(coarse, scale_factor=2, mode="trilinear", align_corners=False)
    known = grid[:, 3:].clamp_max(1)
    own = grid[:, :3] / grid[:, 3:].clamp_min(1e-12)
    return own * known + beyond * (1 - known)
