"""How Blender watches a terminal command: progress in a file, cancellation by standard input."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from ..geometry.writing import written_whole
from ..ticket import Step, Ticket
from . import progress

TELL_EVERY = 0.5  # seconds between two writes of the progress


def add_until_input_ends(parser: argparse.ArgumentParser) -> None:
    """Add the option that ends a command when Blender closes its standard input, or quits."""
    parser.add_argument(
        "--until-input-ends",
        action="store_true",
        help="stop when standard input is closed (used by Blender's panel)",
    )


def on_input_end(ask: Callable[[], None]) -> None:
    """Call `ask` when standard input ends."""

    def listen() -> None:
        sys.stdin.read()
        ask()

    Thread(target=listen, daemon=True).start()


@contextmanager
def watched_progress(path: str | None, *, until_input_ends: bool) -> Iterator[Ticket]:
    """Give a ticket that shows a bar and writes its progress to a file.

    Parameters
    ----------
    path
        A JSON file: `progress`, 0 to 1; replaced at most twice a second. None: no file.
    until_input_ends
        Cancel when standard input ends.
    """
    ended = False
    told = float("-inf")

    def ask() -> None:
        nonlocal ended
        ended = True

    if until_input_ends:
        on_input_end(ask)
    with progress() as bar:

        def report(step: Step) -> None:
            nonlocal told
            bar.advance(step.overall)
            if path is not None and time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                with written_whole(Path(path)) as partial:
                    partial.write_text(json.dumps({"progress": step.overall}) + "\n")

        yield Ticket(report, lambda: ended)
