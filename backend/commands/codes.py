"""`levelform codes METHOD SOURCE... -o FILE`: codes of objects, saved, averaged, collected."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.errors import RequestError
from . import progress
from ._subjects import CODE, SOURCE_HELP, add_model, code_of, load_model, split_options

if TYPE_CHECKING:
    from ..reconstructors import Reconstructor
    from ..ticket import Ticket

HELP = "save what a method knows of objects: one code, the mean of several, or a data set's"
TABLE = ".npz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the method, the objects, and the output."""
    parser.add_argument("method", metavar="METHOD")
    parser.add_argument("source", nargs="*", metavar="SOURCE", help=SOURCE_HELP)
    parser.add_argument("--data", metavar="DIR[:SPLIT]", help="a data set instead: all its shapes")
    parser.add_argument(
        "--mean", action="store_true", help="each SOURCE is an object: store the mean of all"
    )
    parser.add_argument("-o", "--out", required=True, metavar="FILE",
                        help=f"{CODE} of one code; {TABLE} of a data set's")  # fmt: skip
    add_model(parser)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Encode, and write the file."""
    from ..geometry.writing import check_place
    from ..reconstructors import Code

    out = Path(args.out)
    check_place(out)
    wanted = TABLE if args.data else CODE
    if out.suffix != wanted:
        raise RequestError(f"{out.name} does not end with {wanted}.", "Give such a name.")
    model = load_model(args)
    with progress() as ticket:
        ticket.plan({"Reconstruct": 1.0})
        with ticket.stage("Reconstruct"):
            if args.data:
                return _of_data(model, args, out, ticket)
            encode, _, _ = split_options(model, args.option)
            groups = [[source] for source in args.source] if args.mean else [args.source]
            codes = [code_of(model, args, group, **encode)[0] for group in groups]
            code = model.blend(codes, [1 / len(codes)] * len(codes)) if codes else Code.average([])
            code.save(out)
    return {"method": args.method, "objects": len(codes), "out": str(out)}


def _of_data(
    model: "Reconstructor", args: argparse.Namespace, out: Path, ticket: "Ticket"
) -> dict[str, Any]:
    """Write the codes of a data set's shapes, seen in their first image."""
    from ..experiments.codes import CodeTable
    from ..experiments.entrants import open_dataset

    _, data = open_dataset(args.data)
    table = CodeTable()
    for index, shape in enumerate(data.shapes):
        ticket.advance(index / len(data.shapes))
        table.add(shape.id, shape.category, model.encode([shape.view(0)]))
    table.write(out)
    return {"method": args.method, "objects": len(table), "size": table.size, "out": str(out)}


def show(result: dict[str, Any]) -> None:
    """Print the file."""
    size = f" of {result['size']} numbers" if "size" in result else ""
    sys.stdout.write(f"wrote {result['out']}: {result['objects']} objects{size}\n")
