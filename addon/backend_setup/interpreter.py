"""Which Python runs the backend, as Blender's side knows it: what was found, and an installation.

Looking costs a process for each candidate, so it is done step by step by the session's timer, and
the outcome is kept for the panels; a job that comes before it is known looks at once.
"""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import bpy

from ...backend.contract.errors import RequestError
from . import install, user_preferences
from .checkup import Check
from .install import Backend, Candidate, Installation, InstallState

WORDS = {
    install.InterpreterSource.ENVIRONMENT: f"${install.VARIABLE}",
    install.InterpreterSource.PREFERENCE: "The preferences' Python",
    install.InterpreterSource.MANAGED: "The installed backend",
    install.InterpreterSource.BLENDER: "Blender's own Python",
}


class CandidateSearch:
    """A look at every candidate, one after the other; `poll` until it is over.

    Attributes
    ----------
    found : the candidates that were looked at so far
    over : nothing is left to look at
    """

    def __init__(self, *, quick: bool) -> None:
        self.found: list[Candidate] = []
        self.over = False
        self._quick = quick
        self._places: Iterator[tuple[install.InterpreterSource, str]] = iter(
            install.places(user_preferences.python(), user_folder())
        )
        self._current: tuple[install.InterpreterSource, str, Check] | None = None

    def poll(self) -> bool:
        """Do what can be done now; true while it goes on."""
        if self._current is None:
            self._next()
        else:
            source, python, check = self._current
            report = check.poll()
            if report is not None:
                self.found.append(Candidate(source, python, report))
                self._current = None
        return not self.over

    def _next(self) -> None:
        place = next(self._places, None)
        if place is None:
            self.over = True
            return
        check = Check(place[1], quick=self._quick)
        check.start()
        self._current = (*place, check)

    def stop(self) -> None:
        """End it early."""
        if self._current is not None:
            self._current[2].stop()
        self.over = True


class Interpreter:
    """What was found, and the installation that is under way.

    Attributes
    ----------
    candidates : what the last look found; None before the first
    thorough : the last look imported the libraries
    looking : the look under way; None: none
    installation : the one under way, or the last; None before the first
    """

    def __init__(self) -> None:
        self.candidates: tuple[Candidate, ...] | None = None
        self.thorough = False
        self.looking: CandidateSearch | None = None
        self.installation: Installation | None = None

    @property
    def backend(self) -> Backend | None:
        """The first candidate that runs the backend; None if there is none or nobody looked."""
        return next((c for c in self.candidates or () if c.report.usable), None)

    @property
    def installing(self) -> Installation | None:
        """The installation under way."""
        active = self.installation is not None and self.installation.active
        return self.installation if active else None

    def look(self, *, quick: bool = True) -> None:
        """Begin to look at the candidates; `poll` goes on with it."""
        if self.looking is not None:
            self.looking.stop()
        self.looking, self.thorough = CandidateSearch(quick=quick), not quick

    def find(self) -> Backend:
        """Return the backend; look at once if nobody has, which takes a moment.

        Raises
        ------
        RequestError
            If there is none.
        """
        if self.backend is None:
            self.candidates = tuple(
                install.candidates(user_preferences.python(), user_folder(), quick=True)
            )
        backend = self.backend
        if backend is None:
            raise RequestError(
                "No Python with torch was found to run the backend.",
                "Press Install Backend, or choose a Python in the preferences.",
            )
        return backend

    def begin_install(self, *, repair: bool = False) -> None:
        """Begin to build the managed environment as the preferences say.

        Raises
        ------
        LevelformError
            If the network is needed and not allowed, or the folder can't be written.
        """
        installation = Installation(install_plan(repair=repair))
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
        """Go on with what is under way; true while there is something."""
        if self.installing is not None and not self.installing.poll():
            self.look()
        if self.looking is not None and not self.looking.poll():
            self.candidates = tuple(self.looking.found)
            self.looking = None
        return self.looking is not None or self.installing is not None

    def snapshot(self) -> object:
        """Return what the panels show, to tell when they must be drawn again."""
        under_way = self.installation
        shown = under_way and (under_way.state, under_way.message, round(under_way.progress, 2))
        return (shown, self.candidates, self.looking is None)

    def stop(self) -> None:
        """End what is under way; an installation goes on another time."""
        if self.looking is not None:
            self.looking.stop()
            self.looking = None
        if self.installing is not None:
            self.installing.cancel()

    @property
    def failed(self) -> Installation | None:
        """The last installation, if it failed."""
        failed = self.installation and self.installation.state is InstallState.FAILED
        return self.installation if failed else None


here = Interpreter()


def install_plan(*, repair: bool = False) -> install.InstallPlan:
    """Return what the preferences say of the managed environment."""
    chosen = user_preferences.get()
    return install.InstallPlan(
        user_folder(),
        build=install.TorchBuild(chosen.build.lower()),
        wheels=bpy.path.abspath(chosen.wheels) if chosen.wheels else "",
        online_access=bpy.app.online_access,
        repair=repair,
    )


def user_folder() -> str:
    """Return the folder in which the extension may write, which need not exist yet."""
    try:
        return bpy.utils.extension_path_user(user_preferences.EXTENSION)
    except ValueError:  # imported as a plain package, as tests and scripts do
        return os.path.join(bpy.utils.user_resource("CONFIG"), "levelform")


def managed_folder() -> str:
    """Return the folder that an installation fills."""
    return str(install.InstallPlan(user_folder()).folder)


def doctor() -> dict[str, Any]:
    """Return what was found and what is missing, candidate by candidate; takes seconds.

    Returns
    -------
    JSON-able: `usable`, `python` (that would be used, or None) and `candidates`, each with its
    `source`, `python`, `used` and the fields of its `Report`.
    """
    here.candidates = tuple(
        install.candidates(user_preferences.python(), user_folder(), quick=False)
    )
    here.thorough = True
    used = here.backend
    return {
        "usable": used is not None,
        "python": used.python if used else None,
        "candidates": [
            {"used": found is used, "source": WORDS[found.source], **_plain(asdict(found.report))}
            for found in here.candidates
        ],
    }


def describe(candidate: Candidate) -> str:
    """Return one line about a candidate: what it has, or what is wrong with it."""
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
    """Return what JSON knows."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return list(value) if isinstance(value, tuple) else value
