"""The fit: steps a second, and how soon and how far it gets beyond the visual hull of its views."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import fit_measure
import torch
from levelform.backend.fit import Fit, FitSettings
from levelform.backend.fit.grid import Grid, Interpolate
from rows import KINDS, Row, RowKind, at_least, at_most

SAMPLES = Path(__file__).parents[2] / "assets" / "sample"
STEPS = 600  # a quarter of the one-minute preset
TIMED = 30  # steps that are timed
SOON = 5.0  # CPU seconds until a mesh better than the hull


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Measure what `kinds` asks for, on the CPU and on the accelerator if there is one."""
    for name in ("chair", "suzanne"):
        subject = fit_measure.read(SAMPLES / name)
        hull = subject.hull()
        before = subject.iou(hull)
        if "count" in kinds:
            looks = list(fit_measure.follow(subject, hull, STEPS, every=15))
            yield from _gains(name, subject, before, subject.bound(hull), looks)
        if "time" in kinds:
            for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
                yield _speed(name, subject, device)
    if "time" in kinds:
        yield _gradient()


def _gains(
    name: str,
    subject: fit_measure.Subject,
    before: float,
    bound: float,
    looks: Sequence[fit_measure.Look],
) -> Iterator[Row]:
    """How far from the hull to the bound, and the CPU seconds until better and half-way."""
    after = looks[-1].iou
    note = f"IoU {before:.3f} to {after:.3f} in {STEPS} steps, bound {bound:.3f}"
    way = (after - before) / (bound - before)
    yield at_least(f"fit, {name}: way from hull to bound", way, None, 0.25, note=note)
    for what, wanted, bar in (
        ("better than the hull", before, SOON),
        ("half-way to the bound", (before + bound) / 2, 60.0),
    ):
        reached = next((look.seconds for look in looks if look.iou > wanted), float("inf"))
        yield at_most(
            f"fit, {name}: CPU seconds until {what}", reached, None, bar, kind="time", unit="s"
        )


def _speed(name: str, subject: fit_measure.Subject, device: str) -> Row:
    """Steps a second on the grid of 64 cells."""
    hull, settings = subject.hull(device), FitSettings(stages=((64, 1.0),), first_colors=0)
    fit = Fit(subject.views, hull, settings=settings, budget=10 * TIMED, device=device)
    for _ in range(5):
        fit.step()
    start = time.perf_counter()
    for _ in range(TIMED):
        fit.step()
    rate = TIMED / (time.perf_counter() - start)
    note = f"{settings.rays} rays of {settings.fine} samples"
    return at_least(
        f"fit, {name}: steps a second, {device}", rate, None, 8.0, kind="time", note=note
    )


def _gradient() -> Row:
    """The hand-written gradient of interpolation against that of `grid_sample`, 7 channels."""
    grid = Grid((-1.0, -1.0, -1.0), 2 / 63, (64, 64, 64))
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
