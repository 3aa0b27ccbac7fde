"""What baking, blocks, the SVM layer, folding and fusing views cost, against the papers' formulas.

Times are the processor's on one thread, the best of interleaved rounds: a machine that is busy with
other things changes them little.
"""

import importlib
import itertools
from collections.abc import Callable, Iterator

import torch
from decoders import (
    Decoder,
    DISNSubject,
    Subject,
    chosen_block,
    deep_meta,
    disn,
    occupancy,
    sdf_srn,
    tdgn,
)
from equal_views import agreements as views_agreements
from equal_views import times as views_times
from levelform.backend.fields.svm import RIDGE, gaussian_kernel, solve_svm
from rows import Row, at_least, at_most
from timing import interleave
from torch import Tensor
from triposr_rows import rows as triposr_rows
from uclid_decoder import agreements as folding_agreements
from uclid_decoder import times as folding_times
from warm_runs import times as warm_times

BLOCKS = (512, 2048, 8192, 32768, 131072)
LARGEST = BLOCKS[-1]
DISN_BLOCKS = BLOCKS[:4]
PEAK_SIDE = 2048  # of the matrix product that stands for the processor's peak


def rows(kinds: tuple[str, ...] = ("count", "time")) -> Iterator[Row]:
    """Measure what `kinds` asks for."""
    subjects = [deep_meta(), tdgn(), occupancy(), sdf_srn()]
    pixel_aligned = disn()
    if "count" in kinds:
        yield from _disn_agreements(pixel_aligned)
        yield from _agreements(subjects)
        yield _optimality()
        yield from folding_agreements()
        yield from views_agreements()
    if "time" in kinds:
        yield from _disn_times(pixel_aligned)
        for subject in subjects:
            yield from _decoder_times(subject)
        yield from _svm_times()
        yield from folding_times()
        yield from views_times()
        yield from warm_times()
    yield from triposr_rows(kinds)


# ---------------------------------------------------------------- baked against naive, blocks


def sample_points(count: int, seed: int) -> Tensor:
    """Return (count, 3) points all over the volume."""
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def _agreements(subjects: list[Subject]) -> Iterator[Row]:
    points = sample_points(20_000, 1)
    for subject in subjects:
        with torch.no_grad():
            baked, naive = subject.field(points), subject.naive(points)
        scale = naive.abs().max().clamp(min=1)
        difference = ((baked - naive).abs().max() / scale).item()
        yield at_most(f"7 {subject.name}: baked field = network", difference, None, 1e-5)


def _rates(decoders: dict[str, tuple[Decoder, int]], count: int, rounds: int) -> dict[str, float]:
    """Return thousands of points a second of each decoder at its block."""
    points = sample_points(count, 2)

    def sweep(decoder: Decoder, block: int) -> Callable[[], None]:
        def run() -> None:
            for part in points.split(block):
                decoder(part)

        return run

    best = interleave({name: sweep(*pair) for name, pair in decoders.items()}, rounds=rounds)
    return {name: count / seconds / 1e3 for name, seconds in best.items()}


def _decoder_times(subject: Subject) -> Iterator[Row]:
    """Yield goal 7, baked against naive at each one's best block, and goal 8, the block rule."""
    decoders = {f"baked {b}": (subject.field, b) for b in BLOCKS}
    decoders |= {f"naive {b}": (subject.naive, b) for b in BLOCKS}
    rate = _rates(decoders, subject.points, 2)
    baked = max(rate[f"baked {b}"] for b in BLOCKS)
    naive = max(rate[f"naive {b}"] for b in BLOCKS)
    yield _faster(f"7 {subject.name}: baked / naive", baked, naive, subject.bar or 1.0)
    yield from _block_rule(subject, rate)


def _block_rule(subject: Subject, rate: dict[str, float]) -> Iterator[Row]:
    """Yield goal 8 of the rates "baked <block>", one of them the block that extraction takes."""
    swept = {n.removeprefix("baked "): r for n, r in rate.items() if n.startswith("baked ")}
    note = ", ".join(f"{block}: {r:.0f}" for block, r in swept.items())
    best, kept = max(swept.values()), swept[str(chosen_block(subject.field))]
    ratio = best / kept
    title = f"8 {subject.name}: best block / chosen block"
    yield Row(title, kept, best, ratio, "<= 1.15", ratio <= 1.15, "time", "kpts/s", note)
    yield _faster(f"8 {subject.name}: chosen block / 131k", kept, swept[str(LARGEST)], 1.5)


def _faster(name: str, ours: float, anchor: float, bar: float) -> Row:
    ratio = ours / anchor
    return Row(name, ours, anchor, ratio, f">= {bar:g}", ratio >= bar, "time", "kpts/s")


# ---------------------------------------------------------------- DISN


