"""Coarse rules: which coarse cells may contain surface that their corner values do not reveal.

On a grid of 32 cells a rod thinner than a cell may leave no sign change. A rule therefore bounds
the field inside each cell, by its Lipschitz constant or its own interval bounds. Without either,
all cells up to level 64 are examined, or those that their corners cast doubt on (`CornerRule`).
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ..fields import Field
from .bricks import Places
from .sampler import FieldEvaluator

DRAWS = 2048  # random points for a sampled Lipschitz bound
QUANTILE = 0.999  # of the gradient's length at these points; a maximum would follow outliers


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


def choose_rule(sampler: FieldEvaluator) -> CoarseRule | None:
    """Return the best rule that the field supports; None if it has no bounds, even sampled ones."""
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
    return None


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
