"""`levelform cameras ring N`: cameras in equal steps around an object."""

import argparse
from typing import Any

from ...contract.drawings import SIZE, ring
from ...contract.errors import RequestError

HELP = "write a ring of cameras to hang images on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the number of cameras, their images and their lens."""
    parser.add_argument("count", type=int, metavar="N", help="number of cameras")
    parser.add_argument("-o", "--out", required=True, help="transforms.json to write")
    parser.add_argument(
        "--images",
        metavar="FOLDER",
        help="folder of N images, in the order of the cameras; default: images still to be made, "
        "images/0.png and so on beside the file",
    )
    parser.add_argument("--elevation", type=float, default=15.0, help="degrees (%(default)s)")
    parser.add_argument(
        "--focal", type=float, default=50.0, help="focal length, mm of a 36 mm wide sensor"
    )
    parser.add_argument(
        "--pixels", default="1024x1024", help="WIDTHxHEIGHT of images to be made (%(default)s)"
    )
    parser.add_argument(
        "--size", type=float, default=SIZE, help="length of the object's longest side (%(default)s)"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Write the cameras; return the facts."""
    from ...rigs import write_ring

    cameras = ring(
        args.count,
        elevation=args.elevation,
        focal=args.focal / 36.0,
        size=_pixels(args.pixels),
        object_size=args.size,
    )
    return write_ring(cameras, args.out, images=args.images, object_size=args.size)


def show(result: dict[str, Any]) -> None:
    """Print the written file."""
    print(f"{result['out']}: {result['views']} cameras around the origin")


def _pixels(words: str) -> tuple[int, int]:
    width, _, height = words.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise RequestError(f"{words!r} is not a size in pixels.", "Write it as 1024x768.")
    return int(width), int(height)
