"""`levelform experiments protocol PAPER`: from weights and data to the paper's table."""

import argparse
from pathlib import Path
from typing import Any

from ..contract.errors import RequestError
from . import progress

PAPERS = (
    "deep-meta-functionals",
    "disn",
    "uclid-net",
    "tdgn",
    "sdf-srn",
    "sdf-srn-pascal3d",
    "pix3d",
    "occupancy-network",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the paper, the weights, the data, and what is written."""
    parser.add_argument("paper", metavar="PAPER", choices=PAPERS, help=", ".join(PAPERS))
    parser.add_argument("--weights", nargs="+", default=[], metavar="[CATEGORY=]FILE",
                        help="default: the bundled weights")  # fmt: skip
    parser.add_argument("--data", required=True, metavar="DIR[:SPLIT]",
                        help="unseen shapes with images and meshes")  # fmt: skip
    parser.add_argument("--camera", choices=("given", "estimated"),
                        help="cameras of the images, for methods that estimate some "
                        "(default: as in the paper)")  # fmt: skip
    parser.add_argument("--views", type=int, default=1, metavar="N",
                        help="images of each shape, each alone (the papers: 1 or 24)")  # fmt: skip
    parser.add_argument("--limit", type=int, metavar="N", help="maximum number of shapes")
    parser.add_argument("--resolution", type=int, metavar="N",
                        help="cells of the meshes (default: the paper's)")  # fmt: skip
    parser.add_argument("--codes", metavar="FILE.npz", help="write the codes, for t-SNE, retrieval")
    parser.add_argument(
        "--figures", metavar="DIR", help="write results, histograms and the paper's figures"
    )
    parser.add_argument("-o", dest="page", metavar="FILE.md",
                        help="write the page, and all measurements beside it (.jsonl)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="seed of the surface points")
    parser.add_argument("--device", default="auto")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Reconstruct, score, and write what was asked for."""
    from ..experiments.entrants import load_networks, open_dataset
    from ..experiments.protocol import (
        CAMERAS,
        RESOLUTIONS,
        Trial,
        method_of,
        run_protocol,
        table_rows,
    )
    from ..experiments.protocol_page import write_figures, write_page
    from ..experiments.store import Store
    from ..geometry.writing import check_place
    from ..training.validation import choose_shapes

    args.camera = args.camera or CAMERAS.get(args.paper, "given")
    page = None if args.page is None else Path(args.page)
    for path in (page, args.codes):
        if path is not None:
            check_place(path)
    method = method_of(args.paper)
    (entrant,) = load_networks([method], overrides=_overrides(method, args), device=args.device)
    _, data = open_dataset(args.data)
    shapes = choose_shapes(data.shapes, args.limit) if args.limit else list(data.shapes)
    resolution = args.resolution or RESOLUTIONS.get(args.paper, 128)
    trial = Trial(args.paper, entrant, args.camera, args.views, resolution, args.seed)
    store = None if page is None else Store(page.with_suffix(".jsonl"))
    with progress() as ticket:
        ticket.plan({"Measuring": 20.0, "Figures": 4.0})
        with ticket.stage("Measuring"):
            outcome = run_protocol(trial, shapes, store, ticket=ticket)
        with ticket.stage("Figures"):
            folder = Path(args.figures) if args.figures else None
            figures = write_figures(outcome, shapes, folder, ticket=ticket) if folder else []
    if args.codes:
        outcome.codes.write(args.codes)
    if page is not None:
        write_page(outcome, page, command=_command(args), figures=figures)
    means, by_class = outcome.means
    return {
        "paper": args.paper,
        "method": method,
        "images": len(outcome.rows),
        "metrics": means,
        "by_class": by_class,
        "table": table_rows(outcome),
        "pictures": [str(path) for path in figures],
        "pages": [str(path) for path in (page, args.codes) if path is not None],
    }


def _overrides(method: str, args: argparse.Namespace) -> dict[str, dict[str, Path]]:
    """Return the weights' files by method and category."""
    files: dict[str, Path] = {}
    for word in args.weights:
        category, _, path = word.rpartition("=")
        if not Path(path).is_file():
            raise RequestError(f"{path} is not a file of weights.", "Name one with --weights.")
        files[category] = Path(path)
    return {method: files} if files else {}


def _command(args: argparse.Namespace) -> str:
    """Return the command line, with names in place of paths."""
    words = [f"levelform experiments protocol {args.paper} --data {Path(args.data).name}"]
    words += [f"--weights {' '.join(Path(w).name for w in args.weights)}"] * bool(args.weights)
    words += [f"--camera {args.camera} --views {args.views}"]
    words += [f"--limit {args.limit}"] * (args.limit is not None)
    words += [f"--resolution {args.resolution}"] * (args.resolution is not None)
    return " ".join([*words, f"--seed {args.seed}"])
