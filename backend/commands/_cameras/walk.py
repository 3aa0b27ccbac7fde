"""`levelform cameras walk`: cameras of images taken by hand, walking once around an object."""

import argparse
from typing import Any

from . import _around

HELP = "find the cameras of images taken by hand while walking once around an object"
show = _around.show
add_arguments = _around.add_arguments


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Find and write the cameras; return the facts."""
    return _around.find(args, "walk")
