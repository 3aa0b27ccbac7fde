"""Common parts of the verbs that estimate cameras around an object."""

import argparse
from typing import TYPE_CHECKING, Any

from ...contract import protocol
from ...contract.camera_estimates import in_order, lines
from ...contract.errors import RequestError
from ...contract.streams import answer
from ...contract.words import parse_background
from .. import progress
from ..reconstruct import JOB, read_sources
from ._writing import write_transforms

if TYPE_CHECKING:
    from ...ticket import Ticket
    from .._masks import Masked

MASKS_HELP = (
    "write each image's mask there, and the image with its outline, to look at them; "
    "without -o nothing else is done"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the images, the output, and known values."""
    parser.add_argument("source", nargs="+", metavar="IMAGE", help="image files, or one folder")
    parser.add_argument("-o", "--out", help="the transforms.json to write")
    parser.add_argument("--save-masks", metavar="FOLDER", help=MASKS_HELP)
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
    from ...session import Session

    check_output(args)
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
        masks = saved_masks(args, request, ticket)
        if args.out is None:
            return masks
        (event,) = Session().find_cameras(request, ticket)
    write_transforms(args.out, views, event.cameras, world_from_volume=event.world_from_volume)
    return {**masks, **event.facts, "out": str(args.out)}


def check_output(args: argparse.Namespace) -> None:
    """Refuse a run that would write nothing, or to a place that can't be written."""
    from ...geometry.writing import check_place

    if args.out is not None:
        check_place(args.out)
    elif args.save_masks is None:
        raise RequestError(
            "The output file is missing.", "Give -o FILE, or --save-masks FOLDER to look at masks."
        )


def saved_masks(args: argparse.Namespace, request: "Masked", ticket: "Ticket") -> dict[str, Any]:
    """Write the masks of a request's images, if that was asked for; return the facts."""
    from ...session import Session
    from .._masks import write_masks

    if not args.save_masks:
        return {}
    masks = write_masks(Session(), request, args.save_masks, ticket)
    return {"masks": masks, "remarks": [remark for entry in masks for remark in entry["remarks"]]}


def show(result: dict[str, Any]) -> None:
    """Print the masks' files and their doubts, then the cameras' residuals and a summary."""
    answer(lambda: print("\n".join(_lines(result))))


def _lines(result: dict[str, Any]) -> list[str]:
    masks = [
        f"{entry['outline']}" + (f": check it, {entry['doubt']}" if entry["doubt"] else "")
        for entry in result.get("masks", ())
    ]
    if "out" not in result:
        return [*masks, *result["remarks"]]
    return [*masks, f"{result['out']}:", *lines(result)]
