"""Sparse storage on a lattice: columns of numbers, allocated in bricks of 4³ nodes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

SHIFT = 2
SIDE = 1 << SHIFT  # nodes along a side of a brick
VOLUME = SIDE**3
CHUNK = 1 << 15
"""Cells processed at once: the arrays of their eight corners fit the CPU's cache."""

Places = Tensor
"""(3, N) int32 coordinates on the lattice."""


def chunks(places: Places) -> Iterator[Places]:
    """Split places into chunks that fit the cache."""
    return iter(places.split(CHUNK, dim=1))


@dataclass
class Column:
    """One number per node of each brick; `fill` where none was written."""

    data: Tensor
    fill: float


class Bricks:
    """A lattice of nodes that allocates memory only for bricks in use.

    Each node of an allocated brick has a *row*, an int32 index into all columns. Rows below
    `VOLUME` belong to a shared placeholder for absent bricks, whose entries keep their fill.

    Parameters
    ----------
    shape
        Nodes along x, y, z.
    device
        Device of the columns.
    """

    def __init__(self, shape: Sequence[int], device: torch.device) -> None:
        self.device = device
        x, y, z = (-(-count // SIDE) for count in shape)
        self._stride = (y * z, z, 1)
        # By brick, its position in the columns in units of VOLUME; 0: absent.
        self._slot = torch.zeros(x * y * z, dtype=torch.int32, device=device)
        # By slot, the place of the brick's first node.
        self._origin = torch.zeros((3, 1), dtype=torch.int32, device=device)
        self._columns: dict[str, Column] = {}

    @property
    def rows(self) -> int:
        """Number of rows, including those of the placeholder."""
        return self._origin.shape[1] * VOLUME

    @property
    def bytes(self) -> int:
        """Memory in bytes."""
        columns = [column.data for column in self._columns.values()]
        return sum(t.numel() * t.element_size() for t in (self._slot, self._origin, *columns))

    def add_column(self, name: str, dtype: torch.dtype, fill: float) -> None:
        """Add a column, or reset it."""
        data = torch.full((self.rows,), fill, dtype=dtype, device=self.device)
        self._columns[name] = Column(data, fill)

    def drop_column(self, name: str) -> None:
        """Free a column."""
        self._columns.pop(name, None)

    def __getitem__(self, name: str) -> Tensor:
        """Return a column, (rows,), as a view of the storage."""
        return self._columns[name].data[: self.rows]

    # ------------------------------------------------------------ places to rows and back

    def reserve(self, places: Places) -> None:
        """Allocate the bricks of `places`."""
        bricks = self._brick(places)
        self._use(bricks, self._slot.index_select(0, bricks))

    def row(self, places: Places) -> Tensor:
        """Return the (N,) int32 rows of `places`, which must lie on the lattice."""
        x, y, z = places & (SIDE - 1)  # position within the brick
        slot = self._slot.index_select(0, self._brick(places))
        return (slot << 3 * SHIFT) + (x << 2 * SHIFT) + (y << SHIFT) + z

    def corner_rows(self, cells: Places, *, reserve: bool = False) -> Tensor:
        """Return the (8, N) int32 rows of the corners of `cells`, in the order of `tables.CORNERS`.

        A cell is named by the place of its corner 0. `reserve` allocates the corners' bricks.
        """
        # Brick number and local row are sums over the axes, so 6 terms give all 8 corners.
        brick, local = [], []
        for axis, stride in enumerate(self._stride):
            ends = torch.stack([cells[axis], cells[axis] + 1])  # (2, N)
            brick.append((ends >> SHIFT) * stride)  # this axis' term of the brick's number
            local.append((ends & (SIDE - 1)) << (2 - axis) * SHIFT)  # and of the row in it
        bricks = _outer_sum(brick).reshape(-1)  # (8 N,)
        slot = self._slot.index_select(0, bricks)
        if reserve and self._use(bricks, slot):
            slot = self._slot.index_select(0, bricks)
        return (slot.view(8, -1) << 3 * SHIFT).add_(_outer_sum(local).view(8, -1))

    def places(self, rows: Tensor) -> Places:
        """Return the places, (3, N), of rows; the inverse of `row`."""
        local = rows & (VOLUME - 1)  # 2 bits per axis, x highest
        inner = torch.stack([local >> 2 * SHIFT, (local >> SHIFT) & (SIDE - 1), local & (SIDE - 1)])
        return self._origin.index_select(1, rows >> 3 * SHIFT).add_(inner)

    def _brick(self, places: Places) -> Tensor:
        x, y, z = (
            (place >> SHIFT) * stride for place, stride in zip(places, self._stride, strict=True)
        )
        return x.add_(y).add_(z)

    def _use(self, bricks: Tensor, slot: Tensor) -> bool:
        """Allocate the absent bricks, in ascending order so that runs are reproducible.

        Returns whether there were any.

        Parameters
        ----------
        bricks, slot : (K,) numbers of bricks and their slots, with repeats
        """
        absent = slot == 0
        if not absent.any():
            return False
        if len(bricks) * 16 < len(self._slot):
            new = unique(bricks[absent], len(self._slot))
        else:  # many: marking is cheaper than sorting
            marks = torch.zeros_like(self._slot, dtype=torch.bool)
            marks.index_fill_(0, bricks.long(), True)
            new = torch.nonzero(marks.logical_and_(self._slot == 0))[:, 0]
        known = self._origin.shape[1]  # slots in use; slot 0 is the placeholder
        slots = torch.arange(known, known + len(new), dtype=torch.int32, device=self.device)
        self._slot.index_copy_(0, new, slots)
        sx, sy, _ = self._stride
        # A brick's number is x sx + y sy + z in bricks; its first node in nodes.
        origin = torch.stack([new // sx, new % sx // sy, new % sy]).int() << SHIFT
        self._origin = torch.cat([self._origin, origin], dim=1)
        self._grow()
        return True

    def _grow(self) -> None:
        """Make room for all bricks in every column, with a quarter in reserve when it is moved."""
        for column in self._columns.values():
            held = len(column.data)
            if held < self.rows:
                data = column.data.new_full((max(self.rows, held * 5 // 4),), column.fill)
                data[:held] = column.data
                column.data = data


def unique(numbers: Tensor, limit: int) -> Tensor:
    """Return the sorted distinct `numbers` below `limit`, int64, by sorting few or marking many."""
    if len(numbers) * 64 < limit:
        return torch.unique(numbers).long()
    marks = torch.zeros(limit, dtype=torch.bool, device=numbers.device)
    marks.index_fill_(0, numbers.long(), True)
    return torch.nonzero(marks)[:, 0]


def _outer_sum(ends: list[Tensor]) -> Tensor:
    """Return (2, 2, 2, N) sums of three (2, N) terms."""
    x, y, z = ends
    return x[:, None, None] + y[None, :, None] + z[None, None, :]
