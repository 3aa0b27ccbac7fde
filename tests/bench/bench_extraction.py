"""Extraction: what it evaluates, what it misses, how long it takes, how much memory.

`rows()` yields one row a goal; counts repeat exactly. Times are ratios taken in one process with
the variants interleaved, each at its best of several rounds, and they are seconds of one processor
core rather than of the clock on the wall, so that other work on the machine disturbs them little.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from levelform.backend.contract.errors import JobCancelled
from levelform.backend.extraction import ExtractionStats, FieldSamples, extract, stream
from levelform.backend.extraction.bricks import Places
from levelform.backend.extraction.dense import capped, dense_values
from levelform.backend.extraction.dense import marching_cubes as dense_marching_cubes
from levelform.backend.extraction.grid import NestedGrid
from levelform.backend.extraction.marching import Mesher
from levelform.backend.extraction.refine import ActiveFront
from levelform.backend.extraction.run import count_active
from levelform.backend.extraction.sampler import BLOCK, FieldEvaluator
from levelform.backend.fields import Field
from levelform.backend.ticket import Ticket
from octree import Mise
from rows import KINDS, Row, RowKind, at_least, at_most
from subjects import Binary, Saturated, Unbounded, chair, learned, rods, smooth
from torch import Tensor

N = 256
ROUNDS = 4
LARGE = 131_072  # the blocks of 100 000 points of others, in powers of two


def rows(kinds: Sequence[RowKind] = KINDS, *, n: int = N) -> Iterator[Row]:
    """Yield the rows of the kinds asked for, counts at `n` cells a side."""
    if "count" in kinds:
        yield from count_rows(n)
    if "time" in kinds:
        yield from time_rows()
        yield from memory_rows()


# ---------------------------------------------------------------- counts


def count_rows(n: int = N) -> Iterator[Row]:
    """Yield what repeats exactly on any machine."""
    for name, field in smooth().items():
        yield from effort_rows(name, field, n, floor_bar=1.40, mise_bar=0.78)
    yield from effort_rows("chair", chair(), n, floor_bar=1.60, mise_bar=1.0)
    yield from effort_rows("six rods", rods(), n, floor_bar=6.0, mise_bar=1.0)
    yield from recall_rows("learned distance", learned("distance"), n)
    yield from recall_rows("learned distance, no bounds", Unbounded(learned("distance")), n)
    yield from recall_rows("learned occupancy", learned("occupancy"), n)
    yield from recall_rows("learned occupancy, no bounds", Unbounded(learned("occupancy")), n)
    yield from recall_rows("binary chair", Binary(chair()), n)
    yield from recall_rows("saturated chair", Saturated(chair()), n)
    for name, field in {**smooth(), "chair": chair(), "six rods": rods()}.items():
        yield from shape_rows(name, field, n)
    for name, field in {**smooth(), "chair": chair()}.items():
        yield accuracy_row(name, field)
    yield repeat_row(n)


def effort_rows(
    name: str, field: Field, n: int, *, floor_bar: float, mise_bar: float
) -> Iterator[Row]:
    """Yield evaluations over the floor of two a cell, over MISE's, and recall (goals 1 to 3)."""
    stats, active = find(field, n), dense(field, n)[1]
    mise = octree(field, n)
    title = f"{name} {n}: evaluations"
    note = f"MISE finds {mise.active.sum() / active:.1%} of the cells"
    yield at_most(f"{title} over the floor", stats.evaluations, 2 * active, floor_bar)
    yield at_most(f"{title} over MISE", stats.evaluations, mise.evaluations, mise_bar, note=note)
    yield recall_row(name, stats, active, n)


def recall_rows(name: str, field: Field, n: int) -> Iterator[Row]:
    """Yield the recall of one field, MISE's for comparison (goal 4)."""
    stats, active = find(field, n), dense(field, n)[1]
    mise = octree(field, n)
    note = (
        f"MISE {mise.active.sum() / active:.1%}, {mise.evaluations / (2 * active):.2f}x the floor"
    )
    yield recall_row(name, stats, active, n, note)


