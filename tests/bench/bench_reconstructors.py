"""What baking, blocks, the SVM layer and fusing views cost, against the papers' own formulas.

Times are the best of interleaved rounds, so that a busy machine slows all variants alike.
"""

import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from levelform.backend.extraction.sampler import BLOCK
from levelform.backend.fields import Field
from levelform.backend.fields.svm import RIDGE, gaussian_kernel, solve_svm
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import Code, Reconstructor
from levelform.backend.reconstructors.deep_meta_functionals import PAPER as DEEP_META
from levelform.backend.reconstructors.deep_meta_functionals import DeepMetaFunctionals
from levelform.backend.reconstructors.occupancy_network import PAPER as OCCUPANCY
from levelform.backend.reconstructors.occupancy_network import OccupancyNetwork
from levelform.backend.reconstructors.tdgn import PAPER as TDGN_PAPER
from levelform.backend.reconstructors.tdgn import TDGN
from rows import Row, at_least, at_most
from torch import Tensor

BLOCKS = (512, 2048, 8192, 32768, 131072)
ROUNDS = 5
POINTS = 1 << 17
Decoder = Callable[[Tensor], Tensor]
"""Points (P, 3), volume frame, to values (P,)."""


@dataclass(frozen=True)
class Subject:
    """A method's decoder at the paper's size: baked, and as the paper writes it down."""

    name: str
    field: Field
    naive: Decoder
    bar: float | None  # of goal 7; None where there is none


def rows(kinds: tuple[str, ...] = ("count", "time")) -> Iterator[Row]:
    """Measure what `kinds` asks for."""
    subjects = [deep_meta(), tdgn(), occupancy()]
    if "count" in kinds:
        yield from _agreements(subjects)
        yield _optimality()
        yield from _equal_views()
    if "time" in kinds:
        for subject in subjects:
            yield from _decoder_times(subject)
        yield from _svm_times()
        yield from _fusion_times()


# ---------------------------------------------------------------- subjects


def deep_meta() -> Subject:
    """Return g as published, 3-32-32-32-32-1; the encoder, which is not measured, is narrow."""
    torch.manual_seed(0)
    model = DeepMetaFunctionals(replace(DEEP_META, width=4, start="network")).eval()
    embedding = torch.randn(1, model.encoder.features)
    with torch.no_grad():
        functional = model.functional(embedding)
    field = model.decode(Code(model.spec.name, {"embedding": embedding[0]}))
    return Subject(
        "Deep Meta", field, lambda points: -functional(model.to_method(points)[None])[0], 1.15
    )


def tdgn() -> Subject:
    """Return the SVM with its embedding, N = 32, layers 259-256-256-256-3."""
    torch.manual_seed(0)
    model = TDGN(replace(TDGN_PAPER, width=4)).eval()
    warp = model.embed
    assert warp is not None
    torch.nn.init.normal_(warp.out.weight, std=0.02)
    features = torch.randn(1, 256)
    taught = model._solve(Code("tdgn", {"features": features}), None)
    weights = -model.log_beta.exp() * taught.alphas * taught.labels
    first = torch.cat([warp.point.weight, warp.code.weight], 1)

    def naive(points: Tensor) -> Tensor:
        """Concatenate, run the network, and sum the kernel by broadcasting, as the paper's text."""
        x = model.to_method(points)
        hidden = torch.cat([x, features.expand(len(x), -1)], 1) @ first.T + warp.code.bias
        for layer in warp.hidden:
            hidden = layer(hidden.relu())
        z = x + warp.out(hidden.relu())
        distance = ((z[:, None] - taught.support) / taught.sigma).square().sum(2)
        return torch.exp(-distance) @ weights - model.log_beta.exp() * taught.bias

    return Subject("TDGN", model.decode(Code("tdgn", {"features": features})), naive, 1.4)


def occupancy() -> Subject:
    """Return the decoder of 5 blocks of 256."""
    torch.manual_seed(0)
    model = OccupancyNetwork(replace(OCCUPANCY, width=4)).eval()
    for parameter in model.decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    c = torch.randn(256)
    field = model.decode(Code(model.spec.name, {"c": c}))
    return Subject(
        "Occupancy network",
        field,
        lambda points: -model.decoder(model.to_method(points)[None], c[None])[0],
        None,
    )


# ---------------------------------------------------------------- baked against naive, blocks


