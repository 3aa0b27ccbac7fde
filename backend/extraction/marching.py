"""Sparse marching cubes: vertices and triangles of the active cells.

A vertex sits on a crossed edge, an edge belongs to the node where it starts, and the vertices of a
node are numbered consecutively. One int32 per node (the first number and a mask of its crossed
edges) therefore locates the vertex of any edge without sorting or hashing, and neighbouring cells
share vertices.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .bricks import CHUNK, Places, chunks
from .refine import ActiveCells
from .sampler import FieldEvaluator
from .tables import AXIS_OF, CORNER_OF, CORNERS, COUNT, FIRST, OWN_EDGES

# By mask of crossed edges: their number, and of edge k the number of crossed edges before it.
_POPULATION = np.array([bin(mask).count("1") for mask in range(8)], np.int32)
_RANK = np.array([[bin(mask & ((1 << k) - 1)).count("1") for k in range(3)] for mask in range(8)])


@dataclass(frozen=True)
class CrossedEdges:
    """Edges with a vertex, in the order of the vertices' numbers.

    start : (3, N) int32 places of their start nodes
    axis : (N,) int64, direction
    first, second : (N,) field values at the start and at the end
    """

    start: Places
    axis: Tensor
    first: Tensor
    second: Tensor

    def __len__(self) -> int:
        return len(self.axis)


class Mesher:
    """Turns the active cells of one level into vertices and triangles as they are found.

    Parameters
    ----------
    sampler
        Holds the level's samples.
    n
        Cells along the box's longest side.
    cap
        The border counts as outside. Then no edge on the grid's upper faces is crossed, and every
        crossed edge starts at corner 0 of an active cell.
    """

    def __init__(self, sampler: FieldEvaluator, n: int, *, cap: bool) -> None:
        self.sampler, self.n, self.cap = sampler, n, cap
        self.shape = sampler.grid.shape(n)
        self.bricks = sampler.level(n)
        # First vertex number << 3 | mask of crossed edges.
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
        """Free the memory that only meshing needs."""
        self.bricks.drop_column("vertex")

    # ------------------------------------------------------------ vertices

    def number(self, cells: ActiveCells) -> CrossedEdges:
        """Number the vertices of new cells; return their edges."""
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
        """Number the vertices on the edges that start at one corner of the cells, (3, N).

        Corners other than 0 are considered only on the upper border: elsewhere the node is corner 0
        of a neighbour.
        """
        self.sampler.ticket.check()
        masks = self._own[corner].index_select(0, cases.int())  # (N,) crossed edges from the corner
        owner = masks != 0  # (N,) the cell numbers this corner's vertices
        for axis, bit in enumerate(CORNERS[corner]):
            if bit:
                owner &= cells[axis] == self.shape[axis] - 1
        index = torch.nonzero(owner)[:, 0]  # (K,)
        if not len(index):
            return None
        nodes = cells.index_select(1, index)  # (3, K), moved to the corner below
        nodes += torch.as_tensor(CORNERS[corner], dtype=torch.int32, device=nodes.device)[:, None]
        masks = masks.index_select(0, index)
        count = self._population.index_select(0, masks)
        ends = torch.cumsum(count, 0, dtype=torch.int32)  # exclusive ends of each node's numbers
        rows = self.bricks.row(nodes)
        # A node's entry: the number of its first vertex, and its crossed edges in the low 3 bits.
        packed = ((ends - count + self.vertices) << 3) | masks
        self.bricks["vertex"].index_copy_(0, rows.long(), packed)
        edges = self._edges(nodes, rows, masks, ends - count, int(ends[-1]))
        self.vertices += len(edges)
        return edges

    def _edges(
        self, nodes: Places, rows: Tensor, masks: Tensor, first: Tensor, total: int
    ) -> CrossedEdges:
        """List the crossed edges of nodes in the order of their vertex numbers.

        Parameters
        ----------
        nodes, rows, masks : (3, K), (K,), (K,) place, row and crossed edges of each node
        first : (K,) number of each node's first vertex, from 0
        total : number of edges
        """
        value = self.bricks["value"]
        device = nodes.device
        node = torch.zeros(total, dtype=torch.int64, device=device)
        axis_of = torch.zeros(total, dtype=torch.int64, device=device)
        second = torch.zeros(total, device=device)
        for axis in range(3):
            # (K,) nodes with a crossed edge along `axis`.
            crossed = torch.nonzero(masks & (1 << axis))[:, 0]
            # A node's vertices are numbered by axis: the rank is the count of earlier axes.
            rank = self._rank.index_select(0, masks.index_select(0, crossed) * 3 + axis)
            number = (first.index_select(0, crossed) + rank).long()
            ends = nodes.index_select(1, crossed)
            ends[axis] += 1  # the node at the edge's other end
            node.index_copy_(0, number, crossed)
            axis_of.index_fill_(0, number, axis)
            second.index_copy_(0, number, value.index_select(0, self.bricks.row(ends)))
        start = nodes.index_select(1, node)  # (3, total)
        values = value.index_select(0, rows).index_select(0, node)
        return CrossedEdges(start, axis_of, values, second)

    # ------------------------------------------------------------ triangles

    def triangles(self, cells: ActiveCells) -> Tensor:
        """Return (F, 3) int32 triangles of cells, counter-clockwise as seen from outside.

        The vertices of all cells that share an edge with them must be numbered already.
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
        # (8 N,) the entries of all corners, see `_number`.
        packed = self.bricks["vertex"].index_select(0, self.bricks.corner_rows(cells).reshape(-1))
        cases = cases.int()
        count = self._count.index_select(0, cases)  # (N,) triangles per cell
        ends = torch.cumsum(count, 0, dtype=torch.int32)
        total = int(ends[-1])
        cell = torch.repeat_interleave(count, output_size=total).int()  # (F,) cell of each triangle
        # Its entry in the table: the case's first one plus the triangle's rank within the cell.
        shift = self._first.index_select(0, cases) - (ends - count)
        entry = torch.arange(total, dtype=torch.int32, device=cells.device)
        entry += shift.index_select(0, cell)
        edge = self._edge.index_select(0, entry)  # (F, 3) corner * 4 + axis
        where = (edge >> 2) * len(cases) + cell[:, None]  # (F, 3) into the (8, N) corners
        packed = packed.index_select(0, where.reshape(-1))  # (3 F,)
        # The vertex of an edge: the first one of its start node plus the rank of its axis.
        rank = self._rank.index_select(0, (packed & 7) * 3 + (edge & 3).reshape(-1))
        return ((packed >> 3) + rank).view(-1, 3)
