"""`levelform experiments`: measure the bundled networks, the effect of an estimated volume and of
more views, the papers' claims, and weights by the papers' protocols."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.errors import RequestError
from . import _claims, _protocol, progress

if TYPE_CHECKING:
    from ..data.format import Dataset
    from ..experiments.entrants import Entrant
    from ..experiments.gallery import Picked
    from ..experiments.table import TableResults, TestSet
    from ..experiments.volume import Case
    from ..ticket import Ticket

HELP = "measure the bundled networks, write their cards, and test the papers' claims"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="COMMAND")
    table = parts.add_parser("table", help="measure networks and baselines on unseen shapes")
    table.add_argument("--data", nargs="+", required=True, metavar="DIR[:SPLIT]",
                       help="data sets to measure on, whole or one split")  # fmt: skip
    table.add_argument("--train", nargs="+", default=[], metavar="DIR",
                       help="training data, for baselines and generalisation gap")  # fmt: skip
    table.add_argument("--methods", nargs="+", metavar="NAME", help="default: all with weights")
    table.add_argument("--weights", nargs="+", default=[], metavar="METHOD[:CATEGORY]=FILE",
                       help="replace bundled weights")  # fmt: skip
    table.add_argument(
        "--limit", type=int, metavar="N", help="greatest number of shapes per category"
    )
    table.add_argument("--closely", type=int, metavar="N",
                       help="shapes per category with all measures; the others get "
                       "IoU with one view (default: all)")  # fmt: skip
    table.add_argument("--no-gallery", action="store_true", help="numbers only, no images")
    table.add_argument("-o", "--out", default="docs/results.md", metavar="FILE")
    table.add_argument("--seed", type=int, default=0, help="seed of the surface points")
    table.add_argument("--device", default="auto")

    volume = parts.add_parser("volume", help="measure the IoU lost to an estimated volume")
    volume.add_argument("--data", nargs="+", required=True, metavar="DIR[:SPLIT]",
                        help="data sets of unseen shapes with 8 views")  # fmt: skip
    volume.add_argument("--fronts", metavar="DIR[:SPLIT]",
                        help="another data set, for measuring fronts only")  # fmt: skip
    volume.add_argument(
        "--shapes", type=int, default=40, help="shapes of --data, spread over categories"
    )
    volume.add_argument("--methods", nargs="+", metavar="NAME", help="default: all with weights")
    volume.add_argument("-o", "--out", default="docs/volume.md", metavar="FILE")
    volume.add_argument("--seed", type=int, default=0, help="seed of the scenes")
    volume.add_argument("--device", default="auto")

    views = parts.add_parser("views", help="measure levelform by number of views, against the hull")
    views.add_argument("--data", nargs="+", required=True, metavar="DIR[:SPLIT]",
                       help="unseen shapes with 8 views around them, and depth")  # fmt: skip
    views.add_argument("--shapes", type=int, default=30, help="shapes per data set")
    views.add_argument("--placed", type=int, default=12,
                       help="shapes per data set with an estimated volume as well")  # fmt: skip
    views.add_argument("--weights", metavar="FILE", help="replaces the bundled weights")
    views.add_argument("--methods", nargs="+", default=[], metavar="NAME",
                       help="measure these too, in the true volume")  # fmt: skip
    views.add_argument("-o", "--out", default="docs/views.md", metavar="FILE")
    views.add_argument("--seed", type=int, default=0, help="seed of the scenes")
    views.add_argument("--device", default="auto")

    unposed = parts.add_parser("unposed", help="measure methods on one image without a camera")
    unposed.add_argument("--data", nargs="+", required=True, metavar="DIR[:SPLIT]",
                         help="unseen shapes")  # fmt: skip
    unposed.add_argument("--shapes", type=int, default=13, help="shapes per data set")
    unposed.add_argument("-o", "--out", default="docs/unposed.md", metavar="FILE")
    unposed.add_argument("--device", default="auto")

    cards = parts.add_parser("cards", help="write a page per weights file")
    cards.add_argument("--weights", nargs="+", metavar="FILE", help="default: all bundled ones")
    cards.add_argument("-o", "--out", default="docs/models", metavar="DIR")

    claims = parts.add_parser("claims", help="train and measure what the papers claim")
    _claims.add_arguments(claims)

    protocol = parts.add_parser("protocol", help="score weights as a paper does, beside its table")
    _protocol.add_arguments(protocol)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Run one of the sub-commands."""
    commands = {"table": _table, "volume": _volume, "views": _views, "cards": _cards,
                "unposed": _unposed}  # fmt: skip
    more = {"claims": _claims.run, "protocol": _protocol.run}
    return (commands | more)[args.part](args)


