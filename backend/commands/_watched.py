"""Long work of a terminal command that another process may watch and stop.

Progress is drawn as a bar, and written to a file if one is named. The work stops when it is
interrupted, or, where that was asked for, when its standard input ends: Blender starts such
commands, and they end with it.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

from ..ticket import Step, Ticket
from . import progress

INTERVAL = 0.25  # seconds between two writes of the progress file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how the command is watched."""
    parser.add_argument("--progress", metavar="FILE", help="write the progress to a JSON file")
    parser.add_argument(
        "--until-input-ends", action="store_true", help="stop when standard input is closed"
    )


@contextmanager
def stoppable(*, until_input_ends: bool) -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether to stop: after SIGINT, SIGTERM, or the input's end."""
    asked = False

    def ask(*_: Any) -> None:
        nonlocal asked
        asked = True

    def listen() -> None:
        sys.stdin.read()
        ask()

    if until_input_ends:
        Thread(target=listen, daemon=True).start()
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def watched(args: argparse.Namespace) -> Iterator[Ticket]:
    """Yield a ticket whose progress is drawn and written, and which `stoppable` cancels."""
    told = _Told(Path(args.progress)) if args.progress else None
    with (
        stoppable(until_input_ends=args.until_input_ends) as asked,
        progress(also=told, cancelled=asked) as ticket,
    ):
        yield ticket


class _Told:
    """Writes steps to a file, beside it and moved into place; not too often."""

    def __init__(self, path: Path) -> None:
        self._path, self._last, self._stage = path, 0.0, ""

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        if now - self._last < INTERVAL and step.stage == self._stage and step.fraction < 1:
            return
        self._last, self._stage = now, step.stage
        told = {"stage": step.stage, "fraction": step.fraction, "overall": step.overall}
        partial = self._path.with_name(f"{self._path.name}.part")
        with suppress(OSError):  # another try comes soon
            partial.write_text(json.dumps(told))
            os.replace(partial, self._path)
