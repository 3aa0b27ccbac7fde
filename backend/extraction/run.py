"""A run: from a request to meshes, level by level."""

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
from .dense import capped, dense_values, marching_cubes
from .grid import COARSEST
from .marching import Mesher
from .placing import STEPS, Placer, Vertices
from .refine import ActiveCells, ActiveFront
from .rules import EveryCell, choose_rule
from .sampler import GRADIENT_COST, FieldEvaluator
from .types import Cleanup, ExtractionStats, MeshBlock, MeshUpdate

ROOT = 8
"""The level at which a coarse rule starts."""
RULED = 64
"""Up to this level the coarse rule says where to look; beyond it, forecast and flooding do."""
SLABS_FROM = 256
"""From this resolution on the last level is shown in slabs."""
SLABS = 4
"""How many, where memory does not ask for more."""
_SLAB_PARENTS = 1 << 15
"""Parents worked off at once: their children's corners take some 10 MB."""
_SHOWN_PARENTS = 5000
"""Parents in a slab at least that is worth an update of its own."""
_NODES_A_CELL = 2.1
"""Nodes evaluated for each active cell beyond the ruled levels: two, and a few forecast in vain."""


@dataclass(frozen=True)
class Request:
    """What was asked for, checked; see `stream`."""

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
    """What sparse and dense runs share: statistics and the last touches."""

    def __init__(self, sampler: FieldEvaluator, request: Request) -> None:
        self.sampler, self.request = sampler, request
        self.remarks = request.remarks
        self.rule, self.proven = "every node", True

    def stats(self, n: int, cells: int, *, watertight: bool) -> ExtractionStats:
        """Return what the run cost so far."""
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

    def finished(self, mesh: Mesh, cells: int, block: MeshBlock | None) -> MeshUpdate:
        """Return the last update: the mesh after the clean-up."""
        whole = mesh
        mesh, remarks = clean(whole, self.request.cleanup)
        self.remarks += remarks
        if mesh.colors is None and whole.colors is not None:
            points = torch.from_numpy(mesh.vertices).to(self.sampler.device)
            colors = self.sampler.colors(points)
            mesh = Mesh(mesh.vertices, mesh.faces, mesh.normals, _array(colors))
        n = self.request.resolution
        stats = self.stats(n, cells, watertight=is_watertight(mesh.faces))
        self.sampler.ticket.advance(1.0)
        return MeshUpdate(n, mesh, block, 1.0, True, stats)

    def nothing_there(self) -> RequestError:
        """Return the error for a level that the field does not take, as a coarse grid shows."""
        dense_values(self.sampler, COARSEST)
        low, high = self.sampler.samples.low, self.sampler.samples.high
        return RequestError(
            f"The field is between {low:.6g} and {high:.6g}; "
            f"nothing is at {self.request.level:.6g}.",
            f"Choose a level between {low:.6g} and {high:.6g}.",
        )


class DenseRun(_ExtractionRun):
    """Every node and PyMCubes: one update."""

    def updates(self) -> Iterator[MeshUpdate]:
        """Yield the mesh."""
        request, sampler, n = self.request, self.sampler, self.request.resolution
        grid = sampler.grid
        sampler.forecast = int(np.prod([count + 1 for count in grid.shape(n)]))
        values = dense_values(sampler, n)
        if not values.min() <= request.level < values.max():
            raise self.nothing_there()
        if request.cap:
            values = capped(values, request.level)
        lower = np.array(grid.lower)
        vertices, faces = marching_cubes(values, request.level, lower=lower, step=grid.step(n))
        points = torch.from_numpy(vertices).to(sampler.device)
        normals = sampler.slopes(points, step=grid.step(n) / 2) if request.normals else None
        if normals is not None:
            normals = torch.nn.functional.normalize(normals, dim=1)
        colors = sampler.colors(points) if request.color else None
        pieces = Pieces()
        pieces.add(Vertices(points, normals, colors), torch.from_numpy(faces))
        yield self.finished(pieces.mesh(), count_active(values, request.level), None)


