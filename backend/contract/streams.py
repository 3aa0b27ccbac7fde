"""Writes to standard streams that may be closed, full or replaced: all of it, or an error.

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
    """Open the null device in place of closed standard streams.

    Otherwise a file opened later gets the free descriptor, and libraries print into it. Standard
    output escapes characters that it can't encode.
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
    """Tell whether a stream is a terminal; one that can't tell counts as not."""
    try:
        return bool(stream is not None and stream.isatty())
    except (AttributeError, OSError, ValueError):
        return False


def complain(line: str) -> None:
    """Print a line on standard error; failures are ignored."""
    with suppress(AttributeError, OSError, ValueError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def answer(write: Callable[[], Any], stream: TextIO | None = None) -> None:
    """Print a result on standard output and flush it.

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
        If the result can't be printed; the work itself is done.
    """
    try:
        if "stdout" in _lost:
            raise OSError("standard output is closed")
        write()
        stream = stream or sys.stdout
        if stream is not None and hasattr(stream, "flush"):  # a replacement may lack it
            stream.flush()
    except BrokenPipeError:
        close_output(stream)
        raise
    except (OSError, ValueError) as error:
        close_output(stream)
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise WorkError(
            f"The work is done, but its result could not be printed: {reason}.",
            "Redirect standard output to a writable place.",
        ) from error


def close_output(stream: TextIO | None = None) -> None:
    """Discard the rest of the output, so that flushing at exit raises no error."""
    with suppress(OSError, ValueError, AttributeError):
        number = (stream or sys.stdout).fileno()
        empty = os.open(os.devnull, os.O_WRONLY)
        os.dup2(empty, number)
        os.close(empty)


def json_text(value: Any) -> str:
    """Return a value as one line of strict JSON; NaN and infinities become null."""
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value: Any) -> Any:
    """Convert numpy numbers and arrays, and paths, to JSON types."""
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
    """Standard error for libraries; drops the output if the stream is full or closed."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """Write if possible; return the length of the text."""
        with suppress(AttributeError, OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush if possible."""
        with suppress(AttributeError, OSError, ValueError):
            sys.stderr.flush()

    def isatty(self) -> bool:
        """Tell whether standard error is a terminal."""
        return is_terminal(sys.stderr)

    def fileno(self) -> int:
        """Return the stream's descriptor; a replaced stream may lack one."""
        return sys.stderr.fileno()
