"""An extraction run: from a checked request to meshes, one level of resolution after the other."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch

from ..contract.errors import RequestError
from ..geometry.meshes import Mesh
from .assembly import Pieces, faces_past, is_watertight, joined
from .bricks import Places
from .cleanup import clean
from .corner_rule import CornerRule
from .dense import capped, dense_values, marching_cubes
from .grid import COARSEST
from .marching import Mesher
from .placing import STEPS, Placer, Vertices
from .refine import ActiveCells, ActiveFront
from .rules import EveryCell, choose_rule
from .sampler import GRADIENT_COST, FieldEvaluator
from .types import Cleanup, ExtractedMesh, ExtractionStats, MeshBlock

ROOT = 8
"""Level at which a coarse rule (see `rules`) starts."""
RULED = 64
"""Up to this level the coarse rule selects the candidates; above it, forecast and flood fill."""
SLABS_FROM = 256
"""Minimum resolution at which the last level is sent in slabs."""
SLABS = 4
"""Number of slabs, unless memory requires more."""
_SLAB_PARENTS = 1 << 15
"""Parent cells processed per batch (about 10 MB of child corners)."""
_SHOWN_PARENTS = 5000
"""Minimum number of parent cells for a slab to be sent as its own update."""
_NODES_A_CELL = 2.1
"""Nodes evaluated per active cell above the ruled levels: two, plus a few for wrong forecasts."""


@dataclass(frozen=True)
class Request:
    """A validated extraction request; see `stream`."""

    resolution: int
    first: int
    level: float
    cap: bool
    color: bool
    normals: bool
    guaranteed: bool
    cleanup: Cleanup
    remarks: tuple[str, ...]


class _ExtractionRun:
    """Common part of sparse and dense runs: statistics and the final clean-up."""

    def __init__(self, sampler: FieldEvaluator, request: Request) -> None:
        self.sampler, self.request = sampler, request
        self.remarks = request.remarks
        self.rule, self.proven = "every node", True

    def stats(self, n: int, cells: int, *, watertight: bool) -> ExtractionStats:
        """Return the cost of the run so far."""
        sampler = self.sampler
        return ExtractionStats(
            evaluations=sampler.evaluations,
            vertex_evaluations=sampler.vertex_evaluations,
            boxes=sampler.boxes,
            forecast=max(sampler.forecast, sampler.evaluations + sampler.vertex_evaluations),
            cells=cells,
            rule=self.rule,
            search_complete=self.proven,
            resolution=n,
            watertight=watertight,
            level=self.request.level,
            remarks=self.remarks,
        )

    def finished(self, mesh: Mesh, cells: int, block: MeshBlock | None) -> ExtractedMesh:
        """Return the final update: the mesh after the clean-up."""
        whole = mesh
        mesh, remarks = clean(whole, self.request.cleanup)
        self.remarks += remarks
        if mesh.colors is None and whole.colors is not None:  # decimation moved the vertices
            points = torch.from_numpy(mesh.vertices).to(self.sampler.device)
            colors = self.sampler.colors(points)
            mesh = Mesh(mesh.vertices, mesh.faces, mesh.normals, _array(colors))
        n = self.request.resolution
        stats = self.stats(n, cells, watertight=is_watertight(mesh.faces))
        self.sampler.ticket.advance(1.0)
        return ExtractedMesh(n, mesh, block, 1.0, True, stats)

    def nothing_there(self) -> RequestError:
        """Return the error for a level outside the field's range, measured on a coarse grid."""
        dense_values(self.sampler, COARSEST)
        low, high = self.sampler.samples.low, self.sampler.samples.high
        return RequestError(
            f"The field is between {low:.6g} and {high:.6g}; "
            f"nothing is at {self.request.level:.6g}.",
            f"Choose a level between {low:.6g} and {high:.6g}.",
        )


class DenseRun(_ExtractionRun):
    """Evaluates every node and meshes with PyMCubes; sends one update."""

    def updates(self) -> Iterator[ExtractedMesh]:
        """Yield the mesh."""
        request, sampler, n = self.request, self.sampler, self.request.resolution
        grid = sampler.grid
        sampler.forecast = int(np.prod([count + 1 for count in grid.shape(n)]))
        values = dense_values(sampler, n)  # (X, Y, Z)
        if not values.min() <= request.level < values.max():
            raise self.nothing_there()
        if request.cap:
            values = capped(values, request.level)
        lower = np.array(grid.lower)
        vertices, faces = marching_cubes(values, request.level, lower=lower, step=grid.step(n))
        points = torch.from_numpy(vertices).to(sampler.device)  # (V, 3) volume frame
        normals = sampler.slopes(points, step=grid.step(n) / 2) if request.normals else None
        if normals is not None:
            normals = torch.nn.functional.normalize(normals, dim=1)
        colors = sampler.colors(points) if request.color else None
        pieces = Pieces()
        pieces.add(Vertices(points, normals, colors), torch.from_numpy(faces))
        yield self.finished(pieces.mesh(), count_active(values, request.level), None)