def recall_row(name: str, stats: ExtractionStats, active: int, n: int, note: str = "") -> Row:
    """Return the share of surface cells found; a miss is only forgiven where none was promised."""
    cost = f"{stats.evaluations / (2 * active):.2f}x the floor; {stats.rule}"
    promise = "search complete" if stats.search_complete else "search not proven"
    note = "; ".join(filter(None, [cost, promise, note]))
    return at_least(f"{name} {n}: recall", stats.cells / active, None, 1.0, note=note)


def shape_rows(name: str, field: Field, n: int) -> Iterator[Row]:
    """Yield equal counts to PyMCubes, and a closed 2-manifold by trimesh (goal 10)."""
    import trimesh

    mesh = extract(field, n, normals=False)
    values, _ = dense(field, n)
    vertices, faces = dense_marching_cubes(values, 0.0, lower=np.zeros(3), step=1.0)
    off = abs(len(mesh.vertices) - len(vertices)) + abs(len(mesh.faces) - len(faces))
    note = f"{len(mesh.vertices)} vertices, {len(mesh.faces)} triangles"
    yield at_most(f"{name} {n}: vertices and triangles unlike PyMCubes'", off, None, 0, note=note)
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    bad = int(not solid.is_watertight) + int(not solid.is_winding_consistent)
    edges = np.unique(np.sort(solid.edges, axis=1), axis=0, return_counts=True)[1]
    bad += int((edges != 2).sum())
    note = f"Euler number {solid.euler_number}, volume {solid.volume:.5f}"
    yield at_most(f"{name} {n}: flaws in the 2-manifold", bad, None, 0, note=note)


def accuracy_row(name: str, field: Field, n: int = 128) -> Row:
    """Return how much nearer to the surface vertices are after the pull."""
    find_mesh = partial(extract, field, n, normals=False, cap=False)  # a cap is not the level set
    pulled, linear = find_mesh(), find_mesh(dense=True)
    return at_least(
        f"{name} {n}: distance of vertices, linear over pulled",
        distance(field, pulled.vertices),
        distance(field, linear.vertices),
        20,
        unit="volume units",
    )


def distance(field: Field, vertices: np.ndarray) -> float:
    """Return the mean distance of vertices to the surface: |f| over its slope."""
    points = torch.from_numpy(vertices).double()
    slope = field.gradient(points).norm(dim=1)
    return float((field(points).abs() / slope).mean())


def repeat_row(n: int) -> Row:
    """Return whether two runs give the same bytes."""
    one, two = (extract(learned("occupancy"), n) for _ in range(2))
    unlike = sum(
        not np.array_equal(getattr(one, part), getattr(two, part))
        for part in ("vertices", "faces", "normals")
    )
    return at_most(f"learned occupancy {n}: arrays that differ from run to run", unlike, None, 0)


def find(field: Field, n: int) -> ExtractionStats:
    """Return what finding the surface at one resolution costs."""
    *_, last = stream(field, n, first=n, normals=False, color=False)
    return last.stats


def bare(field: Field) -> Field:
    """Return the field itself where only its bounds are hidden: what is counted is the same."""
    return field.field if isinstance(field, Unbounded) else field


def octree(field: Field, n: int) -> Mise:
    """Return MISE's run."""
    return _octree(bare(field), n)


@cache
def _octree(field: Field, n: int) -> Mise:
    return Mise(field, n)


def dense(field: Field, n: int) -> tuple[np.ndarray, int]:
    """Return every node's value, the border outside, and how many cells the surface enters."""
    return _dense(bare(field), n)


@cache
def _dense(field: Field, n: int) -> tuple[np.ndarray, int]:
    values = capped(dense_values(sampler_of(field), n), 0.0)
    return values, count_active(values, 0.0)


def sampler_of(field: Field) -> FieldEvaluator:
    """Return a sampler over the volume's cube."""
    grid, samples = NestedGrid.over(None), FieldSamples()
    samples.claim(field, grid)
    return FieldEvaluator(field, grid, samples, Ticket())


# ---------------------------------------------------------------- times


