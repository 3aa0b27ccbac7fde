"""`blender [FILE] --command levelform ...`: the terminal's commands, in Blender without a window.

Exit status, as in the terminal: 0 done, 1 the work failed, 2 the request was wrong. `--json` prints
one JSON object on standard output. Without SOURCE, the opened scene's cameras are used.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import bpy

from ...backend.contract import streams
from ...backend.contract.errors import LevelformError
from ...backend.contract.words import LineParser
from ..scene.windows import in_window
from . import backend, batch, cameras, dataset, reconstruct, show
from .answers import answers_alone

COMMAND = "levelform"
INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Run one command; return the exit status."""
    words = [word for word in arguments if word not in ("--json", "--debug")]
    as_json, debug = "--json" in arguments, "--debug" in arguments
    streams.mend_streams()
    with answers_alone() if as_json else nullcontext(sys.stdout) as out:
        try:
            return _run(words, out, as_json=as_json)
        except BrokenPipeError:  # the reader of the output is gone, e.g. `head`
            return 1
        except LevelformError as error:
            if debug:
                raise
            return _fail(error, error.exit_status, out, as_json=as_json)
        except KeyboardInterrupt:
            return _fail(LevelformError("Stopped."), INTERRUPTED, out, as_json=as_json)


def _run(words: Sequence[str], out: TextIO, *, as_json: bool) -> int:
    """Run the command and print its result, or each result as soon as it is known."""
    args = _parser().parse_args(words)
    with in_window():  # not during a batch, which may open a .blend for each object
        result = args.run(args)
    several, status = isinstance(result, Iterator), 0
    for answer in result if several else [result]:
        text = streams.json_text(answer) if as_json else args.show(answer)
        streams.answer(partial(print, text, file=out), out)
        status = answer.get("status", 0) if several else 0
    return status


def _fail(error: LevelformError, status: int, out: TextIO, *, as_json: bool) -> int:
    """Print an error in one line, and as a JSON object if that was requested."""
    streams.complain(f"{COMMAND}: {' '.join(str(error).split())}")
    if as_json:
        told = {"error": error.message, "hint": error.hint, "status": status}
        with suppress(LevelformError, BrokenPipeError):  # no reader: only the status remains
            streams.answer(partial(print, streams.json_text(told), file=out), out)
    return status


def _parser() -> argparse.ArgumentParser:
    program = f"{Path(sys.argv[0]).name} --command {COMMAND}"
    parser = LineParser(
        prog=program,
        description="Turns images into meshes.",
        epilog="Everywhere: --json prints one JSON object; --debug shows tracebacks.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (reconstruct, batch, cameras, dataset, backend, show):
        command.add(commands)
    return parser


_handles: list[Any] = []


def register() -> None:
    """Register `--command levelform` in Blender."""
    _handles.append(bpy.utils.register_cli_command(COMMAND, main))


def unregister() -> None:
    """Unregister it."""
    while _handles:
        bpy.utils.unregister_cli_command(_handles.pop())
