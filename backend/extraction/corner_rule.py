"""The coarse rule for fields without bounds: which cells are doubtful by their corners' values.

A part of the object that contains no corner of a coarse cell still lowers the values around it. A
cell is doubtful if the level is nearer to its corners' values than the range of a usual cell's
values near the surface. Doubtful cells are ranked, and examined within the budget of evaluations of
a full grid of 32 cells a side, where MISE starts.
"""

import math

import torch
from torch import Tensor

from .bricks import Places, chunks
from .grid import COARSEST
from .rules import CoarseRule, EveryCell
from .sampler import FieldEvaluator

FROM = 16  # coarser cells than these are all kept
DOUBT = 1.0  # a cell is doubtful if its values are this near to the level, in units of their range
USUAL = 512  # number of cells nearest to the level that define the usual range
NODES = 8  # evaluations per doubtful cell on the next level, next to other doubtful cells
EQUAL = 1e-4  # relative difference below which corners' values count as equal and tell nothing


class CornerRule(CoarseRule):
    """Excludes cells with corners' values far from the level, in units of the values' range.

    Cells with equal corners' values, as in a field of signs, are never excluded.

    Parameters
    ----------
    level
        Value of the field on the surface.
    """

    sentence = "doubt by the change between corners"
    sound = False

    def __init__(self, level: float) -> None:
        self.level = level

    def bound(self, sampler: FieldEvaluator, cells: Places, n: int) -> tuple[Tensor, Tensor]:
        """Return infinite bounds for doubtful cells, and the corners' range for others."""
        low, high = EveryCell().bound(sampler, cells, n)
        if n < FROM or not cells.shape[1]:
            return low, high
        low, high = corner_range(sampler, cells, n)
        away = torch.maximum(low - self.level, self.level - high)  # below 0 across the surface
        spread = high - low  # (N,) range of the corners' values
        blind = spread <= EQUAL * away.abs()
        usual = spread[away.argsort()[:USUAL]].median()  # near the surface
        # A cell with an unusually small range is measured by the usual one.
        doubt = away / torch.maximum(spread, usual).clamp_min(1e-12)
        kept = blind | _first(doubt, DOUBT, _paid_for(sampler, n))
        every = torch.full_like(low, torch.inf)
        return torch.where(kept, -every, low), torch.where(kept, every, high)


def _first(doubt: Tensor, limit: float, count: int) -> Tensor:
    """Return which cells are below the limit and among the `count` smallest values, (N,) bool."""
    if count < len(doubt):
        limit = min(limit, float(doubt.kthvalue(count + 1).values))
    return doubt < limit


def _paid_for(sampler: FieldEvaluator, n: int) -> int:
    """Return the maximum number of doubtful cells of a level to examine."""
    if n < COARSEST:
        return math.prod(sampler.grid.shape(n))
    full = math.prod(count + 1 for count in sampler.grid.shape(COARSEST))
    return max(full - sampler.evaluations, 0) // NODES


def corner_range(sampler: FieldEvaluator, cells: Places, n: int) -> tuple[Tensor, Tensor]:
    """Return the least and the greatest value at the corners of (3, N) cells, (N,) each."""
    bricks, lows, highs = sampler.level(n), [], []
    rows = [bricks.corner_rows(part, reserve=True) for part in chunks(cells)]
    sampler.fill(n, rows)
    for part in rows:
        values = bricks["value"].index_select(0, part.reshape(-1)).view(8, -1)  # (8, N)
        lows.append(values.amin(0))
        highs.append(values.amax(0))
    return torch.cat(lows), torch.cat(highs)
