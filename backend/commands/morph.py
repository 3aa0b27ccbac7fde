"""`levelform morph METHOD FIRST SECOND`: meshes between two objects."""

import argparse
import sys
from pathlib import Path
from typing import Any

from . import progress
from ._subjects import SOURCE_HELP, add_model, code_of, load_model, sampled, split_options

HELP = "mesh what lies between two objects, by blending their codes"
FIVE = (0.0, 0.25, 0.5, 0.75, 1.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the method, the two objects, the factors, and the output."""
    parser.add_argument("method", metavar="METHOD")
    parser.add_argument("first", metavar="FIRST", help=SOURCE_HELP)
    parser.add_argument("second", metavar="SECOND", help="another")
    parser.add_argument("-o", "--out", required=True, metavar="DIR", help="folder for the meshes")
    parser.add_argument("--factors", nargs="+", type=float, default=FIVE, metavar="W",
                        help="0 is the first object, 1 the second; from -0.2 to 1.2")  # fmt: skip
    parser.add_argument("--steps", type=int, metavar="N", help="N even factors from 0 to 1")
    parser.add_argument(
        "--way",
        choices=("auto", "vertices", "meshes"),
        default="auto",
        help="one topology for all steps (vertices) or a mesh each; auto: one where it is honest",
    )
    add_model(parser)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Encode both objects, blend, and write the meshes."""
    from ..shows.files import write_exhibits
    from ..shows.morphing import Between, check_factors, morphed

    factors = check_factors(sampled(args.factors, args.steps))
    model = load_model(args)
    encode, _, _ = split_options(model, args.option)
    with progress() as ticket:
        ticket.plan({"Reconstruct": 1.0, "Mesh": 4.0})
        with ticket.stage("Reconstruct"):
            first, second = (
                code_of(model, args, [source], **encode)[0] for source in (args.first, args.second)
            )
        with ticket.stage("Mesh"):
            between = Between(model, first, second, args.level)
            made = morphed(
                between, factors, resolution=args.resolution, way=args.way, ticket=ticket
            )
            files = write_exhibits(made.exhibits, Path(args.out))
    return {
        "method": args.method,
        "weights": str(model.weights),
        "factors": factors,
        "one_topology": made.one_topology,
        "off": made.off,
        "flipped": made.flipped,
        "files": [str(path) for path in files],
    }


def show(result: dict[str, Any]) -> None:
    """Print the files, and whether they share their faces."""
    for path in result["files"]:
        sys.stdout.write(f"wrote {path}\n")
    if result["one_topology"]:
        sys.stdout.write(
            f"one topology: {result['flipped']:.1%} of the faces flipped at most, vertices within "
            f"{result['off']:.4f} of the surface\n"
        )
    else:
        sys.stdout.write("a mesh for each factor\n")
