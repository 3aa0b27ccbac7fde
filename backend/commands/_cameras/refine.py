"""`levelform cameras refine`: move cameras that are a little off until the silhouettes agree."""

import argparse
from typing import Any

from ...contract import protocol
from ...contract.words import VIEWS_HELP, add_cures, parse_background, read_cures
from .. import progress
from ..reconstruct import JOB, read_sources
from ._around import MASKS_HELP, check_output, saved_masks
from ._around import show as show
from ._writing import write_transforms

HELP = "move cameras that are a little off until the silhouettes agree"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the file of cameras, the output and what stays."""
    parser.add_argument("source", metavar="SOURCE", help="a file of cameras, or its folder")
    parser.add_argument("-o", "--out", help="the transforms.json to write")
    parser.add_argument("--save-masks", metavar="FOLDER", help=MASKS_HELP)
    parser.add_argument("--views", help=VIEWS_HELP)
    parser.add_argument(
        "--keep-focal", action="store_true", help="the focal lengths are right: find poses alone"
    )
    parser.add_argument("--background", help="auto, alpha, corner or #rrggbb (default: auto)")
    parser.add_argument("--tolerance", type=float, help="distance in sRGB from the background")
    add_cures(parser)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Refine the cameras and write them; return the facts."""
    from ...session import Session

    check_output(args)
    source = read_sources([args.source], args.views)
    background = parse_background(args.background, args.tolerance, protocol.Background(mode="auto"))
    request = protocol.RefineCameras(
        JOB, source.views, background, read_cures(args), focal=not args.keep_focal
    )
    with progress() as ticket:
        masks = saved_masks(args, request, ticket)
        if args.out is None:
            return masks
        (event,) = Session().refine_cameras(request, ticket)
    write_transforms(
        args.out,
        source.views,
        event.cameras,
        world_from_volume=source.world_from_volume,
        world_offset=source.world_offset,
    )
    facts = {**masks, **event.facts, "out": str(args.out)}
    return {**facts, "remarks": [*source.remarks, *facts["remarks"]]}
