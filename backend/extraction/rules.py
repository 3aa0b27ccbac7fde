"""Coarse rules: which coarse cells may hold a piece of the surface that their corners don't show.

A grid of 32 cells sees nothing of a rod thinner than a cell. A rule looks at the cell's inside
instead: a bound on the field's slope, or bounds of the field itself over the box. Where there is
neither, every cell up to 64 is looked at.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ..fields import Field
from .bricks import Places
from .sampler import FieldEvaluator

DRAWS = 2048
QUANTILE = 0.999


class CoarseRule(ABC):
    """Decides which cells are worth a closer look.

    Attributes
    ----------
    sentence : the rule in words, for `ExtractionStats.rule`
    sound : it is proven that cells it drops hold no surface
    """

    sentence: str
    sound: bool

    @abstractmethod
    def bound(self, sampler: FieldEvaluator, cells: Places, n: int) -> tuple[Tensor, Tensor]:
        """Return bounds (low, high) of the field over each of the (3, N) cells of level `n`."""


class SlopeRule(CoarseRule):
    """|f(centre) - level| beyond slope times half a diagonal: no surface in the cell.

    A centre is a node of the next level, so its value is paid for once.
    """

    def __init__(self, slope: float, sentence: str, *, sound: bool) -> None:
        self.slope, self.sentence, self.sound = slope, sentence, sound

    def bound(self, sampler: FieldEvaluator, cells: Places, n: int) -> tuple[Tensor, Tensor]:
        """Return the centre's value less and plus the slope's reach."""
        finer = sampler.level(2 * n)
        centres = 2 * cells + 1
        finer.reserve(centres)
        rows = finer.row(centres)
        sampler.fill(2 * n, [rows])
        middle = finer["value"].index_select(0, rows)
        reach = self.slope * sampler.grid.step(n) * math.sqrt(3) / 2
        return middle - reach, middle + reach


class BoxRule(CoarseRule):
    """The field's own bounds over the cell."""

    sentence = "the field's bounds over boxes"
    sound = True

    def bound(self, sampler: FieldEvaluator, cells: Places, n: int) -> tuple[Tensor, Tensor]:
        """Return `Field.bounds` of the cells."""
        return sampler.bounds(sampler.positions(cells, n), sampler.positions(cells + 1, n))


class EveryCell(CoarseRule):
    """No cell is dropped."""

    sentence = "every cell"
    sound = True

    def bound(self, sampler: FieldEvaluator, cells: Places, n: int) -> tuple[Tensor, Tensor]:
        """Return no bounds at all."""
        everything = torch.full((cells.shape[1],), torch.inf, device=cells.device)
        return -everything, everything


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
    return EveryCell()


def _sampled_slope(sampler: FieldEvaluator) -> float:
    """Return a quantile of the gradient's length at random points of the box."""
    samples = sampler.samples
    if samples.slope is None:
        generator = torch.Generator().manual_seed(0)
        lower, upper = (torch.tensor(corner) for corner in (sampler.grid.lower, sampler.grid.upper))
        points = lower + torch.rand((DRAWS, 3), generator=generator) * (upper - lower)
        points = points.to(sampler.device)
        before = sampler.vertex_evaluations  # these points belong to the search, not to vertices
        gradient = sampler.slopes(points, step=sampler.grid.step(256))
        sampler.evaluations += sampler.vertex_evaluations - before
        sampler.vertex_evaluations = before
        samples.slope = float(torch.nan_to_num(gradient).norm(dim=1).quantile(QUANTILE))
    return samples.slope