def time_rows() -> Iterator[Row]:
    """Yield ratios of times, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield from marching_rows()
        yield from bookkeeping_rows()
        yield from block_rows()
        yield from stream_rows()
        yield from cancel_rows()
    finally:
        torch.set_num_threads(threads)


def marching_rows() -> Iterator[Row]:
    """Yield sparse marching cubes against scikit-image on the dense array (goal 10)."""
    from skimage.measure import marching_cubes

    for name, field, bar in (("chair", chair(), 8.0), ("gyroid", smooth()["gyroid"], 1.2)):
        values, _ = dense(field, N)
        sampler, cells = active_cells(field)
        times = race(
            lambda sampler=sampler, cells=cells: march(sampler, cells),
            lambda values=values: marching_cubes(values, 0.0, method="lorensen"),
        )
        title = f"{name} {N}: marching cubes faster than scikit-image"
        yield at_least(title, times[0], times[1], bar, kind="time", unit="s")


def active_cells(field: Field):
    """Return the samples and the active cells at `N`."""
    sampler = sampler_of(field)
    extract(field, N, normals=False, samples=sampler.samples)
    front = ActiveFront(sampler, N, level=0.0, cap=True)
    coarse = ActiveFront(sampler, N // 2, level=0.0, cap=True)
    parents, _ = coarse.grow(coarse.children(every_cell(sampler, N // 4)))
    cells, _ = front.grow(front.forecast(parents.places))
    return sampler, cells


def every_cell(sampler: FieldEvaluator, n: int) -> Places:
    """Return the active cells of a level whose samples are known."""
    front = ActiveFront(sampler, n, level=0.0, cap=True)
    cells, _ = front.grow(front.all_cells())
    return cells.places


def march(sampler: FieldEvaluator, cells) -> tuple[Tensor, Tensor]:
    """Return vertices, linearly interpolated, and triangles."""
    mesher = Mesher(sampler, N, cap=True)
    edges = mesher.number(cells)
    fraction = (edges.first / (edges.first - edges.second)).clamp(1e-3, 1 - 1e-3)
    positions = sampler.positions(edges.start, N)
    positions.scatter_add_(1, edges.axis[:, None], (fraction * (2.0 / N))[:, None])
    return positions, mesher.triangles(cells)


class Stopwatch(Field):
    """A field that measures the time spent in it."""

    def __init__(self, field: Field) -> None:
        self.field, self.kind, self.lipschitz = field, field.kind, field.lipschitz
        self.seconds = 0.0

    def __call__(self, points: Tensor) -> Tensor:
        """Return the field's values."""
        start = time.process_time()
        values = self.field(points)
        self.seconds += time.process_time() - start
        return values


def bookkeeping_rows() -> Iterator[Row]:
    """Yield everything but the field's own time against scikit-image (goal 5)."""
    from skimage.measure import marching_cubes

    for name, field, bar in (("chair", chair(), 0.8), ("gyroid", smooth()["gyroid"], 3.0)):
        values, watch = dense(field, N)[0], Stopwatch(field)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            watch.seconds = 0.0
            ours.append(seconds(partial(extract, watch, N, normals=False)) - watch.seconds)
            theirs.append(seconds(partial(marching_cubes, values, 0.0, method="lorensen")))
        title = f"{name} {N}: book-keeping over scikit-image"
        yield at_most(title, min(ours), min(theirs), bar, kind="time", unit="s")


def block_rows() -> Iterator[Row]:
    """Yield the block size by rule against a sweep (goal 8), see `block_sweep`."""
    script = str(Path(__file__).with_name("block_sweep.py"))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    times = {int(size): taken for size, taken in json.loads(done.stdout).items()}
    ours = times[BLOCK["cpu"]]
    best = min(times, key=times.__getitem__)
    title = f"block of {BLOCK['cpu']}"
    note = f"best of the sweep: {best}"
    yield at_most(
        f"{title} over the best", ours, times[best], 1.15, kind="time", unit="s", note=note
    )
    yield at_least(f"{title} faster than {LARGE}", ours, times[LARGE], 1.5, kind="time", unit="s")