def _agreements(subjects: list[Subject]) -> Iterator[Row]:
    points = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    for subject in subjects:
        with torch.no_grad():
            baked, naive = subject.field(points), subject.naive(points)
        scale = naive.abs().max().clamp(min=1)
        difference = ((baked - naive).abs().max() / scale).item()
        yield at_most(f"7 {subject.name}: baked field = network", difference, None, 1e-5)


def _decoder_times(subject: Subject) -> Iterator[Row]:
    """Yield goal 7, baked against naive at each one's best block, and goal 8, the block rule."""
    points = torch.rand(POINTS, 3, generator=torch.Generator().manual_seed(2)) * 2 - 1

    def sweep(decoder: Decoder, block: int) -> Callable[[], None]:
        def run() -> None:
            for part in points.split(block):
                decoder(part)

        return run

    own = {f"baked {b}": sweep(subject.field, b) for b in BLOCKS}
    own["baked chosen"] = sweep(subject.field, chosen_block(subject.field))
    theirs = {f"naive {b}": sweep(subject.naive, b) for b in BLOCKS}
    with torch.no_grad():
        best = interleave({**own, **theirs})
    rate = {name: POINTS / seconds / 1e3 for name, seconds in best.items()}
    baked = max(rate[f"baked {b}"] for b in BLOCKS)
    naive = max(rate[f"naive {b}"] for b in BLOCKS)
    note = ", ".join(f"{b}: {rate[f'baked {b}']:.0f}" for b in BLOCKS)
    yield _faster(f"7 {subject.name}: baked / naive", baked, naive, subject.bar or 1.0)
    name = f"8 {subject.name}: best block / chosen block"
    kept = rate["baked chosen"]
    ratio = max(baked, kept) / kept
    yield Row(name, kept, baked, ratio, "<= 1.15", ratio <= 1.15, "time", "kpts/s", note)
    yield _faster(f"8 {subject.name}: chosen block / 131k", kept, rate["baked 131072"], 1.5)


def chosen_block(field: Field) -> int:
    """Return how many points extraction hands a field at once."""
    return field.block or BLOCK[field.device.type]


def _faster(name: str, ours: float, anchor: float, bar: float) -> Row:
    ratio = ours / anchor
    return Row(name, ours, anchor, ratio, f">= {bar:g}", ratio >= bar, "time", "kpts/s")


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


# ---------------------------------------------------------------- several views


def compact_models() -> list[Reconstructor]:
    """Return the small configurations, with random weights that depend on the picture."""
    torch.manual_seed(0)
    models = [DeepMetaFunctionals(), TDGN(), OccupancyNetwork()]
    for parameter in models[2].decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return [model.eval() for model in models]


def picture(side: int = 128) -> View:
    """Return an unposed picture of noise on a disc."""
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(side, side, 4, generator=generator)
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    image[..., 3] = (x**2 + y**2 < 0.6).float()
    return View(image)


def _equal_views(count: int = 8) -> Iterator[Row]:
    view = picture()
    points = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    for model in compact_models():
        one = model.decode(model.encode([view]))(points)
        several = model.decode(model.encode([view] * count))(points)
        difference = ((several - one).abs().max() / one.abs().max().clamp(min=1)).item()
        yield at_most(f"20 {model.spec.title}: 8 equal views = 1", difference, None, 1e-5)


def _fusion_times(count: int = 8) -> Iterator[Row]:
    """Yield goal 20: V views may cost V encoders and 1.15 of one decoder."""
    view = picture()
    points = torch.rand(32_768, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    for model in compact_models():

        def run(views: list[View], model: Reconstructor = model) -> None:
            field = model.decode(model.encode(views))
            with torch.no_grad():
                for part in points.split(chosen_block(field)):
                    field(part)

        def encode(model: Reconstructor = model) -> None:
            model.encode([view])

        best = interleave(
            {"encode": encode, "one": lambda: run([view]), "all": lambda: run([view] * count)}
        )
        decode = best["one"] - best["encode"]
        allowed = count * best["encode"] + 1.15 * decode
        name = f"20 {model.spec.title}: 8 views / (8 encoders + 1.15 decode)"
        yield at_most(name, best["all"], allowed, 1.0, kind="time", unit="s")


# ---------------------------------------------------------------- timing


def interleave(
    variants: Mapping[str, Callable[[], object]], *, rounds: int = ROUNDS
) -> dict[str, float]:
    """Return each variant's best time in seconds; every round runs all, after one to warm up."""
    best = dict.fromkeys(variants, float("inf"))
    for turn in range(rounds + 1):
        for name, variant in variants.items():
            start = time.perf_counter()
            variant()
            if turn:
                best[name] = min(best[name], time.perf_counter() - start)
    return best
