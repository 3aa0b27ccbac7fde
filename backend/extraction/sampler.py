"""The only place that evaluates a field: in blocks, validated, counted, cancellable and cached."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..contract.errors import WorkError
from ..contract.memory import is_out_of_memory
from ..fields import Field
from ..ticket import Ticket
from .bricks import Bricks, unique
from .grid import NestedGrid

BLOCK = {"cpu": 8192, "cuda": 1 << 18, "mps": 1 << 18}
"""Points per call: on a CPU a small network's activations then fit the L2 cache; an accelerator
is fully occupied."""
SMALLEST_BLOCK = 256
GRADIENT_COST = 3
"""Cost of a value with its gradient, in values."""


class FieldSamples:
    """A cache of a field's values at the nodes of all levels; runs that share it evaluate each node
    once.

    It belongs to one field and one box, and is cleared when it is claimed for another.

    Attributes
    ----------
    low, high : minimum and maximum of all values so far
    slope : the sampled Lipschitz bound; None before it is sampled
    """

    def __init__(self) -> None:
        self._owner: tuple[Field, NestedGrid] | None = None
        self._levels: dict[int, Bricks] = {}
        self._forget()

    def claim(self, field: Field, grid: NestedGrid) -> None:
        """Bind the cache to `field` on `grid`; clear it if it belongs to another."""
        if self._owner is None or self._owner[0] is not field or self._owner[1] != grid:
            self._forget()
            self._owner = (field, grid)

    def _forget(self) -> None:
        self._levels.clear()
        self.low, self.high = float("inf"), float("-inf")
        self.slope: float | None = None

    def note_range(self, values: Tensor) -> None:
        """Extend `low` and `high` by new values."""
        low, high = torch.aminmax(values)
        self.low, self.high = min(self.low, float(low)), max(self.high, float(high))

    def level(self, n: int, grid: NestedGrid, device: torch.device) -> Bricks:
        """Return the samples at `n` cells a side: a column "value", NaN where unknown."""
        if n not in self._levels:
            bricks = Bricks([count + 1 for count in grid.shape(n)], device)
            bricks.add_column("value", torch.float32, torch.nan)
            self._levels[n] = bricks
        return self._levels[n]

    def coarser(self, n: int) -> Bricks | None:
        """Return the samples of the level above; its nodes are every second node of level `n`."""
        return self._levels.get(n // 2)

    @property
    def bytes(self) -> int:
        """Memory taken."""
        return sum(bricks.bytes for bricks in self._levels.values())


class FieldEvaluator:
    """Evaluates one field on one grid.

    Attributes
    ----------
    evaluations : points evaluated at nodes of the grid, and for the coarse rule
    vertex_evaluations : points evaluated at vertices
    boxes : boxes with evaluated bounds
    forecast : expected total of evaluations of both kinds
    """

    def __init__(
        self, field: Field, grid: NestedGrid, samples: FieldSamples, ticket: Ticket
    ) -> None:
        self.field, self.grid, self.samples, self.ticket = field, grid, samples, ticket
        self.device = torch.device(field.device)
        self.block = field.block or BLOCK.get(self.device.type, BLOCK["cpu"])
        self.evaluations = self.vertex_evaluations = self.boxes = 0
        self.forecast = 1
        self._reported = 0.0

    @property
    def fraction(self) -> float:
        """Work done over forecast work; never decreases, and stays below 1."""
        done = (self.evaluations + self.vertex_evaluations) / max(self.forecast, 1)
        return max(self._reported, min(done, 0.99))

    # ------------------------------------------------------------ on the grid

    def level(self, n: int) -> Bricks:
        """Return the samples at level `n`."""
        return self.samples.level(n, self.grid, self.device)

    def positions(self, places: Tensor, n: int) -> Tensor:
        """Return (N, 3) float32 positions, volume frame, of nodes at (3, N) places of level `n`."""
        lower = torch.tensor(self.grid.lower, dtype=torch.float32, device=places.device)
        return (lower[:, None] + places * self.grid.step(n)).T.contiguous()

    def fill(self, n: int, rows: list[Tensor]) -> None:
        """Fill in the values at `rows` of level `n`, from coarser samples or the field.

        Repeated rows are evaluated once and in ascending order, so that runs are reproducible.
        """
        bricks = self.level(n)
        value = bricks["value"]
        wanted = _unknown(rows, value)  # (K,) distinct rows
        known = self._recall(n, bricks.places(wanted.int()))  # (K,) NaN where new
        value.index_copy_(0, wanted, known)
        for block in self._blocks(wanted[known.isnan()]):
            points = self.positions(bricks.places(block.int()), n)
            value.index_copy_(0, block, self._node_values(points))

    def nodes(self, points: Tensor) -> Tensor:
        """Return (N,) values at nodes, (N, 3) positions, without caching them."""
        return self._gather(points, self._node_values)

    def _node_values(self, points: Tensor) -> Tensor:
        values = self._evaluate(points)
        self.evaluations += len(points)
        self.samples.note_range(values)
        return values

    def _recall(self, n: int, places: Tensor) -> Tensor:
        """Return (N,) values known from coarser levels, NaN where there are none."""
        known = torch.full((places.shape[1],), torch.nan, device=self.device)
        lost = torch.arange(places.shape[1], device=self.device)  # entries still unknown
        # A node with even coordinates is also a node of the level above.
        while len(lost) and (coarser := self.samples.coarser(n)) is not None:
            even = ((places[0] | places[1] | places[2]) & 1) == 0
            lost, places, n = lost[even], places[:, even] >> 1, n // 2
            recalled = coarser["value"].index_select(0, coarser.row(places))
            known.index_copy_(0, lost, recalled)
            missing = recalled.isnan()
            lost, places = lost[missing], places[:, missing]
        return known

    # ------------------------------------------------------------ anywhere

    def values(self, points: Tensor) -> Tensor:
        """Return (N,) values at vertices, (N, 3) positions in the volume frame."""
        self.vertex_evaluations += len(points)
        return self._gather(points, self._evaluate)

    def gradients(self, points: Tensor) -> Tensor | None:
        """Return (N, 3) gradients by autograd, not always finite; None if the field has none."""
        parts = []
        for block in self._blocks(points):
            part = self._guard(self.field.gradient, block)
            if part is None:
                return None
            self.vertex_evaluations += GRADIENT_COST * len(block)
            parts.append(part)
        return torch.cat(parts) if parts else torch.zeros_like(points)

    def colors(self, points: Tensor) -> Tensor | None:
        """Return (N, 4) linear RGBA; None if the field has no colour."""
        parts = []
        for block in self._blocks(points):
            with torch.no_grad():
                part = self._guard(self.field.color, block)
            if part is None:
                return None
            parts.append(self._checked(part, block, (len(block), 4), "colour"))
        return torch.cat(parts) if parts else None

    def slopes(self, points: Tensor, *, step: float) -> Tensor:
        """Return (N, 3) gradients by autograd, else by central differences of `step`."""
        gradient = self.gradients(points)
        if gradient is not None:
            return gradient
        moves = torch.eye(3, device=points.device) * step
        ahead, behind = (
            torch.stack([self.values(points + sign * move) for move in moves], dim=1)
            for sign in (1, -1)
        )
        return (ahead - behind) / (2 * step)

    def bounds(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
        """Return the field's bounds (low, high), (N,) each, over boxes with (N, 3) corners."""
        parts = []
        for index in self._blocks(torch.arange(len(lower), device=self.device)):
            with torch.no_grad():
                parts.append(self.field.bounds(lower[index], upper[index]))
        self.boxes += len(lower)
        low, high = (torch.cat(ends) for ends in zip(*parts, strict=True))
        return low, high

    # ------------------------------------------------------------ blocks

    def _gather(self, points: Tensor, evaluate: Callable[[Tensor], Tensor]) -> Tensor:
        parts = [evaluate(block) for block in self._blocks(points)]
        return torch.cat(parts) if parts else points.new_zeros(0)

    def _blocks(self, rows: Tensor) -> Iterator[Tensor]:
        """Yield blocks of rows, checking the ticket once per block."""
        start = 0
        while start < len(rows):
            self._report()
            block = rows[start : start + self.block]
            yield block
            start += len(block)

    def _report(self) -> None:
        """Check for cancellation; report progress after a visible change."""
        if self.fraction >= self._reported + 0.005:
            self._reported = self.fraction
            self.ticket.advance(self._reported)
        else:
            self.ticket.check()

    def _evaluate(self, points: Tensor) -> Tensor:
        with torch.no_grad():
            values = self._guard(self.field, points)
        return self._checked(values, points, (len(points),), "value")

    def _guard(self, call: Callable[[Tensor], Tensor | None], points: Tensor) -> Tensor | None:
        """Call with a block; after running out of memory, with smaller ones from then on."""
        try:
            return call(points)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if len(points) <= SMALLEST_BLOCK:
                raise WorkError(
                    f"There is not enough memory to evaluate {len(points)} points of the field.",
                    "Close other programs, or choose the CPU as the device.",
                ) from error
        self.block = max(SMALLEST_BLOCK, min(self.block, len(points)) // 2)
        parts = [self._guard(call, part) for part in points.split(self.block)]
        return None if parts[0] is None else torch.cat([p for p in parts if p is not None])

    def _checked(self, values: Tensor | None, points: Tensor, shape: tuple, what: str) -> Tensor:
        """Return the field's answer; raise a `WorkError` that names its fault and place."""
        if not isinstance(values, Tensor) or values.shape != shape or values.dtype != torch.float32:
            seen = (
                f"{tuple(values.shape)} {str(values.dtype).removeprefix('torch.')}"
                if isinstance(values, Tensor)
                else repr(type(values).__name__)
            )
            raise WorkError(
                f"The field's {what} for {len(points)} points should be {shape} float32, "
                f"not {seen}.",
                "Correct the method's field.",
            )
        if not torch.isfinite(values).all():
            bad = torch.nonzero(~torch.isfinite(values.reshape(len(values), -1)))[0]
            seen = float(values.reshape(len(values), -1)[bad[0], bad[1]])
            place = ", ".join(f"{c:.6g}" for c in points[bad[0]].tolist())
            raise WorkError(
                f"The field's {what} is {seen} at ({place}); it must be finite.",
                "The weights may be damaged or trained with too high a rate; try others.",
            )
        return values


def _unknown(rows: list[Tensor], value: Tensor) -> Tensor:
    """Return the distinct rows without a value, sorted, int64."""
    if 8 * sum(part.numel() for part in rows) < len(value):  # few: look them up and sort them
        flat = torch.cat([part.reshape(-1) for part in rows])
        return unique(flat[value.index_select(0, flat).isnan()], len(value))
    marks = torch.zeros_like(value, dtype=torch.bool)
    for part in rows:
        marks.index_fill_(0, part.reshape(-1).long(), True)
    return torch.nonzero(marks.logical_and_(value.isnan()))[:, 0]
