"""`levelform cameras sheet IMAGE...`: drawings become images with orthographic cameras."""

import argparse
from typing import Any

from ...contract.drawings import SIDES, SIZE, parse_names
from ...contract.errors import RequestError
from ...contract.words import parse_background
from .. import progress

HELP = "cut a sheet of drawings, or take separate ones, and give each an orthographic camera"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the images, the output and the names."""
    parser.add_argument(
        "image",
        nargs="+",
        metavar="IMAGE",
        help="one sheet with several drawings on a plain background; or one image for each side, "
        "with front, right, back, left, top or bottom in its name",
    )
    parser.add_argument("-o", "--out", help="transforms.json to write; the drawings go beside it")
    parser.add_argument("--preview", help="PNG to write: the sheet with a frame at each drawing")
    parser.add_argument(
        "--names",
        help="the drawings' sides row by row, such as front,right,back; - leaves one out; "
        f"sides: {', '.join(SIDES)}; default: by position",
    )
    parser.add_argument(
        "--size", type=float, default=SIZE, help="length of the object's longest side (%(default)s)"
    )
    parser.add_argument(
        "--background", default="auto", help="auto, alpha, corner or #rrggbb (%(default)s)"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Cut, name and write the drawings; return the facts."""
    from ...drawings import make_drawings
    from ...drawings.writing import facts, write_drawings, write_preview
    from ...geometry.writing import check_place

    if args.preview and len(args.image) > 1:
        raise RequestError("--preview shows one sheet.", "Leave it out for separate images.")
    for path in filter(None, (args.out, args.preview)):
        check_place(path)
    names = parse_names(args.names) if args.names else ()
    with progress() as ticket:
        drawings = make_drawings(
            args.image,
            parse_background(args.background),
            names=names,
            size=args.size,
            ticket=ticket,
        )
    if args.preview:
        write_preview(drawings, args.image[0], args.preview)
    result = write_drawings(drawings, args.out) if args.out else facts(drawings)
    return {**result, "preview": args.preview} if args.preview else result


def show(result: dict[str, Any]) -> None:
    """Print a line for each drawing, then the remarks."""
    for view in result["views"]:
        left, top, right, bottom = view["box"]
        size = f"{right - left:.0f} x {bottom - top:.0f}"
        print(f"{view['name']:<12} {size:>12} at {left:.0f}, {top:.0f}")
    width, depth, height = result["sides"]
    print(f"object: {width:.3g} wide, {depth:.3g} deep, {height:.3g} high")
    print("\n".join([*result["remarks"], *filter(None, (result.get("out"),))]))
