"""`levelform cameras turntable`: cameras of images of an object that turned by equal steps."""

import argparse
from typing import Any

from . import _around

HELP = "find the cameras of images of an object that turned by equal steps"
show = _around.show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the images, the output and the step."""
    _around.add_arguments(parser)
    parser.add_argument(
        "--step",
        type=float,
        metavar="DEGREES",
        help="between two images (default: they go once around)",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Find and write the cameras; return the facts."""
    return _around.find(args, "turntable", args.step)
