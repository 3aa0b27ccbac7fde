"""Reserves standard output for answers, whatever Blender and its exporters print."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TextIO

from ...backend.contract.streams import Forgiving

OUT, ERROR = 1, 2  # the process's streams; Blender's own code writes to them too


@contextmanager
def answers_alone() -> Iterator[TextIO]:
    """Provide standard output; everything else printed meanwhile goes to the error stream."""
    python = sys.stdout
    _flush()
    try:
        kept = os.dup(OUT)
        os.dup2(ERROR, OUT)
    except OSError:  # a process without streams, such as a window on Windows
        yield python
        return
    try:
        with redirect_stdout(Forgiving()):
            if _writes_to(python, OUT):
                with os.fdopen(os.dup(kept), "w", encoding="utf-8") as file:
                    yield file
            else:  # only Python's stream is captured
                yield python
    finally:
        _flush()
        os.dup2(kept, OUT)
        os.close(kept)


def _writes_to(stream: TextIO, descriptor: int) -> bool:
    with suppress(OSError, ValueError, AttributeError):
        return stream.fileno() == descriptor
    return False


def _flush() -> None:
    """Flush the buffers of Python and the C library."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    with suppress(OSError, TypeError, AttributeError):  # a system without a single C library
        ctypes.CDLL(None).fflush(None)
