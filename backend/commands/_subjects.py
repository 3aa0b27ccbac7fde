"""Objects for `show`, `morph` and `codes`: images, files of cameras, or saved codes."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.errors import RequestError
from ..contract.words import parse_background, parse_options

if TYPE_CHECKING:
    from ..geometry.views import View
    from ..reconstructors import Code, Reconstructor
    from ..shows import Subject
    from ..ticket import Ticket

CODE = ".safetensors"
SOURCE_HELP = "image files, or a folder, or a file of cameras; or a code, as `codes` writes it"


def add_model(parser: argparse.ArgumentParser) -> None:
    """Declare what a model and its meshes depend on."""
    parser.add_argument("--weights", help="a file, or the category of bundled ones")
    parser.add_argument("--resolution", type=int, default=128, help="cells along the longest side")
    parser.add_argument("--level", type=float, help="where the surface is, in the method's unit")
    parser.add_argument("--views", help="how many views (8), or which (0,2,5 or 3,)")
    parser.add_argument("--background", help="auto, corner, alpha, or a color as #rrggbb")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="an option, by name"
    )


def load_model(args: argparse.Namespace) -> "Reconstructor":
    """Return the method's network, in evaluation mode."""
    from ..contract.settings import check_resolution
    from ..reconstructors import load_reconstructor

    args.resolution = check_resolution(args.resolution)
    return load_reconstructor(args.method, args.weights, args.device)


def split_options(
    model: "Reconstructor", words: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return options of `encode`, of `decode`, and the others.

    Raises
    ------
    RequestError
        If an option of the method holds what it may not.
    """
    from ..contract.options import read_known
    from ..reconstructors import keyword_names

    given = read_known(parse_options(list(words)), model.spec.options)
    own = {option.name for option in model.spec.options}
    encode, decode = keyword_names(model.encode) & own, keyword_names(model.decode) & own
    return (
        {name: value for name, value in given.items() if name in encode},
        {name: value for name, value in given.items() if name in decode},
        {name: value for name, value in given.items() if name not in encode | decode},
    )


def views_of(args: argparse.Namespace, sources: Sequence[str]) -> list["View"]:
    """Return the sources' views, cameras in the frame of their volume."""
    from ..geometry.volume import Volume
    from ..images import to_view
    from ..placing.place import place
    from .reconstruct import read_sources

    source = read_sources(list(sources), args.views)
    background = parse_background(args.background)
    views = [to_view(data, background) for data in source.views]
    posed = [view for view in views if view.camera is not None]
    if not posed:
        return views
    matrix = source.world_from_volume
    if matrix is None:
        matrix = place(posed, network=None, say_cropped=False).world_from_volume
    world = Volume.from_matrix(matrix).world_from_cube
    return [view.in_frame(world) for view in views]


def code_of(
    model: "Reconstructor", args: argparse.Namespace, sources: Sequence[str], **options: Any
) -> tuple["Code", tuple["View", ...]]:
    """Return an object's code, and the views if it was made of images.

    Raises
    ------
    RequestError
        If a source can't be read, or is another method's code.
    """
    from ..reconstructors import Code
    from ..reconstructors.code_files import field_of_file

    if len(sources) == 1 and Path(sources[0]).suffix == CODE:
        code = Code.load(sources[0])
        field_of_file(model, code, sources[0])
        return code, ()
    if not sources:
        raise RequestError("No image is given.", f"Give {SOURCE_HELP}.")
    views = tuple(views_of(args, sources))
    return model.encode(views, **options), views


def subject_of(
    model: "Reconstructor",
    code: "Code",
    views: Sequence["View"],
    args: argparse.Namespace,
    ticket: "Ticket",
    **options: Any,
) -> "Subject":
    """Return what a show takes."""
    from ..reconstructors.finishing import finished
    from ..shows import Subject

    field = finished(model, model.decode(code, **options), views, None)
    level = field.level(args.level)
    return Subject(model, code, tuple(views), field, level, args.resolution, args.seed, ticket)


def sampled(factors: Sequence[float], count: int | None) -> list[float]:
    """Return the given factors, or `count` evenly spread ones from 0 to 1.

    Raises
    ------
    RequestError
        If a factor is not finite, or there is none.
    """
    chosen = list(factors) if count is None else np.linspace(0, 1, max(count, 2)).tolist()
    if not chosen or not np.isfinite(chosen).all():
        raise RequestError("The factors are not finite numbers.", "Give some from -0.2 to 1.2.")
    return [float(factor) for factor in chosen]
