"""Checks an interpreter by running `backend/doctor.py` with it, without blocking.

Does not use `bpy`.
"""

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .environment import clean_environment

DOCTOR = Path(__file__).parents[2] / "backend" / "doctor.py"
_QUICK_PATIENCE = 15.0  # seconds allowed for an interpreter to start
_PATIENCE = 180.0  # seconds allowed for importing torch from a slow disk


@dataclass(frozen=True)
class InterpreterReport:
    """The capabilities of an interpreter; `problem` is empty if it can run the backend.

    Attributes
    ----------
    libraries : version by distribution, None if it is not installed
    missing : required distributions that are not installed
    broken : the reason for a failed import, by distribution
    lacking : optional distributions that are not installed
    devices : names, the fastest first; empty after a quick check
    """

    executable: str
    python: str = ""
    python_ok: bool = False
    libraries: Mapping[str, str | None] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    torch: str | None = None
    problem: str = ""
    hint: str = ""

    @property
    def usable(self) -> bool:
        """Whether the backend runs on it, according to this check."""
        return not self.problem


class InterpreterCheck:
    """One check of an interpreter: `start`, then `poll` until there is a report.

    Parameters
    ----------
    python
        The interpreter's path.
    quick
        Only check whether the libraries are installed; else import each and list the devices.
    required
        Module by distribution; by default those that the backend needs.
    """

    def __init__(
        self, python: str, *, quick: bool = False, required: Mapping[str, str] | None = None
    ) -> None:
        self.report: InterpreterReport | None = None
        self._python = python
        self._arguments = ["--quick"] if quick else []
        for name, module in (required or {}).items():
            self._arguments += ["--require", f"{name}={module}"]
        self._patience = _QUICK_PATIENCE if quick else _PATIENCE
        self._deadline = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._output: Any = None

    def start(self) -> None:
        """Start the check; if the interpreter can't be run, there is a report immediately."""
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of the check
        self._deadline = time.monotonic() + self._patience
        try:
            self._process = subprocess.Popen(
                [self._python, "-I", str(DOCTOR), *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                env=clean_environment(),
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            self._conclude(_refused(self._python, f"can't be run ({error.strerror})"))

    def poll(self) -> InterpreterReport | None:
        """Return the report once there is one."""
        if self.report is None and self._process is not None:
            if self._process.poll() is not None:
                self._output.seek(0)
                self._conclude(_read(self._python, self._output.read(), self._process.returncode))
            elif time.monotonic() > self._deadline:
                self.stop()
                self._conclude(_refused(self._python, f"did not answer in {self._patience:.0f} s"))
        return self.report

    def wait(self) -> InterpreterReport:
        """Return the report; block until there is one."""
        while (report := self.poll()) is None:
            assert self._process is not None
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(max(0.0, self._deadline - time.monotonic()) + 0.01)
        return report

    def stop(self) -> None:
        """Stop the check."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._output is not None:
            self._output.close()

    def _conclude(self, report: InterpreterReport) -> None:
        self.report = report
        self._output.close()


def check(
    python: str, *, quick: bool = False, required: Mapping[str, str] | None = None
) -> InterpreterReport:
    """Return the report on an interpreter; blocks for some 50 ms if `quick`, else for seconds."""
    look = InterpreterCheck(python, quick=quick, required=required)
    look.start()
    return look.wait()


def _read(python: str, output: bytes, status: int) -> InterpreterReport:
    """Parse the report in the last line printed by the doctor."""
    lines = output.decode(errors="replace").strip().splitlines()
    try:
        answer = json.loads(lines[-1])
        devices = tuple(device["name"] for device in answer["devices"])
        names = InterpreterReport.__dataclass_fields__.keys() - {"executable", "devices"}
        facts = {name: answer[name] for name in names}
    except (IndexError, ValueError, KeyError, TypeError):
        said = lines[-1] if lines else f"exit status {status}"
        return _refused(python, f"does not work ({said})")
    facts |= {"missing": tuple(facts["missing"]), "lacking": tuple(facts["lacking"])}
    return InterpreterReport(executable=python, devices=devices, **facts)


def _refused(python: str, why: str) -> InterpreterReport:
    return InterpreterReport(
        python,
        problem=f"The Python {python or '(none)'} {why}.",
        hint="Press Install Backend, or choose another Python in the preferences.",
    )


def is_executable(path: str) -> bool:
    """Return whether a path is an executable file."""
    return os.path.isfile(path) and os.access(path, os.X_OK)
