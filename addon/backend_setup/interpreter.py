"""The Python that runs the backend: the search for it, and its installation.

Checking a candidate takes a process, so the search proceeds step by step in the session's timer,
and its result is kept for the panels; a job that starts before searches synchronously.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import bpy

from ...backend.contract.errors import RequestError
from . import builds, candidates, install, requirements, user_preferences
from .candidates import Backend, Candidate, InterpreterSource
from .checkup import InterpreterCheck, is_executable
from .install import Installation, InstallState

RUN_SCRIPT = ("--background", "--factory-startup", "--python-exit-code", "1", "--python")
WORDS = {
    InterpreterSource.ENVIRONMENT: f"${candidates.VARIABLE}",
    InterpreterSource.PREFERENCE: "The preferences' Python",
    InterpreterSource.MANAGED: "The installed backend",
    InterpreterSource.BLENDER: "Blender's own Python",
}


class CandidateSearch:
    """A check of every candidate, one after the other; `poll` until it is over.

    Attributes
    ----------
    checked : the candidates checked so far
    over : all candidates are checked
    """

    def __init__(self, *, quick: bool) -> None:
        self.checked: list[Candidate] = []
        self.over = False
        self._quick = quick
        self._places: Iterator[tuple[InterpreterSource, str]] = iter(
            candidates.places(user_preferences.python(), user_folder())
        )
        self._current: tuple[InterpreterSource, str, InterpreterCheck] | None = None

    def poll(self) -> bool:
        """Do what can be done without blocking; return whether it is still running."""
        if self._current is None:
            self._next()
        else:
            source, python, check = self._current
            report = check.poll()
            if report is not None:
                self.checked.append(Candidate(source, python, report))
                self._current = None
        return not self.over

    def _next(self) -> None:
        place = next(self._places, None)
        if place is None:
            self.over = True
            return
        check = InterpreterCheck(place[1], quick=self._quick)
        check.start()
        self._current = (*place, check)

    def stop(self) -> None:
        """Stop it."""
        if self._current is not None:
            self._current[2].stop()
        self.over = True


class Interpreter:
    """The candidates of the last search, and the current installation.

    Attributes
    ----------
    candidates : the result of the last search; None before the first
    thorough : whether the last search imported the libraries
    looking : the running search; None if none is running
    installation : the running installation, or the last one; None before the first
    """

    def __init__(self) -> None:
        self.candidates: tuple[Candidate, ...] | None = None
        self.thorough = False
        self.looking: CandidateSearch | None = None
        self.installation: Installation | None = None

    @property
    def backend(self) -> Backend | None:
        """The first usable candidate; None if there is none, or before the first search."""
        return next((c for c in self.candidates or () if c.report.usable), None)

    @property
    def installing(self) -> Installation | None:
        """The running installation; None if none is running."""
        active = self.installation is not None and self.installation.active
        return self.installation if active else None

    def look(self, *, quick: bool = True) -> None:
        """Begin a search; `poll` continues it."""
        if self.looking is not None:
            self.looking.stop()
        self.looking, self.thorough = CandidateSearch(quick=quick), not quick

    def find(self) -> Backend:
        """Return the backend; search now if it is unknown, which takes a moment.

        Raises
        ------
        RequestError
            If there is none.
        """
        if self.backend is None:
            self.candidates = tuple(
                candidates.candidates(user_preferences.python(), user_folder(), quick=True)
            )
        backend = self.backend
        if backend is None:
            raise RequestError(
                "No Python with torch was found to run the backend.",
                "Press Install Backend, or choose a Python in the preferences.",
            )
        return backend

    def begin_install(self, *, repair: bool = False, photographs: bool = False) -> None:
        """Begin to build the managed environment, according to the preferences.

        Raises
        ------
        LevelformError
            If the network is needed and not allowed, or the folder can't be written.
        """
        installation = Installation(install_plan(repair=repair, photographs=photographs))
        installation.start()
        self.installation = installation

    def finish(self) -> None:
        """Block until the installation has ended.

        Raises
        ------
        LevelformError
            If it failed.
        """
        while self.poll():
            time.sleep(0.02)
        if self.failed is not None and self.failed.failure is not None:
            raise self.failed.failure

    def remove(self) -> None:
        """Remove the managed environment.

        Raises
        ------
        WorkError
            If it can't be removed.
        """
        install.remove(user_folder())
        self.installation = None
        self.candidates = None
        self.look()

    def poll(self) -> bool:
        """Continue the running search and installation; return whether one is still running."""
        if self.installing is not None and not self.installing.poll():
            self.look()
        if self.looking is not None and not self.looking.poll():
            self.candidates = tuple(self.looking.checked)
            self.looking = None
        return self.looking is not None or self.installing is not None

    def told(self) -> list[str]:
        """Return the sentences shown before an installation: size, place, duration, licences."""
        plan = install_plan()
        return builds.needs(plan, python=requirements.needs_download(plan))

    def snapshot(self) -> object:
        """Return the state shown by the panels, to detect when they must be redrawn."""
        under_way = self.installation
        shown = under_way and (under_way.state, under_way.message, round(under_way.progress, 2))
        return (shown, self.candidates, self.looking is None)

    def stop(self) -> None:
        """Stop the running search and installation; the latter can be continued later."""
        if self.looking is not None:
            self.looking.stop()
            self.looking = None
        if self.installing is not None:
            self.installing.cancel()

    @property
    def failed(self) -> Installation | None:
        """The last installation if it failed, else None."""
        failed = self.installation and self.installation.state is InstallState.FAILED
        return self.installation if failed else None


here = Interpreter()


def install_plan(*, repair: bool = False, photographs: bool = False) -> install.InstallPlan:
    """Return the plan of the managed environment, according to the preferences."""
    chosen = user_preferences.get()
    return install.InstallPlan(
        user_folder(),
        build=install.TorchBuild(chosen.build.lower()),
        wheels=bpy.path.abspath(chosen.wheels) if chosen.wheels else "",
        online_access=bpy.app.online_access,
        runner=blender_runner(),
        system_certs=chosen.system_certs,
        repair=repair,
        photographs=photographs,
    )


def blender_runner() -> tuple[str, ...]:
    """Return Blender's command to run a script; empty if its Python is a program."""
    if is_executable(sys.executable or "") or not bpy.app.binary_path:
        return ()
    return (bpy.app.binary_path, *RUN_SCRIPT)


