"""`levelform batch`: make one mesh file for each image, folder of images or camera file."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..contract import batch_words
from ..contract.batch import Item, ItemKind, check_cameras, find_items, parse_part
from ..contract.batch_run import FAILED, Made, Shelf, run_batch
from ..contract.camera_files import find_camera_file
from ..contract.default_method import AUTO
from ..contract.words import parse_views
from . import progress
from .reconstruct import add_choices, check_finish, read_choices, with_views, write_result

HELP = batch_words.HELP


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sources, the folder and all options of `reconstruct`."""
    batch_words.add_arguments(parser, scenes=False)
    add_choices(parser)


def run(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Check the request, then make the objects one after the other, one line each.

    Raises
    ------
    RequestError
        If the request is wrong for all objects; nothing is made then.
    """
    from ..geometry.mesh_files import check_format
    from ..reconstructors import methods
    from ..session import Session

    suffix = batch_words.suffix_of(args.suffix)
    check_format(f"mesh{suffix}")
    for words, parse in ((args.part, parse_part), (args.views, parse_views)):
        if words is not None:
            parse(words)
    session = Session()
    choices = read_choices(args, session)
    check_finish(choices, f"mesh{suffix}")
    plan = find_items(
        args.source, out=args.out, scenes=False, fuse=args.fuse, find_cameras=find_camera_file
    )
    session.prepare(choices)
    if choices.method != AUTO:
        known = methods()[choices.method].spec
        check_cameras(plan, choices.method, needs_camera=known.needs_camera)

    def make(item: Item, path: Path, title: str) -> Made:
        wish = replace(choices, fuse=choices.fuse or item.kind is ItemKind.IMAGES)
        with progress(title) as ticket:
            request = with_views(wish, [str(item.source)], args.views)
            stats = write_result(session, request, path, ticket)
        files = (view.file for view in request.views if view.file)
        return Made(stats, tuple(path for file in files for path in (file.path, file.mask) if path))

    return run_batch(
        plan,
        Shelf(args.out, suffix),
        make,
        batch_words.settings_of(choices, views=args.views),
        part=args.part,
        again=args.again,
    )


def show(result: dict[str, Any]) -> None:
    """Print the outcome of an object, or the counts at the end."""
    stream = sys.stderr if result.get("state") == FAILED else sys.stdout
    print(batch_words.in_words(result), file=stream, flush=True)