class SparseRun(_ExtractionRun):
    """Coarse rule, predictive refinement and sparse marching cubes.

    A level is refined from the active cells of the level above (`_parents`). On ruled levels all
    cells inside those that the rule could not exclude (`_kept`) are candidates too.
    """

    def __init__(self, sampler: FieldEvaluator, request: Request) -> None:
        super().__init__(sampler, request)
        self._parents = ActiveCells.join([], sampler.device)
        self._kept: Places | None = None
        self._coarser: Mesh | None = None
        self._previews = request.first < request.resolution

    def updates(self) -> Iterator[ExtractedMesh]:
        """Yield one mesh per level; the last level arrives slab by slab."""
        self._settle_rule()
        self._expect(COARSEST, 2)
        n = COARSEST if isinstance(self._rule, EveryCell) else ROOT
        level = self.request.level
        while n <= self.request.resolution:
            with closing(ActiveFront(self.sampler, n, level=level, cap=self.request.cap)) as front:
                if n < COARSEST:  # too coarse to mesh: only narrow down where the surface may be
                    self._kept = front.keep(self._rule, self._ruled_cells(front))
                else:
                    yield from self._level(front)
            n *= 2

    # ------------------------------------------------------------ where to look

    def _settle_rule(self) -> None:
        """Choose the coarse rule and its finest level; remark if it can't give the guarantee."""
        request = self.request
        rule = choose_rule(self.sampler) or CornerRule(request.level)
        if request.guaranteed and not rule.sound:
            rule = EveryCell()
        bounded = not isinstance(rule, EveryCell)
        self._rule = rule
        self._ruled = request.resolution if request.guaranteed and bounded else RULED
        self.proven = rule.sound and request.resolution <= self._ruled
        self.rule = f"{rule.sentence}, on cells up to {min(self._ruled, request.resolution)}"
        if request.guaranteed and not self.proven:
            self.remarks += (
                "No bounds of this field are known, so above resolution "
                f"{RULED} it can't be proven that no thin part was missed.",
            )

    def _ruled_cells(self, front: ActiveFront) -> Places:
        """Return the children of the cells that the rule kept on the level above."""
        return front.all_cells() if self._kept is None else front.children(self._kept)

    def _slabs(self, front: ActiveFront) -> Iterator["_CellSlab"]:
        """Yield the slabs (ranges along x) in which a level is processed."""
        last = front.shape[0]
        if front.n <= self._ruled:
            yield _CellSlab(0, 1, 0, last, 1.0, self._ruled_cells(front))
            return
        x = self._parents.places[0]  # (N,)
        count = self._slab_count(front.n)
        ends = _quantile_planes(x, count, last=(last + 1) // 2)  # in units of parent cells
        for index, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            # Children of the parents between the planes; flood fill adds what the forecast missed.
            cells = front.forecast(self._parents.pick((x >= start) & (x < end)).places)
            fraction = int((x < end).sum()) / max(len(x), 1)
            yield _CellSlab(index, len(ends), 2 * start, min(2 * end, last), fraction, cells)

    def _slab_count(self, n: int) -> int:
        """Return the number of slabs, which bound memory and, on the last level, show progress."""
        count = -(-len(self._parents) // _SLAB_PARENTS)
        if not (self._previews and n == self.request.resolution >= SLABS_FROM):
            return count
        return max(count, 2, min(SLABS, len(self._parents) // _SHOWN_PARENTS))

    # ------------------------------------------------------------ a level

    def _level(self, front: ActiveFront) -> Iterator[ExtractedMesh]:
        """Find the active cells of a level; mesh the level, and yield it if requested."""
        request, n = self.request, front.n
        builder = _Builder(self.sampler, request, n) if n >= request.first else None
        last, finished, cells, before = n == request.resolution, [], 0, 0.0
        for slab in self._slabs(front):
            # `new` cells may lie past the slab's end: its last faces need their vertices.
            new, done = front.grow(slab.cells, slab.end)
            cells += done.active
            density = cells / max(slab.fraction, 1e-3) / n**2  # extrapolated from these slabs
            self._expect(n, density, nodes=1 - slab.fraction, vertices=1 - before)
            before = slab.fraction
            if not last:
                finished.append(done)
            if builder is not None:
                builder.add(new, done)
                if last and slab.index + 1 < slab.count and self._previews and self._takes_level():
                    yield self._slab_update(builder, slab, cells)
        if not last:
            self._parents = ActiveCells.join(finished, self.sampler.device)
        if builder is not None:
            builder.close()
        if cells and self._takes_level():
            if builder is not None:
                yield self._level_update(builder, cells)
        elif last:
            raise self.nothing_there()
        if not last and n < self._ruled:  # the rule continues at the next level
            self._kept = self._worth_a_look(front)

    def _worth_a_look(self, front: ActiveFront) -> Places:
        """Return the candidates: active cells, and cells that the rule can't exclude."""
        others = front.keep(self._rule, front.others(self._parents))
        return torch.cat([self._parents.places, others], dim=1)

    def _takes_level(self) -> bool:
        """Whether values on both sides of the level were seen; the cap alone is not an object."""
        samples = self.sampler.samples
        return samples.low <= self.request.level < samples.high

    def _level_update(self, builder: "_Builder", cells: int) -> ExtractedMesh:
        mesh = builder.pieces.mesh()
        if builder.n == self.request.resolution:
            return self.finished(mesh, cells, None)
        self._coarser = mesh
        stats = self.stats(builder.n, cells, watertight=is_watertight(mesh.faces))
        return ExtractedMesh(builder.n, mesh, None, self.sampler.fraction, False, stats)

    def _slab_update(self, builder: "_Builder", slab: "_CellSlab", cells: int) -> ExtractedMesh:
        """Return the finished slabs, joined with the previous level's mesh for the remainder."""
        grid, n = self.sampler.grid, builder.n
        mesh = builder.pieces.mesh()
        first, plane = (grid.lower[0] + grid.step(n) * x for x in (slab.start, slab.end))
        lower, upper = (first, *grid.lower[1:]), (plane, *grid.upper[1:])
        block = MeshBlock(slab.index, slab.count, lower, upper, builder.pieces.last(mesh))
        if self._coarser is not None:
            mesh = joined(mesh, faces_past(self._coarser, plane))
        stats = self.stats(n, cells, watertight=False)
        return ExtractedMesh(n, mesh, block, self.sampler.fraction, False, stats)

    def _expect(self, n: int, density: float, *, nodes: float = 1, vertices: float = 1) -> None:
        """Forecast the remaining work.

        Parameters
        ----------
        n
            Current level.
        density
            Active cells per cell of one face of the grid, which hardly changes from level to level.
        nodes, vertices
            Remaining fractions of the level's nodes and vertices.
        """
        request, sampler = self.request, self.sampler
        work, m = 0.0, n
        while m <= request.resolution:
            slopes = GRADIENT_COST if request.normals and m == request.resolution else 0
            a_vertex = 1 + slopes if m >= request.first else 0
            work += density * m * m * (_NODES_A_CELL * nodes + a_vertex * vertices)
            nodes, vertices, m = 1, 1, 2 * m  # finer levels are entirely ahead
        sampler.forecast = int(sampler.evaluations + sampler.vertex_evaluations + work)


@dataclass(frozen=True)
class _CellSlab:
    """Candidate cells of a level between two planes of constant x.

    index, count : number of this slab, and of slabs
    start, end : cells along x, `end` excluded
    fraction : fraction of the level's parents that lie before `end`
    cells : candidates, (3, N) places
    """

    index: int
    count: int
    start: int
    end: int
    fraction: float
    cells: Places


class _Builder:
    """Turns the cells of one level into pieces of its mesh as they are found.

    Vertices of previews take one evaluation each and get their normals from the triangles; root
    finding and gradients, the larger part of a vertex's cost, are left for the last level.
    """

    def __init__(self, sampler: FieldEvaluator, request: Request, n: int) -> None:
        last = n == request.resolution
        self.n, self.pieces = n, Pieces(blank_normals=request.normals and not last)
        self._mesher = Mesher(sampler, n, cap=request.cap)
        self._placer = Placer(
            sampler,
            n,
            level=request.level,
            cap=request.cap,
            normals=request.normals and last,
            color=request.color,
            steps=STEPS if last else 1,
        )

    def add(self, new: ActiveCells, done: ActiveCells) -> None:
        """Add the vertices of `new` cells and the triangles of `done` ones."""
        vertices = self._placer.place(self._mesher.number(new))
        self.pieces.add(vertices, self._mesher.triangles(done))

    def close(self) -> None:
        """Free the memory that only meshing needs."""
        self._mesher.close()


def _quantile_planes(x: torch.Tensor, count: int, *, last: int) -> list[int]:
    """Return increasing planes up to `last` that divide cells at `x` into about equal counts."""
    if count < 2:
        return [last]
    below = torch.bincount(x.long(), minlength=last).cumsum(0)  # (last,) cells up to each plane
    wanted = torch.arange(1, count, device=x.device) * len(x) // count
    planes = torch.searchsorted(below, wanted).add_(1).tolist()
    return [*sorted({plane for plane in planes if plane < last}), last]


def count_active(values: np.ndarray, level: float) -> int:
    """Return how many cells of a dense grid have corners on both sides of the level."""
    some = every = values <= level  # (X, Y, Z) nodes; after the loop, cells
    for axis in range(3):  # any and all over both ends along each axis in turn
        one, two = (np.moveaxis(some, axis, 0)[k] for k in (slice(0, -1), slice(1, None)))
        some_next = np.moveaxis(one | two, 0, axis)
        one, two = (np.moveaxis(every, axis, 0)[k] for k in (slice(0, -1), slice(1, None)))
        some, every = some_next, np.moveaxis(one & two, 0, axis)
    return int((some & ~every).sum())


def _array(tensor: torch.Tensor | None) -> np.ndarray | None:
    return None if tensor is None else tensor.cpu().numpy()
