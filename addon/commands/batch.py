"""`blender --command levelform batch`: the words; what they do is `batch`."""

import argparse
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from ...backend.contract import batch_words
from ...backend.contract.batch import Item, ItemKind
from ...backend.contract.protocol import Progress
from ...backend.contract.settings import Settings
from ..data.batch import batch_lines
from ..jobs.session import Running
from ..scene.views import ViewSource

# Of the words, those that change no result.
_APART = ("source", "out", "suffix", "part", "again", "run", "show")


class Bar(Protocol):
    """A progress bar on a terminal."""

    def show(self, progress: Progress | None, title: str = "") -> None: ...


def add_batch(
    commands: "argparse._SubParsersAction[Any]",
    add_choices: Callable[[argparse.ArgumentParser], None],
    run: Callable[[argparse.Namespace], Iterator[dict[str, Any]]],
) -> None:
    """Add the command, with the choices of `reconstruct`."""
    parser = commands.add_parser("batch", help=batch_words.HELP)
    batch_words.add_arguments(parser, scenes=True)
    add_choices(parser)
    parser.set_defaults(run=run, show=batch_words.in_words)


def run_batch(
    args: argparse.Namespace,
    settings: Settings,
    begin: Callable[[argparse.Namespace, Item, ViewSource], Running],
    bar: Bar,
) -> Iterator[dict[str, Any]]:
    """Make the objects; yield a line each.

    Parameters
    ----------
    settings
        What the words mean for all sources but .blend files, which bring their own.
    begin
        Begins one item's job, with the words as they would be of a `reconstruct` of it alone.
    """

    def begin_one(item: Item, source: ViewSource) -> Running:
        words = [] if item.kind is ItemKind.SCENE else [str(item.source)]  # of a scene: its cameras
        fuse = args.fuse or item.kind is ItemKind.IMAGES
        alone = argparse.Namespace(**{**vars(args), "source": words, "fuse": fuse})
        return begin(alone, item, source)

    given = {name: word for name, word in vars(args).items() if name not in _APART}
    return batch_lines(
        args.source,
        args.out,
        begin_one,
        batch_words.stamped(given),
        method=settings.method,
        suffix=args.suffix,
        fuse=args.fuse,
        part=args.part,
        again=args.again,
        report=lambda title, progress: bar.show(progress, title),
        come_back=False,
    )
