"""Standard streams that may be closed, full, or replaced: what is printed is whole or says why not.

Imports the standard library alone: Blender's side and the worker's share this file.
"""

import json
import math
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from .errors import WorkError

_MODES = (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)
_lost: set[str] = set()  # streams that were closed when the process began


def mend_streams() -> None:
    """Put an empty device where a standard stream is closed.

    Else a file that is opened later takes its number, and whatever a library prints goes into it.
    What can't be encoded is printed as an escape.
    """
    for number, mode in enumerate(_MODES):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                opened = os.open(os.devnull, mode)
                if opened != number:
                    os.dup2(opened, number)
                    os.close(opened)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            _lost.add(name)
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - as long as the process
        elif name == "stdout" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a person sees a stream; one that can't say is none."""
    try:
        return bool(stream is not None and stream.isatty())
    except (AttributeError, OSError, ValueError):
        return False


def complain(line: str) -> None:
    """Print a line on standard error, if that is possible: nothing else hangs on it."""
    with suppress(AttributeError, OSError, ValueError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def answer(write: Callable[[], Any], stream: TextIO | None = None) -> None:
    """Print a result on standard output, to the last byte.

    Parameters
    ----------
    write
        Prints it.
    stream
        Where to; None: standard output.

    Raises
    ------
    BrokenPipeError
        If the reader has gone, as `head` does.
    WorkError
        If it can't be printed: the work is done all the same.
    """
    try:
        if "stdout" in _lost:
            raise OSError("standard output is closed")
        write()
        stream = stream or sys.stdout
        if stream is not None and hasattr(stream, "flush"):  # what replaces it may have none
            stream.flush()
    except BrokenPipeError:
        close_output(stream)
        raise
    except (OSError, ValueError) as error:
        close_output(stream)
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise WorkError(
            f"The work is done, but its result could not be printed: {reason}.",
            "Send standard output to a place that takes it.",
        ) from error


def close_output(stream: TextIO | None = None) -> None:
    """Let what is left of the output go nowhere, so that nothing complains at the end."""
    with suppress(OSError, ValueError, AttributeError):
        number = (stream or sys.stdout).fileno()
        empty = os.open(os.devnull, os.O_WRONLY)
        os.dup2(empty, number)
        os.close(empty)


def json_text(value: Any) -> str:
    """Return a value as one line of JSON that every reader takes: what is no number is null."""
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value: Any) -> Any:
    """Return numbers and arrays of numpy, and paths, as JSON knows them."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


class Forgiving:
    """Standard error for what libraries print: where it is full or closed, that is lost."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """Write, if that is possible."""
        with suppress(AttributeError, OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if that is possible."""
        with suppress(AttributeError, OSError, ValueError):
            sys.stderr.flush()

    def isatty(self) -> bool:
        """Say whether a person sees it."""
        return is_terminal(sys.stderr)

    def fileno(self) -> int:
        """Return the stream's number, which a replaced one may lack."""
        return sys.stderr.fileno()
