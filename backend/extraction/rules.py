"""Coarse rules: which coarse cells may contain surface that their corner values do not reveal.

On a grid of 32 cells a rod thinner than a cell may leave no sign change. A rule therefore bounds
the field inside each cell, by its Lipschitz constant or its own interval bounds. Without either,
the change inside cells is sampled (`CornerRule`), or all cells up to level 64 are examined.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ..fields import Field
from .bricks import Places, chunks
from .sampler import FieldEvaluator

DRAWS = 2048  # random points for a sampled Lipschitz bound
QUANTILE = 0.999  # of the gradient's length at these points; a maximum would follow outliers
CELL_DRAWS = 512  # cells of a level in which the change is sampled
SAMPLED_FROM = 16  # coarser cells than these are all kept
CELL_QUANTILE = 0.98  # of how far their centre's value lies outside the corners' range
REACH = 0.7  # sides of a cell; half its diagonal, 0.87, is farther than most parts are
FLAT = 0.01  # of the distance to the level: corners that differ by less say nothing of the inside


class CoarseRule(ABC):
    """Bounds the field over cells, which are excluded if the level lies outside the bounds.

    Attributes
    ----------
    sentence : the rule in words, for `ExtractionStats.rule`
    sound : the bounds are proven, so excluded cells contain no surface
    """

    sentence: str
    sound: bool

    @abstractmethod
    def bound(self, sampler: FieldEvaluator, cells: Places, n: int) -> tuple[Tensor, Tensor]:
        """Return bounds (low, high) of the field over each of the (3, N) cells of level `n`."""


class SlopeRule(CoarseRule):
    """Excludes a cell if |f(centre) - level| exceeds the slope times half its diagonal.

    The centre is a node of the next level, so its value is cached and used again.
    """

    def __init__(self, slope: float, sentence: str, *, sound: bool) -> None:
        self.slope, self.sentence, self.sound = slope, sentence, sound

    def bound(self, sampler: FieldEvaluator, cells: Places, n: int) -> tuple[Tensor, Tensor]:
        """Return the centre's value minus and plus the slope times half the diagonal."""
        finer = sampler.level(2 * n)
        centres = 2 * cells + 1
        finer.reserve(centres)
        rows = finer.row(centres)
        sampler.fill(2 * n, [rows])
        middle = finer["value"].index_select(0, rows)
        reach = self.slope * sampler.grid.step(n) * math.sqrt(3) / 2
        return middle - reach, middle + reach


class BoxRule(CoarseRule):
    """The field's own interval bounds over the cell."""

    sentence = "the field's bounds over boxes"
    sound = True

    def bound(self, sampler: FieldEvaluator, cells: Places, n: int) -> tuple[Tensor, Tensor]:
        """Return `Field.bounds` of the cells."""
        return sampler.bounds(sampler.positions(cells, n), sampler.positions(cells + 1, n))


class EveryCell(CoarseRule):
    """Excludes no cell."""

    sentence = "every cell"
    sound = True

    def bound(self, sampler: FieldEvaluator, cells: Places, n: int) -> tuple[Tensor, Tensor]:
        """Return infinite bounds."""
        everything = torch.full((cells.shape[1],), torch.inf, device=cells.device)
        return -everything, everything


class CornerRule(CoarseRule):
    """Excludes a cell whose corners lie farther from the level than cells of its size vary.

    For fields without bounds. The value at a cell's centre may lie outside the range of its
    corners' values by so many times that range; this factor is sampled for each level. The corners
    around a thin part in a cell's middle may be alike, so the usual slope counts over `REACH`
    in any case. The centre is a node of the next level, so its value is used again where the cell
    is kept.
    """

    sentence = f"change inside cells, sampled: {CELL_QUANTILE:.0%} of {CELL_DRAWS} on each level"
    sound = False

    def __init__(self) -> None:
        self.factors: dict[int, tuple[float, float]] = {}

    def bound(self, sampler: FieldEvaluator, cells: Places, n: int) -> tuple[Tensor, Tensor]:
        """Return the corners' extremes, each moved outwards by the factor times their range."""
        if n < SAMPLED_FROM:
            return EveryCell().bound(sampler, cells, n)
        low, high = _corner_range(sampler, cells, n)
        if n not in self.factors:
            self.factors[n] = _sampled_change(sampler, cells, n, low, high)
        spread, (factor, typical) = high - low, self.factors[n]
        reach = (factor * spread).clamp_min(REACH * typical)
        known = spread > FLAT * torch.minimum(low.abs(), high.abs())
        reach = torch.where(known, reach, torch.inf)
        return low - reach, high + reach


