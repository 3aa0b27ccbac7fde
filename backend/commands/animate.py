"""`levelform animate METHOD SOURCE...`: a mesh a frame, of image sequences or moving shapes."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.errors import RequestError
from . import progress
from ._subjects import SOURCE_HELP, add_model, code_of, load_model, split_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..fields import Field
    from ..reconstructors import Code, Reconstructor
    from ..ticket import Ticket

HELP = "mesh a sequence of images, or a moving shape at several times"
MOMENTS = 17


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the method, the images, and the output."""
    parser.add_argument("method", metavar="METHOD")
    parser.add_argument("source", nargs="+", metavar="SOURCE", help=SOURCE_HELP)
    parser.add_argument("-o", "--out", required=True, metavar="DIR", help="folder for the meshes")
    parser.add_argument(
        "--smooth",
        type=float,
        default=0.0,
        metavar="FRAMES",
        help="smooth the codes over time by a Gaussian of this standard deviation (default: 0)",
    )
    parser.add_argument("--moments", type=int, default=MOMENTS, metavar="N",
                        help="times of a moving shape, for weights that know time")  # fmt: skip
    add_model(parser)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Encode, and write a mesh for each frame."""
    from ..contract.shows import Exhibit
    from ..extraction import extract
    from ..shows.files import write_exhibits

    model = load_model(args)
    encode, decode, _ = split_options(model, args.option)
    with progress() as ticket:
        ticket.plan({"Reconstruct": 1.0, "Mesh": 3.0})
        with ticket.stage("Reconstruct"):
            fields = _fields(model, args, encode, decode, ticket)
        files: list[Path] = []
        with ticket.stage("Mesh"):
            for step, (count, field) in enumerate(fields):
                ticket.advance(step / count)
                level = field.level(args.level)
                mesh = extract(field, args.resolution, level=level, color=False, ticket=ticket)
                made = Exhibit("", f"frame-{step:05d}", mesh.vertices, mesh.faces)
                files += write_exhibits([made], Path(args.out))
    return {"method": args.method, "frames": len(files), "files": [str(path) for path in files]}


def _fields(
    model: "Reconstructor",
    args: argparse.Namespace,
    encode: dict[str, Any],
    decode: dict[str, Any],
    ticket: "Ticket",
) -> "Iterator[tuple[int, Field]]":
    """Yield the number of frames and each frame's field."""
    from ..reconstructors.finishing import finished

    if model.knows_time:
        code, _ = code_of(model, args, args.source, **encode)
        codes, times = [code], np.linspace(-1, 1, max(args.moments, 1)).tolist()
        settings = [(code, {**decode, "time": time}) for time in times]
    else:
        codes = _codes(model, args, encode, ticket)
        settings = [(code, decode) for code in smoothed(model, codes, args.smooth)]
    return (
        (len(settings), finished(model, model.decode(code, **options), (), None))
        for code, options in settings
    )


def _codes(
    model: "Reconstructor", args: argparse.Namespace, options: dict[str, Any], ticket: "Ticket"
) -> "list[Code]":
    """Return the code of each image."""
    from .reconstruct import read_sources

    if len(args.source) == 1 and Path(args.source[0]).is_dir():
        names = [data.file.path for data in read_sources(args.source, None).views if data.file]
    else:
        names = list(args.source)
    codes = []
    for index, name in enumerate(names):
        ticket.advance(index / len(names))
        codes.append(code_of(model, args, [name], **options)[0])
    return codes


def smoothed(model: "Reconstructor", codes: "list[Code]", std: float) -> "list[Code]":
    """Return codes smoothed over time by a Gaussian of `std` frames; 0: as they are.

    Raises
    ------
    RequestError
        If the deviation is below 0, or the codes can't be blended.
    """
    if std < 0 or not np.isfinite(std):
        raise RequestError(f"The smoothing is {std:g} frames.", "Give 0 or more.")
    if std == 0 or len(codes) < 2:
        return codes
    result = []
    for frame in range(len(codes)):
        near = range(max(0, frame - round(3 * std)), min(len(codes), frame + round(3 * std) + 1))
        weights = np.exp(-0.5 * ((np.array(near) - frame) / std) ** 2)
        chosen = [codes[index] for index in near]
        result.append(model.blend(chosen, (weights / weights.sum()).tolist()))
    return result


def show(result: dict[str, Any]) -> None:
    """Print the number of meshes, and the first file."""
    sys.stdout.write(f"{result['frames']} meshes")
    sys.stdout.write(f", from {result['files'][0]}\n" if result["files"] else "\n")
