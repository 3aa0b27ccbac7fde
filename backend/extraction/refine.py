"""Predictive refinement: finds the active cells of a level, those that the surface crosses.

The values at the children's corners are forecast from the parent's corners by trilinear
interpolation, and only children with a forecast sign change are evaluated. A flood fill repairs
wrong forecasts: the surface leaves a cell through faces whose corners differ in sign, so the
neighbour across each such face is examined too, until no new cell turns up. One correctly forecast
cell per connected component of the surface is enough.
"""

import torch
from torch import Tensor

from .bricks import CHUNK, Places, chunks
from .rules import CoarseRule
from .sampler import FieldEvaluator
from .tables import CORNERS, DIRECTIONS, MIXED_FACES


class ActiveCells:
    """Cells of one level: (3, N) int32 places and (N,) uint8 marching-cubes cases."""

    def __init__(self, places: Places, cases: Tensor) -> None:
        self.places, self.cases = places, cases

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def active(self) -> int:
        """Number of cells with a sign change (with the cap applied)."""
        return int((self.cases != 0).sum())

    def pick(self, mask: Tensor) -> "ActiveCells":
        """Return the cells selected by a (N,) bool mask."""
        index = torch.nonzero(mask)[:, 0]
        return ActiveCells(self.places.index_select(1, index), self.cases.index_select(0, index))

    def split_at(self, x: int) -> tuple["ActiveCells", "ActiveCells"]:
        """Return the cells before the plane `x`, and the others."""
        before = self.places[0] < x
        if before.all():
            return self, self.pick(~before)
        return self.pick(before), self.pick(~before)

    @classmethod
    def join(cls, parts: list["ActiveCells"], device: torch.device) -> "ActiveCells":
        """Concatenate cells, keeping their order."""
        if not parts:
            none = torch.zeros((3, 0), dtype=torch.int32, device=device)
            return cls(none, torch.zeros(0, dtype=torch.uint8, device=device))
        return cls(
            torch.cat([part.places for part in parts], dim=1),
            torch.cat([part.cases for part in parts]),
        )


