"""The fit: steps a second, how soon and how far it gets beyond the hull, what wrong views cost.

Times are seconds of one thread of the processor, which other work on the machine does not change.
A quarter of an hour on one core.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import fit_disturbed
import fit_drawings
import fit_measure
import torch
from levelform.backend.extraction import stream
from levelform.backend.fit import FitOptimiser, FitSettings
from levelform.backend.fit.field import FittedField
from levelform.backend.fit.grid import Interpolate, NodeGrid
from levelform.backend.fit.running import run
from levelform.backend.fit.settings import settings_for
from levelform.backend.ticket import Ticket
from rows import KINDS, Row, RowKind, at_least, at_most

SAMPLES = Path(__file__).parents[2] / "assets" / "sample"
STEPS = 600  # a quarter of what is planned for a minute
TIMED = 30  # steps that are timed
SOON = 5.0  # CPU seconds until a mesh better than the hull
HALF = 60.0  # CPU seconds until half of the gap from hull to bound
DISTURBED_STEPS = 300  # of a fit of disturbed views
DRAWN_STEPS = 300  # of a fit of drawings
LOSS = 0.05  # of IoU, by a disturbance
DROP = 0.01  # of IoU from the best that was shown
REPROJECTED = 0.97  # IoU of the worst silhouette of four drawings
HEARD = 0.25  # CPU seconds between two questions whether the job is cancelled
MEMORY = 2048.0  # MiB of a fit of 24 views of 512 x 512
MEMORY_STEPS = 40  # on each grid


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Measure what `kinds` asks for, on the CPU and on the accelerator if there is one."""
    for name in ("chair", "suzanne"):
        subject = fit_measure.read(SAMPLES / name)
        hull = subject.hull()
        if "time" in kinds:
            for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
                yield _speed(name, subject, device)
        if "count" in kinds or "time" in kinds:
            looks = list(fit_measure.follow(subject, hull, STEPS, every=15))
            yield from _gains(name, subject.iou(hull), subject.bound(hull), looks, kinds)
        if "count" in kinds:
            yield from _drawn(name, subject)
    if "count" in kinds:
        yield from _disturbed("chair", fit_measure.read(SAMPLES / "chair"))
    if "time" in kinds:
        yield _gradient()
        yield _heard(fit_measure.read(SAMPLES / "chair"))
        yield _memory()


def _gains(
    name: str,
    before: float,
    bound: float,
    looks: Sequence[fit_measure.Look],
    kinds: Sequence[RowKind],
) -> Iterator[Row]:
    """How far from the hull to the bound, and the CPU seconds until better and half-way."""
    after = looks[-1].iou
    note = f"IoU {before:.3f} to {after:.3f} in {STEPS} steps, bound {bound:.3f}"
    if "count" in kinds:
        way = (after - before) / (bound - before)
        yield at_least(f"fit, {name}: way from hull to bound", way, None, 0.25, note=note)
        shown = [look.iou for look in looks]
        drop = max(max(shown[: i + 1]) - iou for i, iou in enumerate(shown))
        yield at_most(f"fit, {name}: greatest fall of the IoU shown", drop, None, DROP)
    if "time" in kinds:
        for what, wanted, bar in (
            ("better than the hull", before, SOON),
            ("half-way to the bound", (before + bound) / 2, HALF),
        ):
            reached = next((look.seconds for look in looks if look.iou > wanted), float("inf"))
            yield at_most(
                f"fit, {name}: CPU seconds until {what}", reached, None, bar, kind="time", unit="s"
            )


def _drawn(name: str, subject: fit_measure.Subject) -> Iterator[Row]:
    """What a fit makes of four drawings, and of drawings beside images."""
    for kind in fit_drawings.KINDS:
        drawn = fit_drawings.measure(subject, kind, DRAWN_STEPS)
        what = f"fit, {name}: drawings, {kind}"
        yield at_least(f"{what}: worst silhouette", drawn.silhouette, None, REPROJECTED)
        note = f"IoU {drawn.hull:.3f} to {drawn.result:.3f}"
        gain = drawn.result - drawn.hull
        yield at_least(f"{what}: gain over the hull", gain, None, 0.0, note=note)


