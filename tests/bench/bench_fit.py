"""The fit: steps a second, how soon and how far it gets beyond the hull, what wrong views cost."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import fit_disturbed
import fit_measure
import torch
from levelform.backend.fit import Fit, FitSettings
from levelform.backend.fit.grid import Grid, Interpolate
from rows import KINDS, Row, RowKind, at_least, at_most

SAMPLES = Path(__file__).parents[2] / "assets" / "sample"
STEPS = 600  # a quarter of the one-minute preset
TIMED = 30  # steps that are timed
SOON = 5.0  # CPU seconds until a mesh better than the hull
DISTURBED_STEPS = 300  # of a fit of disturbed views
LOSS = 0.05  # of IoU, by a disturbance
DROP = 0.01  # of IoU from the best that was shown
REPROJECTED = 0.97  # IoU of the worst silhouette of four drawings


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Measure what `kinds` asks for, on the CPU and on the accelerator if there is one."""
    for name in ("chair", "suzanne"):
        subject = fit_measure.read(SAMPLES / name)
        hull = subject.hull()
        before = subject.iou(hull)
        if "count" in kinds:
            yield from _disturbed(name, subject)
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
    shown = [look.iou for look in looks]
    drop = max(max(shown[: i + 1]) - iou for i, iou in enumerate(shown))
    yield at_most(f"fit, {name}: greatest fall of the IoU shown", drop, None, DROP)
    for what, wanted, bar in (
        ("better than the hull", before, SOON),
        ("half-way to the bound", (before + bound) / 2, 60.0),
    ):
        reached = next((look.seconds for look in looks if look.iou > wanted), float("inf"))
        yield at_most(
            f"fit, {name}: CPU seconds until {what}", reached, None, bar, kind="time", unit="s"
        )


def _disturbed(name: str, subject: fit_measure.Subject) -> Iterator[Row]:
    """What wrong masks and cameras cost, and a fit of four drawings."""
    values = fit_disturbed.ious(subject, DISTURBED_STEPS)
    whole = values.pop("")
    for what, iou in values.items():
        note = f"IoU {whole:.3f} to {iou:.3f} in {DISTURBED_STEPS} steps"
        yield at_most(f"fit, {name}: loss by {what}", whole - iou, None, LOSS, note=note)
    drawn = fit_disturbed.turnaround(subject, DISTURBED_STEPS)
    yield at_least(
        f"fit, {name}: worst silhouette of four drawings", drawn.silhouette, None, REPROJECTED
    )
    gain = drawn.result - drawn.hull
    note = f"IoU {drawn.hull:.3f} to {drawn.result:.3f}"
    yield at_least(f"fit, {name}: gain over the hull of four drawings", gain, None, 0.0, note=note)


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