class ActiveFront:
    """The search for the active cells of one level.

    Parameters
    ----------
    sampler
        Evaluates the field.
    n
        Cells along the box's longest side.
    level
        Value of the field on the surface; values up to it are inside.
    cap
        Nodes on the box's border count as outside, which closes the mesh there.
    """

    def __init__(self, sampler: FieldEvaluator, n: int, *, level: float, cap: bool) -> None:
        self.sampler, self.n, self.level, self.cap = sampler, n, level, cap
        self.shape = sampler.grid.shape(n)
        self.bricks = sampler.level(n)
        # Examined cells, marked at the row of their corner 0.
        self.bricks.add_column("seen", torch.bool, False)
        self._mixed = torch.as_tensor(MIXED_FACES.T.copy(), device=sampler.device)  # (6, 256)
        self._ahead = ActiveCells.join([], sampler.device)  # detected past the last call's `end`

    def close(self) -> None:
        """Free the memory that only the search needs."""
        self.bricks.drop_column("seen")

    # ------------------------------------------------------------ candidates

    def all_cells(self) -> Places:
        """Return all cells of the level, (3, X * Y * Z)."""
        axes = [torch.arange(s, dtype=torch.int32, device=self.sampler.device) for s in self.shape]
        return torch.stack([a.reshape(-1) for a in torch.meshgrid(*axes, indexing="ij")])

    def children(self, parents: Places) -> Places:
        """Return all children, up to (3, 8 N), of (3, N) cells of the level above."""
        offsets = torch.as_tensor(CORNERS.T.copy(), dtype=torch.int32, device=parents.device)
        cells = (2 * parents[:, :, None] + offsets[:, None, :]).reshape(3, -1)  # (3, N, 8) flat
        return cells[:, self._inside_grid(cells)]

    def forecast(self, parents: Places) -> Places:
        """Return the children of active parents that are forecast to be active."""
        return torch.cat([self._forecast(part) for part in parents.split(CHUNK // 4, dim=1)], dim=1)

    def _forecast(self, parents: Places) -> Places:
        self.sampler.ticket.check()
        above = self.sampler.level(self.n // 2)
        values = above["value"].index_select(0, above.corner_rows(parents).reshape(-1))  # (8 N,)
        # Trilinear interpolation at the midpoints: once along each axis.
        nodes = _halve(_halve(_halve(values.view(2, 2, 2, -1), 0), 1), 2)  # (3, 3, 3, N)
        inside = nodes <= self.level
        entered = _mixed(inside)  # (2, 2, 2, N) children with a forecast sign change
        if self.cap and self._close_border(inside, 2 * parents):
            entered |= _mixed(inside)
        # (K, 2) parent and child, in the parents' order.
        crossing = torch.nonzero(entered.reshape(8, -1).T)
        offsets = torch.as_tensor(CORNERS.T.copy(), dtype=torch.int32, device=parents.device)
        corners = offsets.index_select(1, crossing[:, 1])
        cells = 2 * parents.index_select(1, crossing[:, 0]) + corners  # (3, K)
        return cells[:, self._inside_grid(cells)]

    def _inside_grid(self, cells: Places) -> Tensor:
        x, y, z = (cells[axis] < count for axis, count in enumerate(self.shape))
        return x & y & z

    def others(self, active: ActiveCells) -> Places:
        """Return the examined cells that are not active."""
        seen = self.bricks["seen"].clone()
        seen.index_fill_(0, self.bricks.row(active.places).long(), False)
        return self.bricks.places(torch.nonzero(seen)[:, 0].int())

    # ------------------------------------------------------------ the search

    def keep(self, rule: CoarseRule, cells: Places) -> Places:
        """Return the cells for which a rule can't exclude the surface."""
        low, high = rule.bound(self.sampler, cells, self.n)
        solid = high < self.level
        if self.cap:  # solid at the border: the cap runs through it
            solid &= ~self._at_border(cells)
        return cells[:, ~((low > self.level) | solid)]

    def grow(self, candidates: Places, end: int | None = None) -> tuple[ActiveCells, ActiveCells]:
        """Examine the candidates, then flood fill from the active ones, up to the plane x = `end`.

        Cells just past `end` are detected but expanded only by a later call.

        Returns
        -------
        new
            Active cells detected by this call.
        done
            Active cells with x < end not returned before.
        """
        end = self.shape[0] if end is None else end
        device = self.sampler.device
        waiting, later = self._ahead.split_at(end)  # detected by an earlier call, not expanded yet
        grown, done, ahead = [], [waiting], [later]
        candidates = candidates[:, self._unseen(candidates)]
        # Each round examines the neighbours of the cells that the round before found active.
        while candidates.shape[1] or len(waiting):
            active = self._examine(candidates)
            here, later = active.split_at(end)
            grown.append(active)
            done.append(here)
            ahead.append(later)
            candidates = self._behind_faces(ActiveCells.join([here, waiting], device))
            waiting = ActiveCells.join([], device)  # expanded once
        self._ahead = ActiveCells.join(ahead, device)
        return ActiveCells.join(grown, device), ActiveCells.join(done, device)

    def _unseen(self, cells: Places) -> Tensor:
        return ~self.bricks["seen"].index_select(0, self.bricks.row(cells))

    def _examine(self, cells: Places) -> ActiveCells:
        """Evaluate the corners of distinct cells; return the active ones."""
        parts = list(chunks(cells))
        rows = [self.bricks.corner_rows(part, reserve=True) for part in parts]  # (8, N) each
        for part in rows:  # corner 0 names the cell
            self.bricks["seen"].index_fill_(0, part[0].long(), True)
        self.sampler.fill(self.n, rows)
        active = []
        for part, corners in zip(parts, rows, strict=True):
            self.sampler.ticket.check()
            active.append(self._active(part, corners))
        return ActiveCells.join(active, self.sampler.device)

    def _active(self, cells: Places, rows: Tensor) -> ActiveCells:
        """Return the active cells among `cells`, whose corner values are known.

        With a cap, cells whose only inside corners lie on the border are returned too, with case 0:
        the next level may resolve solid behind the border there.
        """
        values = self.bricks["value"].index_select(0, rows.reshape(-1))  # (8 N,)
        inside = (values <= self.level).view(2, 2, 2, -1)  # (x, y, z corner, N)
        cases = _cases(inside)
        # Before the cap: where the field itself changes sign.
        wanted = (cases != 0) & (cases != 255)
        if self.cap and self._close_border(inside, cells):
            cases = _cases(inside)
            wanted |= (cases != 0) & (cases != 255)
        return ActiveCells(cells, cases).pick(wanted)

    def _behind_faces(self, cells: ActiveCells) -> Places:
        """Return the unseen neighbours across faces with a sign change, each once."""
        neighbours = [cells.places[:, :0]]
        for face, direction in enumerate(DIRECTIONS.tolist()):
            mixed = self._mixed[face].index_select(0, cells.cases.int())  # (N,)
            axis = face % 3
            place = cells.places[axis]
            # Neighbours outside the grid are not cells.
            mixed &= place < self.shape[axis] - 1 if direction[axis] > 0 else place > 0
            near = cells.places.index_select(1, torch.nonzero(mixed)[:, 0])
            near[axis] += direction[axis]  # the cells across this face
            neighbours.append(near[:, self._unseen(near)])
        cells_behind = torch.cat(neighbours, dim=1)
        self.bricks.reserve(cells_behind)
        rows = self.bricks.row(cells_behind)
        return self.bricks.places(torch.unique(rows))  # several cells may share a neighbour

    # ------------------------------------------------------------ the border

    def _at_border(self, cells: Places) -> Tensor:
        last = torch.tensor(self.shape, device=cells.device)[:, None] - 1
        return ((cells == 0) | (cells == last)).any(dim=0)

    def _close_border(self, inside: Tensor, origin: Places) -> bool:
        """Mark nodes on the box's border as outside, in place; return whether there were any.

        inside : (K, K, K, N), the K nodes along each axis from the places `origin`, (3, N)
        """
        closed = False
        for axis, count in enumerate(self.shape if origin.shape[1] else ()):
            first, last = (int(end) for end in origin[axis].aminmax())
            for k in range(inside.shape[axis]):  # node k of a cell or of a parent's subdivision
                for border in (0, count):
                    if first + k <= border <= last + k:
                        inside.select(axis, k).logical_and_(origin[axis] + k != border)
                        closed = True
        return closed


def _cases(inside: Tensor) -> Tensor:
    """Return (N,) uint8 cases: bit b is corner b of `inside`, (2, 2, 2, N)."""
    bits = inside.view(8, -1).to(torch.uint8)  # (8, N)
    cases = bits[0].clone()
    for b in range(1, 8):
        cases |= bits[b] << b
    return cases


def _halve(values: Tensor, axis: int) -> Tensor:
    """Insert the mean of both values between them along `axis`: size 2 becomes 3."""
    first, last = values.select(axis, 0), values.select(axis, 1)
    return torch.stack([first, 0.5 * first + 0.5 * last, last], dim=axis)


def _mixed(inside: Tensor) -> Tensor:
    """Return (2, 2, 2, N): which children have a sign change; `inside` is (3, 3, 3, N) nodes."""
    some = every = inside
    for axis in range(3):  # any and all over both ends along each axis in turn
        one, two = some.narrow(axis, 0, 2), some.narrow(axis, 1, 2)
        both = every.narrow(axis, 0, 2) & every.narrow(axis, 1, 2)
        some, every = one | two, both
    return some & ~every
