"""Sparse marching cubes: vertices and triangles of the cells that the surface passes through.

A vertex sits on a crossed edge, an edge belongs to the node it starts from, and a node's vertices
have consecutive numbers. One int32 a node (the first number, and which of its three edges are
crossed) thus finds the vertex of any edge without a sort or a hash, and neighbouring cells share
it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .bricks import CHUNK, Places, chunks
from .refine import ActiveCells
from .sampler import FieldEvaluator
from .tables import AXIS_OF, CORNER_OF, CORNERS, COUNT, FIRST, OWN_EDGES

_POPULATION = np.array([bin(mask).count("1") for mask in range(8)], np.int32)
_RANK = np.array([[bin(mask & ((1 << k) - 1)).count("1") for k in range(3)] for mask in range(8)])


@dataclass(frozen=True)
class CrossedEdges:
    """Edges on which vertices sit, in the order of the vertices' numbers.

    start : (3, N) int32 places of the nodes they start from
    axis : (N,) int64 along which they run
    first, second : (N,) field values at the start and at the end
    """

    start: Places
    axis: Tensor
    first: Tensor
    second: Tensor

    def __len__(self) -> int:
        return len(self.axis)


class Mesher:
    """Turns the active cells of one level, as they are found, into vertices and triangles.

    Parameters
    ----------
    sampler
        Holds the level's samples.
    n
        Cells along the box's longest side.
    cap
        The border counts as outside: then no edge on the grid's upper faces is crossed, and every
        crossed edge starts at corner 0 of an active cell.
    """

    def __init__(self, sampler: FieldEvaluator, n: int, *, cap: bool) -> None:
        self.sampler, self.n, self.cap = sampler, n, cap
        self.shape = sampler.grid.shape(n)
        self.bricks = sampler.level(n)
        self.bricks.add_column("vertex", torch.int32, -1)
        self.vertices = 0
        device = sampler.device
        self._own = torch.as_tensor(OWN_EDGES, device=device)
        self._population = torch.as_tensor(_POPULATION, device=device)
        self._rank = torch.as_tensor(_RANK, dtype=torch.int32, device=device).reshape(-1)
        self._count = torch.as_tensor(COUNT, dtype=torch.int32, device=device)
        self._first = torch.as_tensor(FIRST, dtype=torch.int32, device=device)
        code = CORNER_OF * 4 + AXIS_OF  # (T, 3)
        self._edge = torch.as_tensor(code, dtype=torch.int32, device=device)

    def close(self) -> None:
        """Give back what only the meshing needed."""
        self.bricks.drop_column("vertex")

    # ------------------------------------------------------------ vertices

    def number(self, cells: ActiveCells) -> CrossedEdges:
        """Number the vertices of new cells; return the edges they sit on."""
        parts = [
            self._number(places, cases, corner)
            for places, cases in zip(chunks(cells.places), cells.cases.split(CHUNK), strict=True)
            for corner in ((0,) if self.cap else range(8))
        ]
        parts = [part for part in parts if part is not None]
        device = self.sampler.device
        if not parts:
            none = torch.zeros(0, device=device)
            return CrossedEdges(none.int().reshape(3, 0), none.long(), none, none)
        return CrossedEdges(
            torch.cat([part.start for part in parts], dim=1),
            torch.cat([part.axis for part in parts]),
            torch.cat([part.first for part in parts]),
            torch.cat([part.second for part in parts]),
        )

    def _number(self, cells: Places, cases: Tensor, corner: int) -> CrossedEdges | None:
        """Number the vertices that belong to one corner of the cells.

        Corners other than 0 own edges only on the upper border, where no cell has them as corner 0.
        """
        self.sampler.ticket.check()
        masks = self._own[corner].index_select(0, cases.int())
        owner = masks != 0
        for axis, bit in enumerate(CORNERS[corner]):
            if bit:
                owner &= cells[axis] == self.shape[axis] - 1
        index = torch.nonzero(owner)[:, 0]
        if not len(index):
            return None
        nodes = cells.index_select(1, index)
        nodes += torch.as_tensor(CORNERS[corner], dtype=torch.int32, device=nodes.device)[:, None]
        masks = masks.index_select(0, index)
        count = self._population.index_select(0, masks)
        ends = torch.cumsum(count, 0, dtype=torch.int32)
        rows = self.bricks.row(nodes)
        packed = ((ends - count + self.vertices) << 3) | masks
        self.bricks["vertex"].index_copy_(0, rows.long(), packed)
        edges = self._edges(nodes, rows, masks, ends - count, int(ends[-1]))
        self.vertices += len(edges)
        return edges

    def _edges(
        self, nodes: Places, rows: Tensor, masks: Tensor, first: Tensor, total: int
    ) -> CrossedEdges:
        """Spell out the crossed edges of nodes, in the order of their vertices."""
        value = self.bricks["value"]
        device = nodes.device
        node = torch.zeros(total, dtype=torch.int64, device=device)
        axis_of = torch.zeros(total, dtype=torch.int64, device=device)
        second = torch.zeros(total, device=device)
        for axis in range(3):
            crossed = torch.nonzero(masks & (1 << axis))[:, 0]
            rank = self._rank.index_select(0, masks.index_select(0, crossed) * 3 + axis)
            number = (first.index_select(0, crossed) + rank).long()
            ends = nodes.index_select(1, crossed)
            ends[axis] += 1
            node.index_copy_(0, number, crossed)
            axis_of.index_fill_(0, number, axis)
            second.index_copy_(0, number, value.index_select(0, self.bricks.row(ends)))
        start = nodes.index_select(1, node)
        values = value.index_select(0, rows).index_select(0, node)
        return CrossedEdges(start, axis_of, values, second)

    # ------------------------------------------------------------ triangles

    def triangles(self, cells: ActiveCells) -> Tensor:
        """Return (F, 3) int32 triangles of cells, counter-clockwise seen from outside.

        The vertices of all cells that share an edge with them must have been numbered.
        """
        parts = [
            self._triangles(places, cases)
            for places, cases in zip(chunks(cells.places), cells.cases.split(CHUNK), strict=True)
        ]
        return torch.cat(parts)

    def _triangles(self, cells: Places, cases: Tensor) -> Tensor:
        self.sampler.ticket.check()
        if not len(cases):
            return torch.zeros((0, 3), dtype=torch.int32, device=cells.device)
        packed = self.bricks["vertex"].index_select(0, self.bricks.corner_rows(cells).reshape(-1))
        cases = cases.int()
        count = self._count.index_select(0, cases)
        ends = torch.cumsum(count, 0, dtype=torch.int32)
        total = int(ends[-1])
        cell = torch.repeat_interleave(count, output_size=total).int()
        shift = self._first.index_select(0, cases) - (ends - count)
        entry = torch.arange(total, dtype=torch.int32, device=cells.device)
        entry += shift.index_select(0, cell)
        edge = self._edge.index_select(0, entry)  # (F, 3) corner * 4 + axis
        where = (edge >> 2) * len(cases) + cell[:, None]
        packed = packed.index_select(0, where.reshape(-1))
        rank = self._rank.index_select(0, (packed & 7) * 3 + (edge & 3).reshape(-1))
        return ((packed >> 3) + rank).view(-1, 3)
