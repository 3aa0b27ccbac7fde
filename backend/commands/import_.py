"""`levelform import METHOD CHECKPOINT... -o OUT`: convert a published checkpoint."""

import argparse
import sys
from pathlib import Path
from typing import Any

from ..contract.errors import RequestError

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
    parser.add_argument("-o", "--out", metavar="OUT.safetensors", required=True)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Read the checkpoint, map its names, check it against the network, and write the weights."""
    from ..reconstructors import find_method, import_checkpoint

    cls = find_method(args.method)
    if Path(args.out).suffix != ".safetensors":
        raise RequestError(
            f"{args.out} does not end in .safetensors.", "Give the output this suffix."
        )
    model = import_checkpoint(cls, args.checkpoint)
    names = [Path(path).name for path in args.checkpoint]
    digest = model.save(args.out, training={"imported": names}, results={})
    return {
        "method": args.method,
        "checkpoint": names,
        "parameters": sum(p.numel() for p in model.parameters()),
        "configuration": model.configuration.to_json(),
        "frame": model.method_from_volume.tolist(),
        "hash": digest,
        "out": str(args.out),
    }


def show(result: dict[str, Any]) -> None:
    """Print what was imported."""
    sys.stdout.write(
        f"{result['out']}: {result['method']}, {result['parameters']:,} parameters, "
        f"from {', '.join(result['checkpoint'])}, hash {result['hash'][:12]}\n"
    )
