"""Places vertices on their edges by root finding, and asks the field for normals and colours."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.functional import normalize

from .marching import CrossedEdges
from .sampler import FieldEvaluator

STEPS = 5
"""Maximum number of evaluations per vertex; smooth fields need one."""
CONVERGED = 0.005
"""Convergence tolerance (fraction of the edge): stop when the false-position and one-sided secant
estimates differ by less; for smooth fields the true error is then second order."""


@dataclass(frozen=True)
class Vertices:
    """Vertices and their attributes.

    positions : (V, 3) float32, volume frame
    normals : (V, 3) float32 unit vectors, zero where the gradient is; None: not requested
    colors : (V, 4) float32 linear RGBA; None: not requested, or the field has none
    """

    positions: Tensor
    normals: Tensor | None
    colors: Tensor | None


class Placer:
    """Places the vertices of one level on the level set.

    Parameters
    ----------
    sampler
        Evaluates the field.
    n
        Cells along the box's longest side.
    level
        Value of the field on the surface.
    cap
        The box's border counts as outside.
    normals, color
        Whether to evaluate them.
    steps
        Maximum number of evaluations per vertex.
    """

    def __init__(
        self,
        sampler: FieldEvaluator,
        n: int,
        *,
        level: float,
        cap: bool,
        normals: bool,
        color: bool,
        steps: int = STEPS,
    ) -> None:
        self.sampler, self.n, self.level, self.cap = sampler, n, level, cap
        self._normals, self._color, self._steps = normals, color, steps
        self._step = sampler.grid.step(n)
        self._shape = torch.tensor(sampler.grid.shape(n), device=sampler.device)
        self._upper = torch.tensor(sampler.grid.upper, device=sampler.device)
        self._margin = sampler.grid.margin(n)

    def place(self, edges: CrossedEdges) -> Vertices:
        """Return the vertices of crossed edges."""
        start = self.sampler.positions(edges.start, self.n)  # (N, 3) volume frame
        fraction, facing = self._fractions(edges, start)
        positions = self._along(start, edges.axis, fraction)  # (N, 3)
        normals = self._unit_normals(positions, edges.axis, facing) if self._normals else None
        colors = self.sampler.colors(positions) if self._color else None
        return Vertices(positions, normals, colors)

    def _along(self, start: Tensor, axis: Tensor, fraction: Tensor) -> Tensor:
        return start.scatter_add(1, axis[:, None], (fraction * self._step)[:, None])

    def _fractions(self, edges: CrossedEdges, start: Tensor) -> tuple[Tensor, Tensor]:
        """Return the position of each vertex on its edge and which vertices lie on the cap.

        If the field has the same sign at both ends, the crossing is the cap's: at the start if that
        lies on the border, else where the edge leaves the box, a limit for all vertices.

        Returns
        -------
        fraction : (N,) fraction of the edge, from its start
        facing : (N,) -1 or 1 along the edge's axis for vertices on the cap, else 0
        """
        crossed = torch.nonzero((edges.first <= self.level) != (edges.second <= self.level))[:, 0]
        # Edges that the field itself crosses: root finding.
        crossings = self._crossings(
            start.index_select(0, crossed),
            edges.axis.index_select(0, crossed),
            edges.first.index_select(0, crossed),
            edges.second.index_select(0, crossed),
        )
        fraction = torch.full_like(edges.first, torch.inf).index_copy_(0, crossed, crossings)
        if not self.cap:
            return fraction, torch.zeros_like(fraction)
        place = edges.start.gather(0, edges.axis[None])[0]  # (N,) start's coordinate on the axis
        # Fraction at which the edge leaves the box; only the last cell of an axis can.
        leaves = (self._upper[edges.axis] - start.gather(1, edges.axis[:, None])[:, 0]) / self._step
        limit = torch.where(place + 1 == self._shape[edges.axis], leaves, torch.inf)
        below = fraction.isinf() & (place == 0)  # crossed by the cap at the lower border
        facing = (fraction > limit).float() - below.float()
        fraction = torch.minimum(fraction, limit).masked_fill_(below, 0.0)
        return fraction.clamp_(self._margin, 1 - self._margin), facing

    def _crossings(self, start: Tensor, axis: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Return (N,) fractions at which the field crosses the level, by bracketed secant steps.

        Each step evaluates the one-sided secant estimate (through the last two points on the same
        side of the surface) if it lies within the bracket, else the false-position estimate. An end
        kept twice has its value halved (the Illinois variant), which keeps brackets shrinking.
        """
        bracket = _Bracket.over(first, second, self.level)
        fraction = bracket.secant().clamp_(self._margin, 1 - self._margin)
        # Vertices that have not converged.
        index = torch.arange(len(fraction), device=fraction.device)
        for _ in range(self._steps):
            here = fraction.index_select(0, index)  # (K,) of the K vertices still moving
            points = self._along(start.index_select(0, index), axis.index_select(0, index), here)
            bracket, secant = bracket.narrowed(here, self.sampler.values(points), self.level)
            new = bracket.secant()
            apart = (secant - new).abs()  # two estimates that agree have converged
            within = (secant > bracket.low) & (secant < bracket.high)
            unconverged = ~(apart <= CONVERGED)
            new = torch.where(unconverged & within, secant, new).clamp_(
                self._margin, 1 - self._margin
            )
            fraction.index_copy_(0, index, new)
            moving = torch.nonzero(unconverged)[:, 0]
            if not len(moving):
                break
            index, bracket = index.index_select(0, moving), bracket.pick(moving)
        return fraction

    def _unit_normals(self, positions: Tensor, axis: Tensor, facing: Tensor) -> Tensor:
        """Return (V, 3) unit normals: the field's gradient, on the cap the border's normal."""
        slopes = self.sampler.slopes(positions, step=self._step / 2)
        normals = normalize(torch.nan_to_num(slopes, 0.0, 0.0, 0.0), dim=1)  # (V, 3)
        capped = torch.nonzero(facing)[:, 0]
        if len(capped):
            own = torch.zeros((len(capped), 3), device=normals.device)
            own.scatter_(1, axis[capped][:, None], facing[capped][:, None])
            normals.index_copy_(0, capped, own)
        return normals


