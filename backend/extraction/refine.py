"""Predictive refinement: which cells of a level the surface passes through.

From the corners of a parent the children's corners are forecast by trilinear interpolation, and
only children that the forecast says the surface enters are evaluated. Each wrong forecast is
repaired by flooding: the surface leaves a cell through faces whose corners differ in sign, so the
neighbour behind such a face is looked at too, until nothing changes. One true cell of each
component suffices.
"""

import torch
from torch import Tensor

from .bricks import CHUNK, Places, chunks
from .rules import CoarseRule
from .sampler import FieldEvaluator
from .tables import CORNERS, DIRECTIONS, MIXED_FACES


class ActiveCells:
    """Cells of one level with their cases: (3, N) int32 places and (N,) uint8."""

    def __init__(self, places: Places, cases: Tensor) -> None:
        self.places, self.cases = places, cases

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def active(self) -> int:
        """How many have corners on both sides of the surface, the border being what it is."""
        return int((self.cases != 0).sum())

    def pick(self, mask: Tensor) -> "ActiveCells":
        """Return the cells that a (N,) mask names."""
        index = torch.nonzero(mask)[:, 0]
        return ActiveCells(self.places.index_select(1, index), self.cases.index_select(0, index))

    def split_at(self, x: int) -> tuple["ActiveCells", "ActiveCells"]:
        """Return the cells before and from plane `x` on."""
        before = self.places[0] < x
        if before.all():
            return self, self.pick(~before)
        return self.pick(before), self.pick(~before)

    @classmethod
    def join(cls, parts: list["ActiveCells"], device: torch.device) -> "ActiveCells":
        """Return the cells of all parts, in order."""
        if not parts:
            none = torch.zeros((3, 0), dtype=torch.int32, device=device)
            return cls(none, torch.zeros(0, dtype=torch.uint8, device=device))
        return cls(
            torch.cat([part.places for part in parts], dim=1),
            torch.cat([part.cases for part in parts]),
        )


