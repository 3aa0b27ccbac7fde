"""Builds the managed environment in `<user folder>/backend`. Does not use `bpy`.

The work proceeds step by step inside `Installation.poll`, so that it never blocks Blender.
"""

import atexit
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ...backend.contract.errors import LevelformError, WorkError
from . import locks, pip
from .checkup import Check, InterpreterReport, is_executable
from .managed import LOG, InstallPlan, claim, needs, write_marker
from .managed import TorchBuild as TorchBuild
from .managed import is_partial as is_partial
from .managed import remove as remove

_KILL_PATIENCE = 3.0  # seconds between SIGTERM and SIGKILL to pip

logger = logging.getLogger(__name__)


class InstallState(StrEnum):
    """The state of an installation; the last three are final."""

    IDLE = "idle"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True)
class _Command:
    """A command that the installation waits for."""

    command: Sequence[str]
    following: bool = False  # its output is pip's, from which progress is read


class Installation:
    """One attempt to build the managed environment; call `poll` until it has ended.

    After a failure or a cancel, a new attempt continues where this one stopped.

    Attributes
    ----------
    state : its state
    progress : from 0 to 1
    message : the current step, in a few words
    failure : the error, if FAILED
    report : the report on the environment, if DONE
    """

    def __init__(self, plan: InstallPlan) -> None:
        self.plan = plan
        self.state = InstallState.IDLE
        self.progress = 0.0
        self.message = ""
        self.failure: LevelformError | None = None
        self.report: InterpreterReport | None = None
        self._script: Generator[_Command | Check, int | InterpreterReport, None] | None = None
        self._waiting: _Command | Check | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._span = (0.0, 0.0)  # range of `progress` of the current step
        self._read_up_to = 0  # bytes of the log
        self._pip_progress = pip.PipProgress(())
        self._installed_before = 0
        self._cancelled_at: float | None = None

    # ------------------------------------------------------------ interface

    @property
    def active(self) -> bool:
        """Whether it is running, and `poll` must be called."""
        return self.state is InstallState.RUNNING

    def log(self, lines: int = 20) -> str:
        """Return the last lines printed by the commands."""
        try:
            text = (self.plan.folder / LOG).read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(line for line in text.splitlines()[-lines:])

    def start(self) -> None:
        """Begin, or continue where an earlier attempt stopped.

        Raises
        ------
        RequestError
            If the network is needed and not allowed, or the wheels are missing.
        WorkError
            If the folder can't be written, or is not Levelform's.
        """
        pip.check_source(self.plan)
        claim(self.plan)
        logger.info("installing the backend: %s", needs(self.plan))
        self.state = InstallState.RUNNING
        self._script = self._build()
        atexit.register(self._kill)
        self._advance(None)

    def poll(self) -> bool:
        """Do what can be done without blocking; return whether it is still running."""
        if not self.active:
            return False
        if isinstance(self._waiting, Check):
            report = self._waiting.poll()
            if report is not None:
                self._advance(report)
        elif self._process is not None:
            self._follow()
            status = self._process.poll()
            if status is not None:
                self._process = None
                self._advance(status)
        if self._cancelled_at is not None:
            self._see_to_cancel()
        return self.active

    def run(self) -> None:
        """Start, and block until the end.

        Raises
        ------
        LevelformError
            If it failed.
        """
        self.start()
        while self.poll():
            time.sleep(0.02)
        if self.failure is not None:
            raise self.failure

    def cancel(self) -> None:
        """Stop it, including pip; downloads are kept for the next attempt."""
        if not self.active or self._cancelled_at is not None:
            return
        self._cancelled_at = time.monotonic()
        self.message = "Stopping"
        if isinstance(self._waiting, Check):
            self._waiting.stop()
        self._signal(signal.SIGTERM)
        self._see_to_cancel()

    # ------------------------------------------------------------ the steps

    def _build(self) -> Generator[_Command | Check, int | InterpreterReport, None]:
        """Yield each command to wait for, and receive its exit status or report."""
        base = yield from self._find_base()
        yield from self._make_environment(base)
        if self.plan.repair:
            yield from self._reinstall_broken()
        yield from self._install()
        self._enter("Checking", 0.9, 1.0)
        report = yield Check(self.plan.python, required=self.plan.required)
        assert isinstance(report, InterpreterReport)
        if not report.usable:
            raise WorkError(report.problem, "Try Repair; the log has details.")
        self.report = report
        write_marker(self.plan, "complete")

    def _find_base(self) -> Generator[Check, int | InterpreterReport, str]:
        """Find a Python to build on; its version is the only requirement."""
        self._enter("Looking for a Python", 0.0, 0.02)
        names = [f"python3.{minor}" for minor in (13, 12, 14, 11)]
        paths = [shutil.which(name) for name in names]
        known = [self.plan.base] if self.plan.base else [sys.executable, *filter(None, paths)]
        problem = ""
        for python in filter(is_executable, known):
            report = yield Check(python, quick=True, required={})
            assert isinstance(report, InterpreterReport)
            if report.python_ok:
                return python
            problem = problem or report.problem
        raise WorkError(
            problem or "No Python was found to build the backend with.",
            "Install Python 3.11 or later, or choose one in the preferences.",
        )

    def _make_environment(
        self, base: str
    ) -> Generator[_Command | Check, int | InterpreterReport, None]:
        """Make the environment, unless an earlier attempt left a working one."""
        self._enter("Making an environment", 0.02, 0.08)
        environment = self.plan.environment
        if is_executable(self.plan.python):
            report = yield Check(self.plan.python, quick=True, required={"pip": "pip"})
            assert isinstance(report, InterpreterReport)
            if report.usable:
                return
        status = yield _Command([base, "-I", "-m", "venv", "--clear", str(environment)])
        if status:  # on some systems, Python can't install pip into it, but has one outside
            bare = ["venv", "--clear", "--without-pip", str(environment)]
            status = yield _Command([base, "-I", "-m", *bare])
        if status:
            raise self._failed("The environment could not be made", "Choose another Python.")
        if not pip.is_there(environment):
            outside = [base, "-I", "-m", "pip", "--python", self.plan.python, "install", "pip"]
            if (yield _Command([*outside, *pip.source_options(self.plan)])):
                raise self._failed("There is no pip to install with", "Choose another Python.")

    def _reinstall_broken(self) -> Generator[_Command | Check, int | InterpreterReport, None]:
        """Reinstall distributions that can't be imported."""
        self._enter("Looking for what is broken", 0.08, 0.1)
        report = yield Check(self.plan.python, required=self.plan.required)
        assert isinstance(report, InterpreterReport)
        broken = {pip.canonical(name) for name in report.broken}
        yield from self._install_these(broken, "--force-reinstall", "--no-deps")

    def _install(self) -> Generator[_Command, int | InterpreterReport, None]:
        """Install what is missing; pip keeps what is installed."""
        self._enter("Installing the libraries", 0.1, 0.9)
        yield from self._install_these(None)

    def _install_these(
        self, chosen: Collection[str] | None, *options: str
    ) -> Generator[_Command, int | InterpreterReport, None]:
        """Install all requirements, or the chosen ones: the libraries by their lock, then torch.

        Each comes from a single index, verified by its hash if it is locked.
        """
        lines = [
            line
            for line in pip.wanted(self.plan)
            if chosen is None or pip.canonical(line) in chosen
        ]
        torch = [line for line in lines if pip.canonical(line) == "torch"]
        others = [line for line in lines if line not in torch]
        lock = locks.lock_of(self.plan)
        if self.plan.wheels or (lock is None and not pip.torch_options(self.plan)):
            yield from self._pip_run([*options, *pip.source_options(self.plan)], lines)
            return
        start, end = self._span
        middle = start + 0.4 * (end - start)
        self._enter("Installing the libraries", start, middle)
        yield from self._pip_run([*options, *pip.source_options(self.plan)], others, lock, chosen)
        self._enter("Installing torch", middle, end)
        source = pip.torch_options(self.plan)
        alone = (
            ["--no-deps"] if source and lock is not None else []
        )  # the lock contains its dependencies
        pinned = locks.torch_lock_of(self.plan)
        yield from self._pip_run([*options, *alone, *source], torch, pinned, chosen)

    def _pip_run(
        self,
        options: Sequence[str],
        lines: Sequence[str],
        lock: Path | None = None,
        chosen: Collection[str] | None = None,
    ) -> Generator[_Command, int | InterpreterReport, None]:
        """Run pip once and wait for it; a lock replaces the lines that it locks."""
        if not lines:
            return
        if lock is not None:
            text = lock.read_text() if chosen is None else locks.part_of(lock, chosen)
            path = self.plan.folder / "wanted.txt"
            path.write_text(text)
            options = [*options, "--require-hashes", "--no-deps"]
            self._expect((yield self._pip(lines, *options, "-r", str(path))))
        else:
            self._expect((yield self._pip(lines, *options, *lines)))

    def _pip(self, lines: Sequence[str], *arguments: str) -> _Command:
        self._pip_progress = pip.PipProgress([pip.canonical(line) for line in lines])
        self._installed_before = pip.count_installed(self.plan.environment)
        bar = "raw" if pip.version(self.plan.environment) >= (24, 1) else "off"
        fixed = ["--only-binary", ":all:", "--no-input", "--disable-pip-version-check"]
        options = [*fixed, "--progress-bar", bar]
        command = [self.plan.python, "-I", "-u", "-m", "pip", "install", *options, *arguments]
        return _Command(command, following=True)

    def _expect(self, status: int | InterpreterReport) -> None:
        if status:
            raise self._failed(
                "The libraries could not be installed",
                "Try again, it continues where it stopped; the log has details.",
            )

    def _failed(self, what: str, hint: str) -> WorkError:
        """Return an error with the log's last error line; pip reports network problems last."""
        known = pip.diagnose(self.log(200))
        if known is not None:
            return WorkError(f"{what}: {known[0]}.", known[1])
        complaints = [line for line in self.log(200).splitlines() if "error" in line.lower()]
        said = complaints[-1].strip() if complaints else self.log(1)
        return WorkError(f"{what}: {said}" if said else f"{what}.", hint)

    # ------------------------------------------------------------ execution

    def _enter(self, message: str, start: float, end: float) -> None:
        self.message, self._span, self.progress = message, (start, end), start

    def _advance(self, result: int | InterpreterReport | None) -> None:
        """Advance the script to the next command or check that it waits for."""
        assert self._script is not None
        if self._cancelled_at is not None:
            return
        try:
            self._waiting = self._script.send(result)  # type: ignore[arg-type]
            if isinstance(self._waiting, Check):
                self._waiting.start()
            else:
                self._process = self._spawn(self._waiting)
        except StopIteration:
            self.progress = 1.0
            self._end(InstallState.DONE, "Installed")
        except LevelformError as error:
            self._fail(error)
        except OSError as error:
            self._fail(WorkError(f"The backend could not be installed: {error}.", "Try again."))

    def _spawn(self, run: _Command) -> subprocess.Popen[bytes]:
        with open(self.plan.folder / LOG, "ab") as log:
            log.write(f"\n$ {' '.join(run.command)}\n".encode())
            log.flush()
            self._read_up_to = log.tell()
            return subprocess.Popen(
                run.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=pip.environment_variables(),
                cwd=self.plan.folder,
                start_new_session=True,  # a process group of its own, to be ended together
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )

    def _follow(self) -> None:
        """Read pip's new output."""
        if not (isinstance(self._waiting, _Command) and self._waiting.following):
            return
        with open(self.plan.folder / LOG, "rb") as log:
            log.seek(self._read_up_to)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._read_up_to += len(whole) + len(newline)
        for line in whole.decode(errors="replace").splitlines():
            self._pip_progress.read(line)
        self.message = self._pip_progress.message or self.message
        if self._pip_progress.unpacking:
            there = pip.count_installed(self.plan.environment)
            self._pip_progress.unpacked = there - self._installed_before
        start, end = self._span
        self.progress = max(self.progress, start + (end - start) * self._pip_progress.fraction)

    def _see_to_cancel(self) -> None:
        """End a cancelled attempt once none of its processes is running."""
        assert self._cancelled_at is not None
        if self._process is not None and self._process.poll() is None:
            if time.monotonic() - self._cancelled_at > _KILL_PATIENCE:
                self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            return
        self._end(InstallState.CANCELLED, "Cancelled")

    def _fail(self, error: LevelformError) -> None:
        logger.error("%s", error)
        self.failure = error
        self._end(InstallState.FAILED, error.message)

    def _end(self, state: InstallState, message: str) -> None:
        atexit.unregister(self._kill)
        self._process = self._waiting = self._script = None
        self.state, self.message = state, message

    def _signal(self, number: int) -> None:
        if self._process is None:
            return
        if os.name == "nt":
            self._process.terminate()
        elif self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _kill(self) -> None:
        """Leave no process running when Blender quits."""
        if isinstance(self._waiting, Check):
            self._waiting.stop()
        if self._process is not None:
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            self._process.wait()
