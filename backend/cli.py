"""`levelform`, the terminal's command: runs a sub-command and reports its outcome.

Exit status: 0 done, 1 the work failed, 2 the request was wrong, 130 interrupted. With `--json` the
standard output holds one JSON object and nothing else in every case (`batch`: one a line).
"""

import argparse
import contextlib
import logging
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

from . import commands, launch
from .contract import streams
from .contract.errors import LevelformError, RequestError
from .contract.unexpected import internal_error
from .contract.words import LineParser

PROGRAM = "levelform"
INTERRUPTED = 130
JSON, DEBUG = "--json", "--debug"
BUG_HINT = "Run it again with --debug and report what it shows."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    launch.let_waiting_threads_sleep()
    streams.mend_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json, debug = JSON in given, DEBUG in given  # allowed in any position
    words = [word for word in given if word not in (JSON, DEBUG)]
    logging.raiseExceptions = False  # a full standard error should not cause a traceback
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, stream=sys.stderr)
    try:
        return _run(words, as_json=as_json)
    except KeyboardInterrupt:
        return _fail(LevelformError("Stopped."), INTERRUPTED, as_json=as_json, debug=False)
    except BrokenPipeError:  # the reader of the output is gone, such as `head`
        return 1
    except LevelformError as error:
        return _fail(error, error.exit_status, as_json=as_json, debug=debug)
    except Exception as error:
        return _fail(internal_error(error, BUG_HINT), 1, as_json=as_json, debug=debug)


def _run(words: Sequence[str], *, as_json: bool) -> int:
    """Find the command, run it, print its result."""
    if not words:
        raise RequestError("No command is given.", f"See `{PROGRAM} --help`.")
    if words[0] in ("-h", "--help"):
        streams.answer(lambda: print(_overview()))
        return 0
    if words[0] == "--version":
        streams.answer(lambda: print(f"{PROGRAM} {version()}"))
        return 0
    command = commands.find(words[0])
    args = _parse(command, words[0], words[1:])
    with _library_output(as_json):
        result = command.run(args)
    if isinstance(result, Iterator):
        return _print_each(command, result, as_json=as_json)
    _print(command, result, as_json=as_json)
    return 0


def _print_each(
    command: commands.Command, results: Iterator[dict[str, Any]], *, as_json: bool
) -> int:
    """Print results as they come; return the last one's exit status."""
    status = 0
    while True:
        with _library_output(as_json):
            result = next(results, None)
        if result is None:
            return status
        _print(command, result, as_json=as_json)
        status = result.get("status", 0)


def _print(command: commands.Command, result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        text = streams.json_text(result)
        streams.answer(lambda: print(text))
    else:
        streams.answer(lambda: command.show(result))


def _library_output(as_json: bool) -> contextlib.AbstractContextManager[Any]:
    """Keep the output of libraries out of the JSON."""
    kept_out = contextlib.redirect_stdout(streams.Forgiving())
    return kept_out if as_json else contextlib.nullcontext()


def _parse(command: commands.Command, name: str, words: Sequence[str]) -> argparse.Namespace:
    parser = LineParser(
        prog=f"{PROGRAM} {name}",
        description=f"{command.HELP[:1].upper()}{command.HELP[1:]}.",
        epilog="All commands: --json prints one JSON object and nothing else on standard output; "
        "--debug shows tracebacks and debug messages.",
    )
    command.add_arguments(parser)
    expanded = getattr(command, "expanded", list)
    return parser.parse_args(expanded(words))


def _overview() -> str:
    lines = ["Turns images into meshes.", "", f"usage: {PROGRAM} COMMAND ...", ""]
    known = commands.names()
    width = max(map(len, known), default=0)
    lines += [f"  {name:<{width}}  {commands.find(name).HELP}" for name in known]
    return "\n".join([*lines, "", f"`{PROGRAM} COMMAND --help` describes a command."])


def version() -> str:
    """Return the installed version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(PROGRAM)
    except PackageNotFoundError:
        return "unknown"


# ---------------------------------------------------------------- failures


def _fail(error: LevelformError, status: int, *, as_json: bool, debug: bool) -> int:
    """Print an error as one line, and as a JSON object if requested."""
    if debug:
        streams.complain(traceback.format_exc())
    streams.complain(f"{PROGRAM}: {' '.join(str(error).split())}")
    if as_json:
        told = {"error": error.message, "hint": error.hint, "status": status}
        with contextlib.suppress(
            LevelformError, BrokenPipeError
        ):  # nobody reads: only the exit status remains
            streams.answer(lambda: print(streams.json_text(told)))
    return status