def _disturbed(name: str, subject: fit_measure.Subject) -> Iterator[Row]:
    """What wrong masks and cameras cost."""
    values = fit_disturbed.ious(subject, DISTURBED_STEPS)
    whole = values.pop("")
    for what, iou in values.items():
        note = f"IoU {whole:.3f} to {iou:.3f} in {DISTURBED_STEPS} steps"
        yield at_most(f"fit, {name}: loss by {what}", whole - iou, None, LOSS, note=note)


def _heard(subject: fit_measure.Subject) -> Row:
    """The longest time between two questions whether the job is cancelled, meshes included."""
    gaps: list[float] = []
    asked = time.process_time()

    def cancelled() -> bool:
        nonlocal asked
        now = time.process_time()
        gaps.append(now - asked)
        asked = now
        return False

    ticket = Ticket(cancelled=cancelled)
    settings = settings_for(MEMORY_STEPS * 4)
    asked = time.process_time()
    fit = FitOptimiser(
        subject.views, subject.hull(), settings=settings, budget=MEMORY_STEPS * 4, ticket=ticket
    )
    for shown in run(fit, ticket):
        list(stream(FittedField(shown.state), 64 if not shown.final else 128, ticket=ticket))
    note = f"{len(gaps)} questions, {settings.stages[-1][0]} cells"
    return at_most(
        "fit: longest time until a cancel is heard",
        max(gaps),
        None,
        HEARD,
        kind="time",
        unit="s",
        note=note,
    )


def _memory() -> Row:
    """The most memory of a process that fits 24 views of 512 x 512, on the finest grid too."""
    words = [sys.executable, "-c", LARGE, str(Path(__file__).parent), str(SAMPLES / "chair")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    peak = float(done.stdout)
    note = "24 views of 512 x 512, grids up to 128, most rays, the process with torch"
    return at_most("fit: peak memory", peak, None, MEMORY, kind="time", unit="MiB", note=note)


LARGE = """
import resource, sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import fit_measure
from levelform.backend.data.render.render import render_mesh
from levelform.backend.geometry.images import resized
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import load_reconstructor

subject = fit_measure.read(Path(sys.argv[2]))
cameras = [resized(view.camera, width=512, height=512) for view in subject.views] * 3
images = render_mesh(subject.mesh, cameras).rgba
views = [View(image, c, f"view {i}") for i, (image, c) in enumerate(zip(images, cameras))]
model = load_reconstructor("fit", None, "cpu")
from levelform.backend.fit import settings
settings.COARSE_STEPS, settings.MEDIUM_STEPS, settings.FINE_STEPS = 5, 10, 25
settings.USUAL_STEPS, settings.LONG_STEPS = 10, 20
model.encode(views, steps=40)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def _speed(name: str, subject: fit_measure.Subject, device: str) -> Row:
    """Steps a CPU second on the grid of 64 cells; on an accelerator a second."""
    hull, settings = subject.hull(device), FitSettings(stages=((64, 1.0),), first_colors=0)
    fit = FitOptimiser(subject.views, hull, settings=settings, budget=10 * TIMED, device=device)
    for _ in range(5):
        fit.step()
    now = time.process_time if device == "cpu" else time.perf_counter
    start = now()
    for _ in range(TIMED):
        fit.step()
    rate = TIMED / (now() - start)
    note = f"{settings.rays} rays of {settings.fine} samples"
    return at_least(
        f"fit, {name}: steps a second, {device}", rate, None, 8.0, kind="time", note=note
    )


def _gradient() -> Row:
    """The hand-written gradient of interpolation against that of `grid_sample`, 7 channels."""
    grid = NodeGrid((-1.0, -1.0, -1.0), 2 / 63, (64, 64, 64))
    points = torch.rand(1 << 14, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    table = torch.randn(grid.count, 7, requires_grad=True)
    nodes, weights = grid.corners(points)
    ours, theirs = (
        _best(lambda f=f: torch.autograd.grad(f().square().sum(), table))
        for f in (
            lambda: Interpolate.apply(table, nodes, weights),
            lambda: grid.sample(table, points),
        )
    )
    return at_least(
        "fit: interpolation with its gradient", theirs / ours, None, 1.5, kind="time", unit="x"
    )


def _best(function: Callable[[], object], rounds: int = 5) -> float:
    """Return the least seconds of some calls."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)
