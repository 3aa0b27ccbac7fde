"""Finds a Python that can run the backend. Does not use `bpy`.

The candidates in order: `$LEVELFORM_PYTHON`, the preference, the managed environment, Blender's own
Python.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from .checkup import InterpreterReport, check
from .managed import TorchBuild as TorchBuild
from .managed import managed_python
from .managed import remove as remove

VARIABLE = "LEVELFORM_PYTHON"


class InterpreterSource(StrEnum):
    """Origin of an interpreter, in the order in which they are tried."""

    ENVIRONMENT = "environment"
    PREFERENCE = "preference"
    MANAGED = "managed"
    BLENDER = "blender"


@dataclass(frozen=True)
class Candidate:
    """An interpreter that may run the backend, and the report of its check."""

    source: InterpreterSource
    python: str
    report: InterpreterReport


Backend = Candidate  # one whose report is usable


def candidates(
    preference: str, user_folder: str | Path, *, quick: bool = True
) -> Iterator[Candidate]:
    """Check one interpreter after the other, and yield each with its report.

    `preference` is the path that the user chose, or empty; the extension's `user_folder` contains
    the managed environment.

    A quick check takes some 50 ms each; a thorough one imports everything and takes seconds.
    """
    for source, python in places(preference, user_folder):
        yield Candidate(source, python, check(python, quick=quick))


def places(preference: str, user_folder: str | Path) -> list[tuple[InterpreterSource, str]]:
    """Return the interpreters to check."""
    managed = managed_python(user_folder)
    known = [
        (InterpreterSource.ENVIRONMENT, os.environ.get(VARIABLE, "")),
        (InterpreterSource.PREFERENCE, preference),
        (InterpreterSource.MANAGED, str(managed) if managed.exists() else ""),
        (InterpreterSource.BLENDER, sys.executable or ""),
    ]
    return [(source, os.path.expanduser(python)) for source, python in known if python]
