"""`levelform show METHOD WHAT SOURCE...`: a method's exhibits beside its mesh."""

import argparse
import sys
from pathlib import Path
from typing import Any

from ..contract.errors import RequestError
from ..contract.options import Option, option_lines
from . import progress
from ._subjects import (
    SOURCE_HELP,
    add_model,
    code_of,
    load_model,
    split_options,
    subject_of,
)

HELP = "show what is inside a method: patches, training points, streams, renderings, levels"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the method, the show, the images, and the output."""
    parser.add_argument("method", nargs="?", metavar="METHOD", help="default: list all shows")
    parser.add_argument("what", nargs="?", metavar="WHAT", help="default: list the method's shows")
    parser.add_argument("source", nargs="*", metavar="SOURCE", help=SOURCE_HELP)
    parser.add_argument(
        "-o", "--out", metavar="DIR", help="folder for meshes (.glb), points (.ply), images (.png)"
    )
    add_model(parser)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """List the shows, or write the files of one."""
    if args.what is None:
        return _listed(args.method)
    from ..contract.shows import find_show
    from ..reconstructors import find_method
    from ..shows import offered, shown
    from ..shows.files import write_exhibits

    cls = find_method(args.method)
    spec = find_show(offered(cls), args.what, cls.spec.title)
    if args.out is None:
        raise RequestError("The output folder is missing.", "Give -o DIR.")
    model = load_model(args)
    encode, decode, rest = split_options(model, args.option)
    with progress() as ticket:
        ticket.plan({"Reconstruct": 1.0, "Show": 3.0})
        with ticket.stage("Reconstruct"):
            code, views = code_of(model, args, args.source, **encode)
        with ticket.stage("Show"):
            subject = subject_of(model, code, views, args, ticket, **decode)
            files = write_exhibits(shown(subject, args.what, rest), Path(args.out))
    return {
        "method": cls.spec.name,
        "what": spec.name,
        "weights": str(model.weights),
        "files": [str(path) for path in files],
    }


def _listed(method: str | None) -> dict[str, Any]:
    """Return the shows of a method, or of all."""
    from dataclasses import asdict

    from ..reconstructors import find_method, methods
    from ..shows import offered

    chosen = methods() if method is None else {method: find_method(method)}
    listed = {name: [asdict(spec) for spec in offered(cls)] for name, cls in chosen.items()}
    return {"shows": {name: specs for name, specs in listed.items() if specs}}


def show(result: dict[str, Any]) -> None:
    """Print the files, or the list."""
    for path in result.get("files", ()):
        sys.stdout.write(f"wrote {path}\n")
    for method, specs in result.get("shows", {}).items():
        sys.stdout.write(f"{method}\n")
        for spec in specs:
            sys.stdout.write(f"  {spec['name']:14s} {spec['help']}\n")
            options = [Option(**option) for option in spec["options"]]
            sys.stdout.writelines(f"{line}\n" for line in option_lines(options, " " * 8))
