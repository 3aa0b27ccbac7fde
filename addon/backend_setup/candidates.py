"""Where a Python that runs the backend may be, and which is used. Knows no `bpy`.

The order is the design's: `$LEVELFORM_PYTHON`, the preference, the managed environment, Blender's
own Python.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from .checkup import Report, check
from .managed import Build as Build
from .managed import is_partial as is_partial
from .managed import managed_python
from .managed import remove as remove

VARIABLE = "LEVELFORM_PYTHON"


class InterpreterSource(StrEnum):
    """Where an interpreter was looked for, in the order in which they are tried."""

    ENVIRONMENT = "environment"
    PREFERENCE = "preference"
    MANAGED = "managed"
    BLENDER = "blender"


@dataclass(frozen=True)
class Candidate:
    """An interpreter that may run the backend, and what it has."""

    source: InterpreterSource
    python: str
    report: Report


Backend = Candidate  # one whose report is usable


def find_backend(preference: str, user_folder: str | Path) -> Backend | None:
    """Return the first interpreter that has what the backend needs, as a quick look tells.

    Parameters
    ----------
    preference
        The path that the user chose; may be empty.
    user_folder
        Where the extension may write; the managed environment is in it.
    """
    looks = candidates(preference, user_folder, quick=True)
    return next((candidate for candidate in looks if candidate.report.usable), None)


def candidates(
    preference: str, user_folder: str | Path, *, quick: bool = True
) -> Iterator[Candidate]:
    """Look at one interpreter after the other, and yield each with what was found.

    A quick look takes some 50 ms each, another one imports everything and takes seconds.
    """
    for source, python in places(preference, user_folder):
        yield Candidate(source, python, check(python, quick=quick))


def places(preference: str, user_folder: str | Path) -> list[tuple[InterpreterSource, str]]:
    """Return the interpreters to look at, without looking."""
    managed = managed_python(user_folder)
    found = [
        (InterpreterSource.ENVIRONMENT, os.environ.get(VARIABLE, "")),
        (InterpreterSource.PREFERENCE, preference),
        (InterpreterSource.MANAGED, str(managed) if managed.exists() else ""),
        (InterpreterSource.BLENDER, sys.executable or ""),
    ]
    return [(source, os.path.expanduser(python)) for source, python in found if python]
