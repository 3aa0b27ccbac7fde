"""The terminal's commands, one file each; a new file in this folder is a new command.

A command's file has `HELP` (one line), `add_arguments(parser)`, `run(args) -> dict` (the JSON
object) and `show(result)` (prints it for a person). A command with many results may return an
iterator instead: each object is printed as soon as it arrives, and the last one's `status` is the
exit status. It may also have `expanded(words)`, which returns the words with those that a person
may leave out. A trailing underscore in the file's name is dropped (`import_.py` is `levelform
import`); files with a leading underscore are not commands.
"""

import argparse
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Protocol, cast

from ..contract.errors import RequestError
from ..contract.streams import is_terminal
from ..ticket import Step, Ticket


class Command(Protocol):
    """The contents of a command's file."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, args: argparse.Namespace) -> dict[str, Any] | Iterator[dict[str, Any]]: ...
    def show(self, result: dict[str, Any]) -> None: ...


def names() -> dict[str, str]:
    """Return the commands sorted by name, each with its module's name."""
    modules = [module.name for module in pkgutil.iter_modules(__path__)]
    return {name.rstrip("_"): name for name in sorted(modules) if not name.startswith("_")}


def find(name: str) -> Command:
    """Return a command by its name; only its own file is imported.

    Raises
    ------
    RequestError
        If there is no such command.
    """
    known = names()
    if name not in known:
        raise RequestError(f"{name!r} is not a command.", f"Choose one of {', '.join(known)}.")
    return cast(Command, import_module(f"{__name__}.{known[name]}"))


@contextmanager
def progress(
    title: str = "",
    *,
    also: Callable[[Step], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[Ticket]:
    """Give a ticket with a progress bar on standard error; no bar if that is piped.

    A title, such as "Model 2 of 5", precedes the name of the stage. Steps are also reported to
    `also`; `cancelled` is the ticket's.
    """
    from tqdm import tqdm

    shape = "{desc:<18} {percentage:3.0f}%|{bar:30}| {elapsed}"
    before = f"{title}: " if title else ""
    quiet = not is_terminal(sys.stderr)
    with tqdm(total=1.0, bar_format=shape, disable=quiet, leave=False, file=sys.stderr) as bar:

        def report(step: Step) -> None:
            bar.set_description_str(before + step.stage, refresh=False)
            bar.update(max(step.overall - bar.n, 0.0))
            if also is not None:
                also(step)

        yield Ticket(report, cancelled)


def parse_count(word: str) -> tuple[str, int]:
    """Parse NAME=COUNT to a set of points and a number.

    Raises
    ------
    RequestError
        If the syntax is wrong or the number is 0.
    """
    name, _, count = word.partition("=")
    if not count.isdecimal() or int(count) == 0:
        raise RequestError(f"{word!r} does not say how many points.", "Write it as uniform=512.")
    return name, int(count)