class ActiveFront:
    """The surface's cells at one level, as far as they are found.

    Parameters
    ----------
    sampler
        Evaluates the field.
    n
        Cells along the box's longest side.
    level
        The value of the field that the surface has; values up to it are inside.
    cap
        The box's border counts as outside.
    """

    def __init__(self, sampler: FieldEvaluator, n: int, *, level: float, cap: bool) -> None:
        self.sampler, self.n, self.level, self.cap = sampler, n, level, cap
        self.shape = sampler.grid.shape(n)
        self.bricks = sampler.level(n)
        self.bricks.add_column("seen", torch.bool, False)
        self._mixed = torch.as_tensor(MIXED_FACES.T.copy(), device=sampler.device)
        self._ahead = ActiveCells.join([], sampler.device)

    def close(self) -> None:
        """Give back what only the search needed."""
        self.bricks.drop_column("seen")

    # ------------------------------------------------------------ candidates

    def all_cells(self) -> Places:
        """Return every cell of the level."""
        axes = [torch.arange(s, dtype=torch.int32, device=self.sampler.device) for s in self.shape]
        return torch.stack([a.reshape(-1) for a in torch.meshgrid(*axes, indexing="ij")])

    def children(self, parents: Places) -> Places:
        """Return all children of the cells of the level above."""
        offsets = torch.as_tensor(CORNERS.T.copy(), dtype=torch.int32, device=parents.device)
        cells = (2 * parents[:, :, None] + offsets[:, None, :]).reshape(3, -1)
        return cells[:, self._inside_grid(cells)]

    def forecast(self, parents: Places) -> Places:
        """Return the children of active parents that the surface is forecast to enter."""
        return torch.cat([self._forecast(part) for part in parents.split(CHUNK // 4, dim=1)], dim=1)

    def _forecast(self, parents: Places) -> Places:
        self.sampler.ticket.check()
        above = self.sampler.level(self.n // 2)
        values = above["value"].index_select(0, above.corner_rows(parents).reshape(-1))
        nodes = _halve(_halve(_halve(values.view(2, 2, 2, -1), 0), 1), 2)  # (3, 3, 3, N)
        inside = nodes <= self.level
        entered = _mixed(inside)  # (2, 2, 2, N)
        if self.cap and self._close_border(inside, 2 * parents):
            entered |= _mixed(inside)
        found = torch.nonzero(entered.reshape(8, -1).T)  # in the parents' order
        offsets = torch.as_tensor(CORNERS.T.copy(), dtype=torch.int32, device=parents.device)
        cells = 2 * parents.index_select(1, found[:, 0]) + offsets.index_select(1, found[:, 1])
        return cells[:, self._inside_grid(cells)]

    def _inside_grid(self, cells: Places) -> Tensor:
        x, y, z = (cells[axis] < count for axis, count in enumerate(self.shape))
        return x & y & z

    def others(self, active: ActiveCells) -> Places:
        """Return the cells that were looked at, but for the active ones."""
        seen = self.bricks["seen"].clone()
        seen.index_fill_(0, self.bricks.row(active.places).long(), False)
        return self.bricks.places(torch.nonzero(seen)[:, 0].int())

    # ------------------------------------------------------------ the search

    def keep(self, rule: CoarseRule, cells: Places) -> Places:
        """Return the cells that a rule can't prove free of the surface."""
        low, high = rule.bound(self.sampler, cells, self.n)
        capped = high < self.level
        if self.cap:
            capped &= ~self._at_border(cells)
        return cells[:, ~((low > self.level) | capped)]

    def grow(self, candidates: Places, end: int | None = None) -> tuple[ActiveCells, ActiveCells]:
        """Search the candidates, then flood from what was found, up to the plane x = `end`.

        Of the cells from the plane on, those next to it are found too, but not flooded from before
        a later call reaches them.

        Returns
        -------
        new
            Active cells found by this call.
        done
            Active cells before the plane that no earlier call returned as done.
        """
        end = self.shape[0] if end is None else end
        device = self.sampler.device
        waiting, later = self._ahead.split_at(end)
        found, done, ahead = [], [waiting], [later]
        candidates = candidates[:, self._unseen(candidates)]
        while candidates.shape[1] or len(waiting):
            active = self._examine(candidates)
            here, later = active.split_at(end)
            found.append(active)
            done.append(here)
            ahead.append(later)
            candidates = self._behind_faces(ActiveCells.join([here, waiting], device))
            waiting = ActiveCells.join([], device)
        self._ahead = ActiveCells.join(ahead, device)
        return ActiveCells.join(found, device), ActiveCells.join(done, device)

    def _unseen(self, cells: Places) -> Tensor:
        return ~self.bricks["seen"].index_select(0, self.bricks.row(cells))

    def _examine(self, cells: Places) -> ActiveCells:
        """Evaluate the corners of distinct cells; return those that the surface passes through."""
        parts = list(chunks(cells))
        rows = [self.bricks.corner_rows(part, reserve=True) for part in parts]
        for part in rows:
            self.bricks["seen"].index_fill_(0, part[0].long(), True)
        self.sampler.fill(self.n, rows)
        active = []
        for part, corners in zip(parts, rows, strict=True):
            self.sampler.ticket.check()
            active.append(self._active(part, corners))
        return ActiveCells.join(active, self.sampler.device)

    def _active(self, cells: Places, rows: Tensor) -> ActiveCells:
        """Return, of cells whose corners are known, those that the surface passes through.

        Under a cap, also those of case 0 in which the solid comes no further in than the border:
        what is a sliver behind it here may be seen at the next level.
        """
        values = self.bricks["value"].index_select(0, rows.reshape(-1))
        inside = (values <= self.level).view(2, 2, 2, -1)
        cases = _cases(inside)
        wanted = (cases != 0) & (cases != 255)
        if self.cap and self._close_border(inside, cells):
            cases = _cases(inside)
            wanted |= (cases != 0) & (cases != 255)
        return ActiveCells(cells, cases).pick(wanted)

    def _behind_faces(self, cells: ActiveCells) -> Places:
        """Return the unseen neighbours behind faces that the surface crosses, each once."""
        found = [cells.places[:, :0]]
        for face, direction in enumerate(DIRECTIONS.tolist()):
            mixed = self._mixed[face].index_select(0, cells.cases.int())
            axis = face % 3
            place = cells.places[axis]
            mixed &= place < self.shape[axis] - 1 if direction[axis] > 0 else place > 0
            near = cells.places.index_select(1, torch.nonzero(mixed)[:, 0])
            near[axis] += direction[axis]
            found.append(near[:, self._unseen(near)])
        cells_behind = torch.cat(found, dim=1)
        self.bricks.reserve(cells_behind)
        rows = self.bricks.row(cells_behind)
        return self.bricks.places(torch.unique(rows))

    # ------------------------------------------------------------ the border

    def _at_border(self, cells: Places) -> Tensor:
        last = torch.tensor(self.shape, device=cells.device)[:, None] - 1
        return ((cells == 0) | (cells == last)).any(dim=0)

    def _close_border(self, inside: Tensor, origin: Places) -> bool:
        """Make nodes on the box's border outside, in place; return whether there were any.

        inside : (K, K, K, N) of K nodes along each axis from the places `origin` (3, N) on
        """
        closed = False
        for axis, count in enumerate(self.shape if origin.shape[1] else ()):
            first, last = (int(end) for end in origin[axis].aminmax())
            for k in range(inside.shape[axis]):
                for border in (0, count):
                    if first + k <= border <= last + k:
                        inside.select(axis, k).logical_and_(origin[axis] + k != border)
                        closed = True
        return closed


def _cases(inside: Tensor) -> Tensor:
    """Return (N,) uint8 cases of cells with these (2, 2, 2, N) corners inside."""
    bits = inside.view(8, -1).to(torch.uint8)
    cases = bits[0].clone()
    for b in range(1, 8):
        cases |= bits[b] << b
    return cases


def _halve(values: Tensor, axis: int) -> Tensor:
    """Put the mean of each two neighbours between them."""
    first, last = values.select(axis, 0), values.select(axis, 1)
    return torch.stack([first, 0.5 * first + 0.5 * last, last], dim=axis)


def _mixed(inside: Tensor) -> Tensor:
    """Return (2, 2, 2, N): which of the eight children have corners on both sides."""
    some = every = inside
    for axis in range(3):
        one, two = some.narrow(axis, 0, 2), some.narrow(axis, 1, 2)
        both = every.narrow(axis, 0, 2) & every.narrow(axis, 1, 2)
        some, every = one | two, both
    return some & ~every
