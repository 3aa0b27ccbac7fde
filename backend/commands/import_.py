"""`levelform import METHOD CHECKPOINT... -o OUT`: convert a published checkpoint."""

import argparse
import sys
from pathlib import Path
from typing import Any

from ..contract.errors import RequestError
from ..contract.weights import PUBLISHED, weights_path
from . import progress

HELP = "convert a published checkpoint to Levelform's weights"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("method", metavar="METHOD", help="see `levelform methods`")
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        nargs="+",
        help="the authors' file or files; of a TensorFlow checkpoint, its .index file",
    )
    parser.add_argument(
        "-o",
        "--out",
        metavar="OUT.safetensors",
        help="may be left out for weights that `levelform weights` knows: it installs them",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "float16", "int8"),
        help="of the stored matrices; rounded ones are compared with the original on a test image",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Read the checkpoint, map its names, check it against the network, and write the weights."""
    from ..reconstructors import find_method
    from ..reconstructors.importing import STAGES, import_weights

    cls = find_method(args.method)
    out = _out(args)
    paths = [Path(path) for path in args.checkpoint]
    precision = args.precision or cls.imported_as
    with progress() as ticket:
        ticket.plan(STAGES)
        facts = import_weights(cls, paths, out, precision=precision, ticket=ticket)
    names = [path.name for path in paths]
    return {"method": args.method, "checkpoint": names, **facts, "out": str(out)}


def _out(args: argparse.Namespace) -> Path:
    """Return the output; without one, the place of installed weights."""
    if args.out is None:
        if args.method not in PUBLISHED:
            raise RequestError("The output file is missing.", "Name it: -o OUT.safetensors.")
        out = weights_path(args.method)
        out.parent.mkdir(parents=True, exist_ok=True)
        return out
    if Path(args.out).suffix != ".safetensors":
        raise RequestError(
            f"{args.out} does not end in .safetensors.", "Give the output this suffix."
        )
    return Path(args.out)


def show(result: dict[str, Any]) -> None:
    """Print what was imported."""
    sys.stdout.write(
        f"{result['out']}: {result['method']}, {result['parameters']:,} parameters in "
        f"{result['precision']}, from {', '.join(result['checkpoint'])}, "
        f"hash {result['hash'][:12]}\n"
    )
    if result["change"] is not None:
        from ..reconstructors.importing import FieldChange

        sys.stdout.write(f"on a test image, {FieldChange(**result['change']).sentence}\n")