def show(result: dict[str, Any]) -> None:
    """Print the results, one per line."""
    for name, value in result.get("iou", {}).items():
        sys.stdout.write(f"{name:44s} IoU {value:.4f}\n")
    for name, value in result.get("kept", {}).items():
        sys.stdout.write(f"{name:44s} kept {value:.3f}\n" if value is not None else "")
    for goal in result.get("goals", ()):
        sys.stdout.write(f"{goal['wanted']}: {goal['verdict']} ({goal['found']})\n")
    for claim in result.get("claims", ()):
        sys.stdout.write(f"{claim['claim']:24s} {claim['verdict']}\n")
        for line in claim.get("trainings", ()):
            sys.stdout.write(f"  {line}\n")
    for metric, category, measured, published, source in result.get("table", ()):
        told = f"published {published:>8s}  {source}" if published != "-" else ""
        sys.stdout.write(f"{metric:28s} {category:12s} {measured:>9s}  {told}".rstrip() + "\n")
    for path in (*result.get("pictures", ()), *result.get("pages", ())):
        sys.stdout.write(f"wrote {path}\n")


# ---------------------------------------------------------------- table


def _table(args: argparse.Namespace) -> dict[str, Any]:
    from ..data.format import Dataset
    from ..experiments.goals import goals
    from ..experiments.report import ResultsPage
    from ..experiments.store import Store
    from ..experiments.table import measure_all
    from ..geometry.writing import check_place

    page = Path(args.out)
    check_place(page)
    training = {folder: Dataset(folder, "train") for folder in args.train}
    entrants = _entrants(args, training)
    tests = _tests(args, training)
    with progress() as ticket:
        ticket.plan({"Measuring": 20.0, "Gallery": 1.0})
        with ticket.stage("Measuring"):
            store = Store(page.with_suffix(".jsonl"))
            results = measure_all(tests, entrants, store, seed=args.seed, ticket=ticket)
        with ticket.stage("Gallery"):
            images = [] if args.no_gallery else _gallery(results, tests, entrants, page, ticket)
    reached = goals(results, tests, entrants)
    ResultsPage(results, tests, entrants, reached, _command(args), args.seed, images).write(page)
    return {
        "iou": _ious(results, tests, entrants),
        "goals": [goal.to_json() for goal in reached],
        "failures": {
            e.name: sum(results.failures(t.name, e.name) for t in tests) for e in entrants
        },
        "measurements": len(results.rows),
        "pictures": [str(picked.path) for picked in images],
        "pages": [str(page)],
    }


def _entrants(args: argparse.Namespace, training: Mapping[str, "Dataset"]) -> "list[Entrant]":
    """Return the networks and, given training data, the baselines."""
    from ..experiments.entrants import BASELINES, Baseline, Known, load_networks, weights_files

    wanted = args.methods
    methods = None if wanted is None else [name for name in wanted if name not in BASELINES]
    overrides = weights_files(args.weights)
    networks = load_networks(methods, overrides=overrides, device=args.device)
    asked = [name for name in BASELINES if wanted is None or name in wanted]
    if not training:
        return [*networks]
    known = Known(list(training.values()))
    return [*networks, *(Baseline(kind, known) for kind in asked)]


