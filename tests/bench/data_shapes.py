"""Rows about procedural shapes and their renderer."""

import gc
import resource
import time
from collections.abc import Callable, Iterator, Sequence

import torch
from levelform.backend.data.render import (
    render_mesh,
    render_shapes,
    sample_cameras,
    sample_lights,
)
from levelform.backend.data.shapes import (
    ShapeBatch,
    categories,
    sample_shape,
    surface_points,
    uniform_points,
)
from levelform.backend.geometry.meshes import Mesh
from rows import KINDS, Row, RowKind, at_least, at_most

VIEWS = 8
SIZE = 128
ROUNDS = 5
DRAWN = 100_000
BLOCK = 2_000


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Yield rates, and how much memory a hundred thousand drawn samples leave behind."""
    if "count" in kinds:
        yield memory_row()
        yield triangles_row()
    if "time" in kinds:
        yield from rate_rows()
        yield from view_rows("cpu", 50.0)
        if torch.cuda.is_available():
            yield from view_rows("cuda", 1000.0)


def best(work: Callable[[], object], device: str = "cpu") -> float:
    """Return the least seconds of a few rounds, after one to warm up.

    On the CPU these are seconds of one core, all threads added up: a busy machine slows them less,
    and a bar for two cores that one core clears holds the more.
    """
    clock = time.perf_counter if device == "cuda" else time.process_time
    least = float("inf")
    for number in range(ROUNDS + 1):
        start = clock()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        if number:
            least = min(least, clock() - start)
    return least


def one_of_each(seed: int = 0) -> ShapeBatch:
    """Return a batch of one shape of each category."""
    return ShapeBatch([sample_shape(name, seed) for name in categories()])


def rate_rows() -> Iterator[Row]:
    """Yield how fast shapes are drawn and evaluated; the bars keep them from being the brake."""
    started = time.process_time()
    for number in range(52):
        sample_shape(categories()[number % len(categories())], 1000 + number)
    yield at_least(
        "shapes drawn a second", 52 / (time.process_time() - started), None, 20, kind="time"
    )
    batch = one_of_each()
    generator = torch.Generator().manual_seed(0)
    points = uniform_points(batch, 4096, generator=generator)
    seconds = best(lambda: batch.distance(points))
    rate = len(batch) * 4096 / seconds / 1e6
    note = f"{sum(len(shape.parts) for shape in batch.shapes) / len(batch):.0f} parts a shape"
    yield at_least("signed distances", rate, None, 0.2, kind="time", unit="M/s", note=note)
    seconds = best(lambda: surface_points(batch, 1024, generator=generator))
    rate = len(batch) * 1024 / seconds / 1e6
    yield at_least("surface points with normals", rate, None, 0.02, kind="time", unit="M/s")


def view_rows(device: str, bar: float) -> Iterator[Row]:
    """Yield images a second: of shapes, 8 views a category, and of a mesh of 10k triangles."""
    batch = ShapeBatch(one_of_each().shapes, device)
    of = [i for i in range(len(batch)) for _ in range(VIEWS)]
    cameras = [
        camera
        for i, shape in enumerate(batch.shapes)
        for camera in sample_cameras("r2n2", VIEWS, i, size=SIZE, extents=shape.extents)
    ]
    lights = sample_lights(len(cameras), 0)
    seconds = best(lambda: render_shapes(batch, cameras, lights, of=of), device)
    name = f"shapes pictured a second at {SIZE}, 2x2 samples, {device}"
    yield at_least(name, len(of) / seconds, None, bar, kind="time")
    mesh = ball(10_000)
    views = sample_cameras("r2n2", 2 * VIEWS, 0, size=SIZE, extents=(1.8, 1.8, 1.8))
    lit = lights[: 2 * VIEWS]
    seconds = best(lambda: render_mesh(mesh, views, lit, two_sided=False, device=device), device)
    name = f"a closed mesh of {len(mesh.faces)} triangles, the same, {device}"
    yield at_least(name, len(views) / seconds, None, bar, kind="time")


def ball(triangles: int) -> Mesh:
    """Return a dented ball of about so many triangles."""
    import numpy as np
    import trimesh

    made = trimesh.creation.uv_sphere(radius=0.9, count=[51, triangles // 200])
    vertices = made.vertices * (1 - 0.2 * np.cos(9 * made.vertices[:, :1]) ** 2)
    return Mesh(vertices.astype(np.float32), made.faces.astype(np.int32))


def triangles_row() -> Row:
    """Return how many triangles the surface of a shape has on average."""
    counts = [len(shape.surface.faces) for shape in one_of_each().shapes]
    return at_most("triangles of a shape's surface, mean", sum(counts) / len(counts), None, 20_000)


def memory_row() -> Row:
    """Return how much memory grew while drawing samples: fresh shapes, points and distances."""
    draw(DRAWN // 2, seed=1)
    before = peak()
    draw(DRAWN, seed=2)
    note = f"{DRAWN} samples of fresh shapes; before: {before:.0f} MiB"
    return at_most("memory kept by drawing", peak() - before, None, 30, unit="MiB", note=note)


def draw(count: int, *, seed: int) -> None:
    """Draw so many labelled points in blocks, each block of new shapes."""
    for start in range(0, count, BLOCK):
        generator = torch.Generator().manual_seed(start)
        names = [categories()[(start // BLOCK + i) % len(categories())] for i in range(2)]
        batch = ShapeBatch([sample_shape(name, start + seed) for name in names])
        batch.distance(uniform_points(batch, BLOCK // 4, generator=generator))
        batch.distance(surface_points(batch, BLOCK // 4, generator=generator)[0])
    gc.collect()


def peak() -> float:
    """Return the most memory this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