def _disn_agreements(pixel_aligned: DISNSubject) -> Iterator[Row]:
    """Yield goal 6's exact part: the same field, and the encoder runs once."""
    subject, points = pixel_aligned.subject, sample_points(20_000, 1)
    with torch.no_grad():
        apart = (subject.field(points) - subject.naive(points)).abs()
    worst = apart[pixel_aligned.inside(points).bool()].max().item()
    yield at_most("6 DISN: baked field = network, inside the image", worst, None, 1e-5)
    model, calls = pixel_aligned.model, itertools.count()
    hook = model.sdf.vgg.register_forward_hook(lambda *_: (next(calls), None)[1])
    field = model.decode(model.encode([pixel_aligned.view]))
    for part in points[:4096].split(512):
        field(part)
    hook.remove()
    yield at_most("6 DISN: runs of the encoder for a field", next(calls), None, 1)


def _disn_times(pixel_aligned: DISNSubject) -> Iterator[Row]:
    """Yield goals 6, 8 and 9 for DISN."""
    subject, side = pixel_aligned.subject, PEAK_SIDE
    decoders = {f"baked {b}": (subject.field, b) for b in DISN_BLOCKS}
    decoders |= {f"naive {b}": (subject.naive, b) for b in DISN_BLOCKS}
    rate = _rates(decoders, subject.points, 3)
    baked = max(rate[f"baked {b}"] for b in DISN_BLOCKS)
    naive = max(rate[f"naive {b}"] for b in DISN_BLOCKS)
    yield _faster("6 DISN: baked / naive, each at its best block", baked, naive, 2.5)
    yield _faster("6 DISN: baked / naive at 32k", baked, rate["naive 32768"], 3.3)
    a, b = torch.rand(side, side), torch.rand(side, side)
    points, block = sample_points(8192, 2), chosen_block(subject.field)

    def run() -> None:
        for part in points.split(block):
            subject.field(part)

    best = interleave({"product": lambda: a @ b, "field": run}, rounds=8)
    peak = 2 * side**3 / best["product"] / 1e9
    reached = pixel_aligned.flops * len(points) / best["field"] / 1e9
    note = f"of a {side} matrix product's; {pixel_aligned.flops / 1e6:.2f} MFLOP a point"
    fraction = reached / peak
    name = "9 DISN: share of the processor's peak"
    yield Row(name, reached, peak, fraction, ">= 0.6", fraction >= 0.6, "time", "GFLOP/s", note)
    blocks = {f"baked {b}": (subject.field, b) for b in (*DISN_BLOCKS[:3], LARGEST)}
    yield from _block_rule(subject, _rates(blocks, LARGEST, 2))


# ---------------------------------------------------------------- the SVM layer


def svm_problem(batch: int = 64, count: int = 32) -> tuple[Tensor, Tensor]:
    """Return kernels (B, N, N) and labels (N,) of random training sets, float64."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(batch, count, 3, generator=generator, dtype=torch.float64) - 0.5
    sigma = torch.full((batch, 3), 0.3, dtype=torch.float64)
    labels = torch.ones(count, dtype=torch.float64)
    labels[count // 2 :] = -1
    return gaussian_kernel(points, points, sigma), labels


def _optimality() -> Row:
    """Return the worst violation of the dual's conditions, over 64 problems of 32 points."""
    kernel, labels = svm_problem()
    alphas, bias = solve_svm(kernel, labels)
    ridged = kernel + RIDGE * torch.eye(32, dtype=torch.float64)
    margin = labels * ((ridged @ (alphas * labels)[..., None])[..., 0] + bias[:, None]) - 1
    # Stationarity: the margin's excess may be positive at a = 0 and negative at a = C alone.
    gap = torch.maximum(alphas * margin.clamp(min=0), (1 - alphas) * (-margin).clamp(min=0))
    balance = (alphas * labels).sum(1).abs().max()
    worst = max(gap.max().item(), balance.item())
    return at_most("11 SVM, B=64 N=32: worst KKT gap", worst, None, 1e-5)


def _svm_times() -> Iterator[Row]:
    """Yield goal 11 where qpth is installed."""
    try:
        qp = importlib.import_module("qpth.qp")
    except ImportError:
        return
    kernel, labels = svm_problem()
    batch, count = kernel.shape[:2]
    eye = torch.eye(count, dtype=torch.float64)
    quadratic = (kernel + RIDGE * eye) * labels[:, None] * labels
    linear = -torch.ones(batch, count, dtype=torch.float64)
    sides, bounds = torch.cat([-eye, eye]), torch.cat([0 * labels, 0 * labels + 1])
    zero = torch.zeros(1, dtype=torch.float64)

    def theirs() -> None:
        qp.QPFunction(verbose=-1, maxIter=15)(quadratic, linear, sides, bounds, labels[None], zero)

    best = interleave({"ours": lambda: solve_svm(kernel, labels), "theirs": theirs}, rounds=10)
    milliseconds = {name: 1e3 * seconds for name, seconds in best.items()}
    yield at_least(
        "11 SVM, B=64 N=32: qpth / ours",
        milliseconds["ours"],
        milliseconds["theirs"],
        4.0,
        kind="time",
        unit="ms",
    )