def _tests(args: argparse.Namespace, training: Mapping[str, "Dataset"]) -> "list[TestSet]":
    """Return the test sets, and training sets of the same size per category."""
    from ..experiments.entrants import open_dataset
    from ..experiments.table import TestSet, refuse_overlap

    counts = {"limit": args.limit, "closely": args.closely}
    tests = [TestSet.of(*open_dataset(word), **counts) for word in args.data]
    names = [test.name for test in tests]
    if len(set(names)) < len(names):
        raise RequestError(
            f"Two data sets have the same name: {', '.join(names)}.", "Rename a folder."
        )
    refuse_overlap(tests, list(training.values()))
    each = args.closely or max(-(-len(test.shapes) // len(test.categories)) for test in tests)
    for folder, dataset in training.items():
        name = f"train {Path(folder).resolve().name}"
        tests.append(TestSet.of(name, dataset, limit=each, learned=True))
    return tests


def _gallery(
    results: "TableResults",
    tests: "Sequence[TestSet]",
    entrants: "Sequence[Entrant]",
    page: Path,
    ticket: "Ticket",
) -> "list[Picked]":
    from ..experiments.gallery import write_gallery

    folder = page.parent / "images" / page.stem
    return write_gallery(results, tests, entrants, folder, ticket=ticket)


def _ious(
    results: "TableResults", tests: "Sequence[TestSet]", entrants: "Sequence[Entrant]"
) -> dict[str, float]:
    """Return the mean IoU of each entrant on each data set, with one posed view."""
    from ..experiments.settings import ONE

    pairs = [(test.name, entrant.name) for test in tests for entrant in entrants]
    means = {f"{data} {name}": results.mean(data, name, ONE, "iou") for data, name in pairs}
    return {name: mean for name, mean in means.items() if mean is not None}


def _command(args: argparse.Namespace) -> str:
    """Return the command line, with names in place of the paths of data sets and weights."""

    def plain(word: str) -> str:
        folder, colon, split = word.rpartition(":")
        if not colon or Path(word).is_dir():
            return Path(word).resolve().name
        return f"{Path(folder).resolve().name}:{split}"

    words = ["levelform experiments table --data", *map(plain, args.data)]
    words += ["--train", *(Path(folder).resolve().name for folder in args.train)] * bool(args.train)
    words += ["--methods", *(args.methods or ())] * bool(args.methods)
    words += [f"--limit {args.limit}"] * (args.limit is not None)
    words += [f"--closely {args.closely}"] * (args.closely is not None)
    if args.weights:
        pairs = (word.partition("=") for word in args.weights)
        words += ["--weights", *(f"{name}={Path(path).name}" for name, _, path in pairs)]
    return " ".join([*words, f"--seed {args.seed}"])


# ---------------------------------------------------------------- views


def _views(args: argparse.Namespace) -> dict[str, Any]:
    from ..experiments.entrants import open_dataset
    from ..experiments.store import Store
    from ..experiments.view_counts import ROWS, VIEWS, measure_views, write_page
    from ..experiments.view_methods import blocks, measure_methods
    from ..geometry.writing import check_place
    from ..reconstructors import load_reconstructor
    from ..reconstructors.levelform import Levelform
    from ..training.validation import choose_shapes

    page = Path(args.out)
    check_place(page)
    model = load_reconstructor("levelform", args.weights, args.device)
    assert isinstance(model, Levelform)
    sets = {word: open_dataset(word) for word in args.data}
    groups = {name: choose_shapes(data.shapes, args.shapes) for name, data in sets.values()}
    store = Store(page.with_suffix(".jsonl"))
    with progress() as ticket:
        results = measure_views(
            groups, model, model, store,
            version=model.weights.hash[:12], placed=args.placed, seed=args.seed, ticket=ticket,
        )  # fmt: skip
    more: list[str] = []
    if args.methods:
        others = [load_reconstructor(name, None, args.device) for name in args.methods]
        with progress() as ticket:
            more = blocks(measure_methods(groups, others, store, ticket=ticket), list(groups))
    words = [Path(word).name for word in args.data]
    command = f"levelform experiments views --data {' '.join(words)} --shapes {args.shapes}"
    command += f" --placed {args.placed} --seed {args.seed}"
    command += f" --methods {' '.join(args.methods)}" * bool(args.methods)
    write_page(page, results, command=command, title=model.spec.title, more=more)
    means = {f"{key} {views}": results.mean(views, key) for key, _ in ROWS for views in VIEWS}
    known = {name: mean for name, mean in means.items() if mean is not None}
    return {"iou": known, "pages": [str(page)]}


# ---------------------------------------------------------------- unposed


def _unposed(args: argparse.Namespace) -> dict[str, Any]:
    from ..contract.default_method import UNPOSED_IOU
    from ..experiments.entrants import open_dataset
    from ..experiments.store import Store
    from ..geometry.writing import check_place
    from ..pipeline.networks import Networks
    from ..training.validation import choose_shapes
    from ._unposed import CHOSEN, ROWS, measure_unposed, write_page

    page, networks = Path(args.out), Networks()
    check_place(page)
    models = {name: networks.load(name, None, args.device) for name in UNPOSED_IOU}
    versions = {name: model.weights.hash[:12] for name, model in models.items()}
    sets = [open_dataset(word)[1] for word in args.data]
    shapes = [shape for data in sets for shape in choose_shapes(data.shapes, args.shapes)]
    with progress() as ticket:
        results = measure_unposed(
            shapes, networks, Store(page.with_suffix(".jsonl")),
            versions=versions, device=args.device, ticket=ticket,
        )  # fmt: skip
    words = " ".join(Path(word).name for word in args.data)
    titles = {name: model.spec.title for name, model in models.items()}
    command = f"levelform experiments unposed --data {words} --shapes {args.shapes}"
    write_page(page, results, titles, command=command)
    means = {f"{n} {k}": results.mean(n, k) for n in (*titles, CHOSEN) for k, _ in ROWS}
    known = {name: mean for name, mean in means.items() if mean is not None}
    return {"iou": known, "pages": [str(page)]}


# ---------------------------------------------------------------- volume


def _volume(args: argparse.Namespace) -> dict[str, Any]:
    from ..experiments.entrants import HULL, load_networks, open_dataset
    from ..experiments.store import Store
    from ..experiments.volume import Case, measure_volumes, write_page
    from ..geometry.writing import check_place
    from ..reconstructors.levelform import Levelform
    from ..training.validation import choose_shapes

    page = Path(args.out)
    check_place(page)
    networks = [n for n in load_networks(args.methods, device=args.device) if n.name != HULL]
    (voter,) = load_networks(["levelform"], device=args.device)
    (finder,) = voter.models.values()
    assert isinstance(finder, Levelform)
    shapes = [shape for word in args.data for shape in open_dataset(word)[1].shapes]
    chosen = choose_shapes(shapes, args.shapes)
    cases = [*_samples(), *map(Case.of, chosen)]
    own = [] if args.fronts is None else list(open_dataset(args.fronts)[1].shapes)
    settings = {"seed": args.seed, "finder_version": voter.version("")}
    with progress() as ticket:
        ticket.plan({"Volumes": 20.0, "Fronts": 1.0})
        store = Store(page.with_suffix(".jsonl"))
        with ticket.stage("Volumes"):
            results = measure_volumes(cases, networks, finder, store, ticket=ticket, **settings)
        with ticket.stage("Fronts"):
            more = [Case.of(shape) for shape in own]
            fronts = measure_volumes(more, [], finder, store, ticket=ticket, **settings)
    titles = {network.name: network.title for network in networks}
    words = ["levelform experiments volume --data", *(Path(word).name for word in args.data)]
    words += ["--fronts", Path(args.fronts).name] if args.fronts else []
    words += ["--methods", *(args.methods or ())] * bool(args.methods)
    command = " ".join([*words, f"--shapes {args.shapes} --seed {args.seed}"])
    counts = f"{len(cases) - len(chosen)} samples and {len(chosen)} test shapes."
    write_page(
        page, results, fronts if own else None, titles=titles, command=command, counts=counts
    )
    kept = {
        f"{name} {views} {key}": results.kept(name, views, key)
        for name in titles
        for views in (2, 4, 8)
        for key in ("box", "front")
    }
    return {"kept": kept, "pages": [str(page)]}


def _samples() -> "list[Case]":
    """Return the bundled samples, with views posed in the true volume's frame."""
    import numpy as np
    import torch

    from ..contract.protocol import Background
    from ..data.meshes import Solid
    from ..experiments.volume import Case
    from ..geometry.meshes import Mesh
    from ..geometry.views import View
    from ..images import to_view
    from .reconstruct import read_sources

    samples = []
    root = Path(__file__).parents[2] / "assets" / "sample"
    for folder in sorted(path.parent for path in root.glob("*/truth.npz")):
        world = np.array(json.loads((folder / "transforms.json").read_text())["world_from_volume"])
        views = []
        for data in read_sources([str(folder / "transforms.json")], None).views:
            view = to_view(data, Background())
            assert view.camera is not None
            views.append(View(view.image, view.camera.in_frame(world), view.name))
        with np.load(folder / "truth.npz") as ground_truth:
            solid = Solid(Mesh(ground_truth["vertices"], ground_truth["faces"]), folder.name)
        points = np.random.default_rng(0).uniform(-1, 1, (20_000, 3)).astype(np.float32)
        inside = solid.inside(points.astype(np.float64))
        samples.append(Case(folder.name, "sample", tuple(views), torch.from_numpy(points), inside))
    return samples


# ---------------------------------------------------------------- cards


def _cards(args: argparse.Namespace) -> dict[str, Any]:
    from ..experiments.cards import bundled, write_cards

    files = [Path(name) for name in args.weights] if args.weights else bundled()
    return {"pages": [str(page) for page in write_cards(files, Path(args.out))]}
