"""What the verbs that find cameras around an object have in common."""

import argparse
from typing import Any

from ...contract import protocol
from ...contract.camera_estimates import in_order, lines
from ...contract.errors import RequestError
from ...contract.streams import answer
from ...contract.words import parse_background
from .. import progress
from ..reconstruct import JOB, read_sources
from ._writing import write_transforms


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the images, the output, and what may be known already."""
    parser.add_argument("source", nargs="+", metavar="IMAGE", help="image files, or one folder")
    parser.add_argument("-o", "--out", required=True, help="the transforms.json to write")
    parser.add_argument(
        "--as-given",
        action="store_true",
        help="keep the images in the given order (default: by the numbers in their names)",
    )
    parser.add_argument(
        "--focal", type=float, metavar="WIDTHS", help="focal length in widths of the image"
    )
    parser.add_argument(
        "--side",
        type=float,
        default=2.0,
        metavar="METRES",
        help="the object's longest side (default: 2)",
    )
    parser.add_argument("--background", help="auto, alpha, corner or #rrggbb (default: auto)")
    parser.add_argument("--tolerance", type=float, help="distance in sRGB from the background")


def find(args: argparse.Namespace, way: str, step: float | None = None) -> dict[str, Any]:
    """Find the cameras, write them, and return the facts."""
    from ...geometry.writing import check_place
    from ...session import Session

    check_place(args.out)
    views = read_sources(args.source, None).views
    if any(view.camera is not None for view in views):
        raise RequestError(
            f"{args.source[0]} has cameras already.", "Refine them: levelform cameras refine."
        )
    if not args.as_given:
        views = tuple(views[index] for index in in_order([view.name for view in views]))
    request = protocol.FindCameras(
        JOB,
        way,
        views,
        background=parse_background(
            args.background, args.tolerance, protocol.Background(mode="auto")
        ),
        step=step,
        focal=args.focal,
        side=args.side,
    )
    with progress() as ticket:
        (event,) = Session().find_cameras(request, ticket)
    write_transforms(args.out, views, event.cameras, world_from_volume=event.world_from_volume)
    return {**event.facts, "out": str(args.out)}


def show(result: dict[str, Any]) -> None:
    """Print a summary."""
    answer(lambda: print("\n".join([f"{result['out']}:", *lines(result)])))
