"""`levelform cameras photos SOURCE`: cameras of photographs, by structure from motion."""

import argparse
from typing import Any

from ...contract.drawings import SIZE
from ...contract.photographs import FRAMES, MASKS
from .. import progress

HELP = "find the cameras of photographs with texture: a folder, a video, or images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the images, the output and the options."""
    parser.add_argument(
        "source",
        nargs="+",
        metavar="SOURCE",
        help="a folder of images, a video, or image files; taken in small steps around an object "
        "that does not move, or on a turntable before a plain background",
    )
    parser.add_argument("-o", "--out", required=True, help="transforms.json to write")
    parser.add_argument(
        "--masks",
        choices=MASKS,
        default="auto",
        help="use: ignore what masks hide, where the background does not move with the object; "
        "auto: only where cameras can't be found without (%(default)s)",
    )
    parser.add_argument(
        "--no-distortion",
        action="store_true",
        help="the images have no lens distortion, such as renders",
    )
    parser.add_argument(
        "--size", type=float, default=SIZE, help="length of the object's longest side (%(default)s)"
    )
    parser.add_argument(
        "--frames", type=int, default=FRAMES, help="frames to take from a video (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Find and write the cameras; return the facts."""
    from ...photographs import find_cameras

    with progress() as ticket:
        return find_cameras(
            args.source,
            args.out,
            masks=args.masks,
            distortion=not args.no_distortion,
            size=args.size,
            frames=args.frames,
            seed=args.seed,
            ticket=ticket,
        )


def show(result: dict[str, Any]) -> None:
    """Print the placed images, their accuracy, and the remarks."""
    print(
        f"{result['out']}: {result['placed']} of {result['images']} images placed\n"
        f"reprojection error {result['error']:.2f} px of 800, focal length {result['focal']:.3f} "
        f"image widths, distortion {result['distortion']:.3f}\n"
        f"up from the {result['up_from']}, object from the {result['box_from']}"
    )
    for remark in result["remarks"]:
        print(remark)