def _corner_range(sampler: FieldEvaluator, cells: Places, n: int) -> tuple[Tensor, Tensor]:
    """Return the least and the greatest value at the corners of (3, N) cells, (N,) each."""
    bricks, lows, highs = sampler.level(n), [], []
    rows = [bricks.corner_rows(part, reserve=True) for part in chunks(cells)]
    sampler.fill(n, rows)
    for part in rows:
        values = bricks["value"].index_select(0, part.reshape(-1)).view(8, -1)
        lows.append(values.amin(0))
        highs.append(values.amax(0))
    return torch.cat(lows), torch.cat(highs)


def _sampled_change(
    sampler: FieldEvaluator, cells: Places, n: int, low: Tensor, high: Tensor
) -> tuple[float, float]:
    """Return the `CELL_QUANTILE` of (a centre's value to its corners' range) / range.

    Beside it the median range. Cells near the level are sampled, because only those may be kept in
    vain or lost.
    """
    away = torch.maximum(low, -high) / (high - low).clamp_min(1e-9)
    nearest = away.argsort()[: 2 * CELL_DRAWS]
    generator = torch.Generator().manual_seed(n)
    order = torch.randperm(len(nearest), generator=generator).to(nearest.device)
    chosen = nearest[order[:CELL_DRAWS]]
    if not len(chosen):
        return 0.0, 0.0
    finer, centers = sampler.level(2 * n), 2 * cells.index_select(1, chosen) + 1
    finer.reserve(centers)
    rows = finer.row(centers)
    sampler.fill(2 * n, [rows])
    value = finer["value"].index_select(0, rows)
    low, high = low[chosen], high[chosen]
    outside = torch.maximum(low - value, value - high).clamp_min(0)
    spread = (high - low).clamp_min(1e-9)
    return float((outside / spread).quantile(CELL_QUANTILE)), float(spread.median())


def choose_rule(sampler: FieldEvaluator) -> CoarseRule:
    """Return the best rule that the field supports."""
    field = sampler.field
    if field.lipschitz is not None and type(field).bounds is Field.bounds:
        slope = float(field.lipschitz)
        return SlopeRule(slope, f"Lipschitz bound {slope:.4g}, proven", sound=True)
    middle = torch.zeros((1, 3), device=sampler.device)
    if type(field).bounds is not Field.bounds and field.bounds(middle, middle) is not None:
        return BoxRule()
    if field.kind == "distance":
        slope = _sampled_slope(sampler)
        sentence = f"Lipschitz bound {slope:.4g}, sampled: {QUANTILE:.1%} of {DRAWS} gradients"
        return SlopeRule(slope, sentence, sound=False)
    return CornerRule()


def _sampled_slope(sampler: FieldEvaluator) -> float:
    """Return the `QUANTILE` of the gradient's length at `DRAWS` random points in the box."""
    samples = sampler.samples
    if samples.slope is None:
        generator = torch.Generator().manual_seed(0)
        lower, upper = (torch.tensor(corner) for corner in (sampler.grid.lower, sampler.grid.upper))
        points = lower + torch.rand((DRAWS, 3), generator=generator) * (upper - lower)
        points = points.to(sampler.device)
        before = sampler.vertex_evaluations  # count these points as search, not as vertices
        gradient = sampler.slopes(points, step=sampler.grid.step(256))
        sampler.evaluations += sampler.vertex_evaluations - before
        sampler.vertex_evaluations = before
        samples.slope = float(torch.nan_to_num(gradient).norm(dim=1).quantile(QUANTILE))
    return samples.slope