@dataclass(frozen=True)
class _Bracket:
    """Intervals of N edges, as fractions, in which the field crosses the level; all (N,).

    low, high : ends of the interval
    at_low, at_high : half the field minus half the level at the ends (halved, so that the
        difference of any two finite values is finite), less for an end that was kept repeatedly
    inside : whether the low end is inside
    kept : 1 if the last step kept the low end, -1 if the high end, 0 before the first step
    """

    low: Tensor
    high: Tensor
    at_low: Tensor
    at_high: Tensor
    inside: Tensor
    kept: Tensor

    @classmethod
    def over(cls, first: Tensor, second: Tensor, level: float) -> "_Bracket":
        """Return brackets over whole edges from the values at their ends."""
        zero = torch.zeros_like(first)
        ends = 0.5 * first - 0.5 * level, 0.5 * second - 0.5 * level
        return cls(zero, zero + 1, *ends, first <= level, zero)

    def secant(self) -> Tensor:
        """Return the false-position estimates; the middle where they are undefined."""
        fraction = self.at_low / (self.at_low - self.at_high)
        return self.low + torch.nan_to_num(fraction, 0.5).clamp_(0, 1) * (self.high - self.low)

    def narrowed(self, fraction: Tensor, values: Tensor, level: float) -> tuple["_Bracket", Tensor]:
        """Return the brackets with one end moved to `fraction`, where the field has `values`.

        Also the one-sided secant estimate through the old and new position of that end; not always
        finite.
        """
        excess = 0.5 * values - 0.5 * level  # (N,) halved, as `at_low` and `at_high`
        raises = (values <= level) == self.inside  # same side as the low end: that one moves
        old = torch.where(raises, self.low, self.high)  # the end that moves, and its value
        at_old = torch.where(raises, self.at_low, self.at_high)
        secant = fraction - excess * ((fraction - old) / (excess - at_old))
        # Illinois: an end kept a second time in a row has its value halved.
        again_high, again_low = raises & (self.kept < 0), ~raises & (self.kept > 0)
        narrow = _Bracket(
            torch.where(raises, fraction, self.low),
            torch.where(raises, self.high, fraction),
            torch.where(raises, excess, torch.where(again_low, 0.5, 1.0) * self.at_low),
            torch.where(raises, torch.where(again_high, 0.5, 1.0) * self.at_high, excess),
            self.inside,
            torch.where(raises, -1.0, 1.0),
        )
        return narrow, secant

    def pick(self, index: Tensor) -> "_Bracket":
        """Return the brackets at `index`."""
        return _Bracket(*(getattr(self, f.name).index_select(0, index) for f in fields(self)))
