"""`batch`: many objects, each to a mesh file of its own."""

import argparse
from collections.abc import Iterator
from typing import Any

import bpy

from ...backend.contract import batch_words
from ...backend.contract.batch import Item, ItemKind
from ..data.batch import batch_lines
from ..jobs.requests import begin
from ..jobs.running import Running
from ..jobs.session import live
from ..scene.views import ViewSource
from .bar import Bar
from .sources import add_object, chosen_views, settings_of, volume_of

# Arguments that change no result.
_APART = ("source", "out", "suffix", "part", "again", "run", "show")


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command, with the choices of `reconstruct`."""
    parser = commands.add_parser("batch", help=batch_words.HELP)
    batch_words.add_arguments(parser, scenes=True)
    add_object(parser)
    parser.set_defaults(run=_batch, show=batch_words.in_words)


def _batch(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Reconstruct the objects; yield a line for each."""
    live.ask_methods()  # to refuse unknown options before any work
    settings = settings_of(args, bpy.context.scene)  # of all sources except .blend files
    given = {name: word for name, word in vars(args).items() if name not in _APART}
    with Bar() as bar:
        for line in batch_lines(
            args.source,
            args.out,
            lambda item, source: _begin_item(args, item, source),
            batch_words.stamped(given),
            method=settings.method,
            suffix=args.suffix,
            fuse=args.fuse,
            part=args.part,
            again=args.again,
            report=lambda title, progress: bar.show(progress, title),
            come_back=False,
        ):
            bar.clear()
            yield line


def _begin_item(args: argparse.Namespace, item: Item, source: ViewSource) -> Running:
    """Begin one item's job, with the arguments that a `reconstruct` of it alone would have."""
    # The source of a scene is its cameras.
    words = [] if item.kind is ItemKind.SCENE else [str(item.source)]
    fuse = args.fuse or item.kind is ItemKind.IMAGES
    alone = argparse.Namespace(**{**vars(args), "source": words, "fuse": fuse})
    scene = bpy.context.scene
    settings, volume = settings_of(alone, scene), volume_of(alone, scene)
    return begin(chosen_views(source, args.views), settings, volume=volume, name=item.name)