def stream_rows() -> Iterator[Row]:
    """Yield the first mesh's delay and the price of streaming (goals 15 and 16)."""
    for name, field in {"chair": chair(), "learned occupancy": learned("occupancy")}.items():
        first, whole = race(
            lambda field=field: next(stream(field, 128)), lambda field=field: extract(field, 128)
        )
        title = f"{name}: first mesh over the 128 mesh"
        yield at_most(title, first, whole, 0.25, kind="time", unit="s")
        yield at_most(f"{name}: first mesh", first, None, 1.5, kind="time", unit="s")
        every, direct = race(
            lambda field=field: list(stream(field, N)), lambda field=field: extract(field, N)
        )
        title = f"{name} {N}: coarse to fine over direct"
        yield at_most(title, every, direct, 1.40, kind="time", unit="s")


def cancel_rows() -> Iterator[Row]:
    """Yield the longest time from a wish to stop to the end, over all moments (goal 17)."""
    for name, field in {"gyroid": smooth()["gyroid"], "occupancy": learned("occupancy")}.items():
        asked: list[float] = []

        def note_time(asked: list[float] = asked) -> bool:
            asked.append(time.process_time())
            return False

        for _ in stream(field, N, ticket=Ticket(cancelled=note_time)):
            asked.append(time.process_time())
        longest = float(np.diff(asked).max())
        title = f"{name} {N}: longest time deaf to a cancel"
        yield at_most(title, longest, None, 0.25, kind="time", unit="s")
        yield at_most(f"{name}: cancel obeyed", stopped_after(field), None, 0.25, kind="time")


def stopped_after(field: Field) -> float:
    """Return the time from a wish to stop, half a second in, to `JobCancelled`."""
    start = time.process_time()
    try:
        extract(field, 512, ticket=Ticket(cancelled=lambda: time.process_time() > start + 0.5))
    except JobCancelled:
        return time.process_time() - start - 0.5
    raise AssertionError("the extraction was over before it could be stopped")


def race(*variants: Callable[[], object]) -> list[float]:
    """Return each variant's best time, the variants interleaved."""
    times = [[seconds(variant) for variant in variants] for _ in range(ROUNDS)]
    return np.min(times, axis=0).tolist()


def seconds(work: Callable[[], object]) -> float:
    """Return how long the work takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


# ---------------------------------------------------------------- memory

_PEAK = """
import sys; sys.path[:0] = {folders!r}
import bench_extraction as bench
print(bench.peak({name!r}, {n}))
"""


def memory_rows() -> Iterator[Row]:
    """Yield peaks of memory (goal 19)."""
    cube = 272e6  # float32 values and points of a dense 257 grid
    for name in ("chair", "sphere", "gyroid"):
        peak = peak_apart(name, N)[0]
        title = f"{name} {N}: memory over a dense grid's"
        yield at_most(title, peak / 1e6, cube / 1e6, 0.35, kind="time", unit="MB")
    growth = peak_apart("sphere", 512)[0]
    title = "sphere: memory at 512 over 256"
    yield at_most(
        title, growth / 1e6, peak_apart("sphere", N)[0] / 1e6, 4.4, kind="time", unit="MB"
    )
    whole = peak_apart("sphere", 1024)[1]
    yield at_most("sphere 1024: the whole process", whole / 1e9, None, 2.0, kind="time", unit="GB")


def peak_apart(name: str, n: int) -> tuple[float, float]:
    """Return `peak` as measured in a process of its own."""
    folder = Path(__file__).parent
    code = _PEAK.format(folders=[str(folder), str(folder.parent)], name=name, n=n)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours, whole = done.stdout.strip().strip("()").split(",")
    return float(ours), float(whole)


def peak(name: str, n: int) -> tuple[float, float]:
    """Return the bytes that an extraction adds at its peak, and the whole process's, on Linux."""
    field = {**smooth(), "chair": chair()}[name]
    extract(field, 64)
    before = _resident("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # start the peak anew
    mesh = extract(field, n)
    after = _resident("VmHWM")
    assert len(mesh.faces)
    return after - before, after


def _resident(entry: str) -> float:
    """Return an entry of the process's status in bytes."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(entry))
    return float(line.split()[1]) * 1024
