"""`levelform experiments claims`: train and measure what the papers claim."""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.errors import RequestError
from . import progress

if TYPE_CHECKING:
    from ..experiments.claims import Claim
    from ..experiments.trials import Workshop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--list", action="store_true", help="list the claims and their trainings")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these claims")
    parser.add_argument("--data", nargs="+", metavar="DIR", help="data sets of the category")
    parser.add_argument("--test", nargs="+", default=[], metavar="DIR",
                        help="unseen shapes; default: the test split of --data")  # fmt: skip
    parser.add_argument("--out", metavar="DIR", dest="runs", help="folder for the trainings")
    parser.add_argument(
        "--category", nargs="+", default=["chair"], help="categories of the shapes, or all"
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", dest="changes",
                        help="changed entries of every network's configuration")  # fmt: skip
    parser.add_argument("--steps", nargs="+", default=["3000"], metavar="N | METHOD=N",
                        help="steps of each training; of a method's trainings")  # fmt: skip
    parser.add_argument("--batch", type=int, metavar="N", help="objects per step")
    parser.add_argument("--seeds", type=int, default=2, help="seeds per training")
    parser.add_argument("--shapes", type=int, default=40, help="unseen shapes to measure on")
    parser.add_argument(
        "--lookup", action="store_true", help="write the page from stored results only"
    )
    parser.add_argument("--notes", metavar="FILE", help="JSON file of a person's comments by claim")
    parser.add_argument("-o", dest="page", default="docs/claims.md", metavar="FILE")
    parser.add_argument("--device", default="auto")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Train and measure the claims, or list them; write the page.

    Trainings and measurements of earlier runs are kept, so the same command continues
    where one was stopped; trainings go seed by seed, so that early ones tell of every claim.
    """
    from ..experiments.claims import choose_claims
    from ..experiments.claims_page import try_claims, write_page
    from ..geometry.writing import check_place

    claims = choose_claims(args.only)
    if args.list:
        return {"claims": [_listed(claim, args) for claim in claims]}
    if not args.data or not args.runs:
        raise RequestError(
            "Testing claims needs data and a folder for the trainings.",
            "Name them with --data and --out, or show the trainings with --list.",
        )
    page = Path(args.page)
    check_place(page)
    notes = _notes(args.notes)
    workshop = _workshop(args)
    with progress() as ticket:
        tried = try_claims(claims, workshop, seeds=args.seeds, run=not args.lookup, ticket=ticket)
    facts = {
        "steps of each training": " ".join(args.steps),
        "objects per step": args.batch or "as in the recipe",
        "greatest number of seeds": args.seeds,
        "category": " ".join(args.category),
        "changes of the configuration": " ".join(args.changes) or "none",
        "training shapes": len(workshop.train),
        "test shapes": len(workshop.test),
        "data": workshop.provenance["sources"],
        **workshop.tested,
    }
    write_page(page, tried, facts=facts, notes=notes)
    return {"claims": [one.to_json() for one in tried], "pages": [str(page)]}


def _listed(claim: "Claim", args: argparse.Namespace) -> dict[str, Any]:
    """Return a claim's trainings, with their progress if --out names a folder."""
    lines = []
    for training in claim.trainings():
        states = []
        for seed in range(args.seeds if args.runs else 0):
            run = Path(args.runs) / f"{training.name}-seed{seed}" / "run.json"
            state = json.loads(run.read_text()) if run.exists() else {"step": 0, "done": False}
            states.append("done" if state["done"] else f"{state['step']} steps")
        lines.append(f"{training.name} ({training.method})" + "".join(f", {s}" for s in states))
    return {"claim": claim.name, "verdict": claim.sentence, "trainings": lines}


def _notes(path: str | None) -> dict[str, str]:
    """Return a person's comment on each claim's outcome."""
    if path is None:
        return {}
    try:
        notes = json.loads(Path(path).read_text())
        return {str(name): str(text) for name, text in notes.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise RequestError(
            f"{path} can't be read as notes: {error}.", 'Write {"claim": "sentence", ...}.'
        ) from error


def parse_steps(words: Sequence[str], known: Iterable[str]) -> tuple[int, dict[str, int]]:
    """Return the steps of all trainings (3000 by default), and those of single methods.

    Raises
    ------
    RequestError
        If a word is neither "N" nor "METHOD=N", or its method is unknown.
    """
    steps, lengths, known = 3000, {}, set(known)
    for word in words:
        method, equals, count = word.rpartition("=")
        if not count.isdecimal() or int(count) < 1 or (equals and method not in known):
            raise RequestError(
                f"{word!r} is not a number of steps.",
                "Give one number, and METHOD=NUMBER for methods with another.",
            )
        if equals:
            lengths[method] = int(count)
        else:
            steps = int(count)
    return steps, lengths


def _workshop(args: argparse.Namespace) -> "Workshop":
    from ..data.format import Dataset
    from ..experiments.entrants import open_dataset
    from ..experiments.table import TestSet, refuse_overlap
    from ..experiments.trials import Workshop
    from ..reconstructors import methods, pick_device
    from ..training.samples import load_shapes
    from ..training.validation import choose_shapes
    from .train import parse_change

    only: Sequence[str] | None = None if args.category == ["all"] else args.category
    changes = dict(parse_change(word) for word in args.changes)
    steps, lengths = parse_steps(args.steps, methods())
    train, unseen = (load_shapes(args.data, split, categories=only) for split in ("train", "val"))
    test = load_shapes(args.test or args.data, None if args.test else "test", categories=only)
    if args.test:
        tests = [TestSet.of(*open_dataset(folder)) for folder in args.test]
        refuse_overlap(tests, [Dataset(folder, "train") for folder in args.data])
    out = Path(args.runs)
    out.mkdir(parents=True, exist_ok=True)
    sources, tested = (
        [Dataset(folder).manifest["provenance"] for folder in folders]
        for folders in (args.data, args.test)
    )
    return Workshop(
        out,
        train,
        choose_shapes(unseen, args.shapes // 2),
        choose_shapes(test, args.shapes),
        steps=steps,
        lengths=lengths,
        batch=args.batch,
        device=pick_device(args.device),
        provenance={"shapes": len(train), "sources": sources, "categories": args.category},
        tested={"tested": tested} if tested else {},
        overrides={method: changes for method in methods()},
    )