class SparseRun(_ExtractionRun):
    """Coarse rule, predictive refinement and sparse marching cubes."""

    def __init__(self, sampler: FieldEvaluator, request: Request) -> None:
        super().__init__(sampler, request)
        self._parents = ActiveCells.join([], sampler.device)
        self._kept: Places | None = None
        self._coarser: Mesh | None = None
        self._previews = request.first < request.resolution

    def updates(self) -> Iterator[MeshUpdate]:
        """Yield each level's mesh, and the last level's slab by slab."""
        self._settle_rule()
        self._expect(COARSEST, 2)
        n = COARSEST if isinstance(self._rule, EveryCell) else ROOT
        level = self.request.level
        while n <= self.request.resolution:
            with closing(ActiveFront(self.sampler, n, level=level, cap=self.request.cap)) as front:
                if n < COARSEST:
                    self._kept = front.keep(self._rule, self._ruled_cells(front))
                else:
                    yield from self._level(front)
            n *= 2

    # ------------------------------------------------------------ where to look

    def _settle_rule(self) -> None:
        """Choose the coarse rule and how far it goes; remark if it can't prove what was asked."""
        request, rule = self.request, choose_rule(self.sampler)
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
        """Return the cells that lie in what the rule kept of the level above."""
        return front.all_cells() if self._kept is None else front.children(self._kept)

    def _slabs(self, front: ActiveFront) -> Iterator["_Slab"]:
        """Yield the slabs in which a level is worked off."""
        last = front.shape[0]
        if front.n <= self._ruled:
            yield _Slab(0, 1, 0, last, 1.0, self._ruled_cells(front))
            return
        x = self._parents.places[0]
        count = self._slab_count(front.n)
        ends = _quantile_planes(x, count, last=(last + 1) // 2)
        for index, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            cells = front.forecast(self._parents.pick((x >= start) & (x < end)).places)
            fraction = int((x < end).sum()) / max(len(x), 1)
            yield _Slab(index, len(ends), 2 * start, min(2 * end, last), fraction, cells)

    def _slab_count(self, n: int) -> int:
        """Return in how many slabs to work off a level, to save memory and to show the last."""
        count = -(-len(self._parents) // _SLAB_PARENTS)
        if not (self._previews and n == self.request.resolution >= SLABS_FROM):
            return count
        return max(count, 2, min(SLABS, len(self._parents) // _SHOWN_PARENTS))

    # ------------------------------------------------------------ a level

    def _level(self, front: ActiveFront) -> Iterator[MeshUpdate]:
        """Find a level's cells; mesh and yield it where it is to be shown."""
        request, n = self.request, front.n
        builder = _Builder(self.sampler, request, n) if n >= request.first else None
        last, finished, cells, before = n == request.resolution, [], 0, 0.0
        for slab in self._slabs(front):
            new, done = front.grow(slab.cells, slab.end)
            cells += done.active
            density = cells / max(slab.fraction, 1e-3) / n**2
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
        if not last and n < self._ruled:
            self._kept = self._worth_a_look(front)

    def _worth_a_look(self, front: ActiveFront) -> Places:
        """Return the cells of a level in which the surface is or, by the rule, may be."""
        others = front.keep(self._rule, front.others(self._parents))
        return torch.cat([self._parents.places, others], dim=1)

    def _takes_level(self) -> bool:
        """Whether both sides of the level were seen; the cap alone makes no object."""
        samples = self.sampler.samples
        return samples.low <= self.request.level < samples.high

    def _level_update(self, builder: "_Builder", cells: int) -> MeshUpdate:
        mesh = builder.pieces.mesh()
        if builder.n == self.request.resolution:
            return self.finished(mesh, cells, None)
        self._coarser = mesh
        stats = self.stats(builder.n, cells, watertight=is_watertight(mesh.faces))
        return MeshUpdate(builder.n, mesh, None, self.sampler.fraction, False, stats)

    def _slab_update(self, builder: "_Builder", slab: "_Slab", cells: int) -> MeshUpdate:
        """Return the finished slabs with the coarser rest."""
        grid, n = self.sampler.grid, builder.n
        mesh = builder.pieces.mesh()
        first, plane = (grid.lower[0] + grid.step(n) * x for x in (slab.start, slab.end))
        lower, upper = (first, *grid.lower[1:]), (plane, *grid.upper[1:])
        block = MeshBlock(slab.index, slab.count, lower, upper, builder.pieces.last(mesh))
        if self._coarser is not None:
            mesh = joined(mesh, faces_past(self._coarser, plane))
        stats = self.stats(n, cells, watertight=False)
        return MeshUpdate(n, mesh, block, self.sampler.fraction, False, stats)

    def _expect(self, n: int, density: float, *, nodes: float = 1, vertices: float = 1) -> None:
        """Forecast the work that remains.

        Parameters
        ----------
        n
            The level that is being worked on.
        density
            Active cells for each cell of one of the grid's faces; about the same at all levels.
        nodes, vertices
            Shares of the level's nodes and vertices that are still to be evaluated.
        """
        request, sampler = self.request, self.sampler
        work, m = 0.0, n
        while m <= request.resolution:
            slopes = GRADIENT_COST if request.normals and m == request.resolution else 0
            a_vertex = 1 + slopes if m >= request.first else 0
            work += density * m * m * (_NODES_A_CELL * nodes + a_vertex * vertices)
            nodes, vertices, m = 1, 1, 2 * m
        sampler.forecast = int(sampler.evaluations + sampler.vertex_evaluations + work)


@dataclass(frozen=True)
class _Slab:
    """Cells of a level between two planes across x.

    index, count : which slab, of how many
    start, end : cells along x, from the first to before the last
    fraction : of the level's parents, how many lie before `end`
    cells : candidates, (3, N) places
    """

    index: int
    count: int
    start: int
    end: int
    fraction: float
    cells: Places


class _Builder:
    """Turns the cells of one level, as they are found, into pieces of its mesh.

    Previews are placed in one step and take their normals from their triangles: most of what a
    vertex costs is spent on the last level alone.
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
        """Give back what only the building needed."""
        self._mesher.close()


def _quantile_planes(x: torch.Tensor, count: int, *, last: int) -> list[int]:
    """Return increasing planes up to `last` that part cells at `x` into about equal numbers."""
    if count < 2:
        return [last]
    below = torch.bincount(x.long(), minlength=last).cumsum(0)
    wanted = torch.arange(1, count, device=x.device) * len(x) // count
    planes = torch.searchsorted(below, wanted).add_(1).tolist()
    return [*sorted({plane for plane in planes if plane < last}), last]


def count_active(values: np.ndarray, level: float) -> int:
    """Return how many cells of a dense grid have corners on both sides of the level."""
    some = every = values <= level
    for axis in range(3):
        one, two = (np.moveaxis(some, axis, 0)[k] for k in (slice(0, -1), slice(1, None)))
        some_next = np.moveaxis(one | two, 0, axis)
        one, two = (np.moveaxis(every, axis, 0)[k] for k in (slice(0, -1), slice(1, None)))
        some, every = some_next, np.moveaxis(one & two, 0, axis)
    return int((some & ~every).sum())


def _array(tensor: torch.Tensor | None) -> np.ndarray | None:
    return None if tensor is None else tensor.cpu().numpy()