def user_folder() -> str:
    """Return the extension's user folder, which may not exist yet."""
    try:
        return bpy.utils.extension_path_user(user_preferences.EXTENSION)
    except ValueError:  # imported as a plain package, by tests and scripts
        return os.path.join(bpy.utils.user_resource("CONFIG"), "levelform")


def managed_folder() -> str:
    """Return the folder of the managed environment."""
    return str(install.InstallPlan(user_folder()).folder)


def doctor() -> dict[str, Any]:
    """Check all candidates thoroughly, which takes seconds.

    Returns
    -------
    JSON-compatible: `usable`, `python` (the one to be used, or None) and `candidates`, each with
    its `source`, `python`, `used` and the fields of its `Report`.
    """
    here.candidates = tuple(
        candidates.candidates(user_preferences.python(), user_folder(), quick=False)
    )
    here.thorough = True
    used = here.backend
    return {
        "usable": used is not None,
        "python": used.python if used else None,
        "candidates": [
            {
                "used": candidate is used,
                "source": WORDS[candidate.source],
                **_plain(asdict(candidate.report)),
            }
            for candidate in here.candidates
        ],
    }


def describe(candidate: Candidate) -> str:
    """Return one line about a candidate: its versions and devices, or its problem."""
    report = candidate.report
    if not report.usable:
        return report.problem
    parts = [f"Python {report.python}"]
    if report.torch or report.libraries.get("torch"):
        parts.append(f"torch {report.torch or report.libraries['torch']}")
    parts += report.devices
    if report.lacking:
        parts.append(f"without {', '.join(report.lacking)}")
    return ", ".join(parts)


def _plain(value: Any) -> Any:
    """Convert a value to types that JSON supports."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return list(value) if isinstance(value, tuple) else value
