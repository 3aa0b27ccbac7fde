"""Builds the managed environment in `<user folder>/backend`. Does not use `bpy`.

The work proceeds step by step inside `Installation.poll`, so that it never blocks Blender; what
the steps are is in `steps.py`.
"""

import atexit
import logging
import os
import signal
import subprocess
import time
from enum import StrEnum

from ...backend.contract.errors import LevelformError, WorkError
from . import builds, requirements, uv
from .checkup import InterpreterCheck, InterpreterReport
from .managed import LOG, InstallPlan, check_space, claim
from .managed import TorchBuild as TorchBuild
from .managed import remove as remove
from .steps import Answer, InstallFailed, Invocation, Script, Steps

_KILL_PATIENCE = 3.0  # seconds between SIGTERM and SIGKILL to uv
_LOOK_EVERY = 1.0  # seconds between two looks at the progress, which reads a folder

logger = logging.getLogger(__name__)


class InstallState(StrEnum):
    """The state of an installation; the last three are final."""

    IDLE = "idle"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


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
        self._steps = Steps(plan, self._enter, self.log)
        self._script: Script | None = None
        self._waiting: Invocation | InterpreterCheck | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._span = (0.0, 0.0)  # range of `progress` of the current step
        self._read_up_to = 0  # bytes of the log
        self._looked_at = 0.0
        self._cancelled_at: float | None = None

    # ------------------------------------------------------------ interface

    @property
    def active(self) -> bool:
        """Whether it is running, and `poll` must be called."""
        return self.state is InstallState.RUNNING

    @property
    def distrusted(self) -> bool:
        """Whether it failed at a certificate that the system may trust."""
        known = isinstance(self.failure, InstallFailed)
        return known and self.failure.diagnosis.kind == "certificate" and not self.plan.system_certs

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
            If the folder can't be written, or is not Levelform's, or there is not enough space.
        """
        requirements.check_source(self.plan)
        claim(self.plan)
        check_space(self.plan, builds.size_of(self.plan).disk)
        logger.info("installing the backend: %s", " ".join(builds.needs(self.plan)))
        self.state = InstallState.RUNNING
        self._script = self._steps.build()
        atexit.register(self._kill)
        self._advance(None)

    def poll(self) -> bool:
        """Do what can be done without blocking; return whether it is still running."""
        if not self.active:
            return False
        if isinstance(self._waiting, InterpreterCheck):
            report = self._waiting.poll()
            if report is not None:
                self._advance(report)
        elif self._process is not None:
            status = self._process.poll()
            self._follow(ended=status is not None)
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
        """Stop it, including its commands; finished downloads are kept for the next attempt."""
        if not self.active or self._cancelled_at is not None:
            return
        self._cancelled_at = time.monotonic()
        self.message = "Stopping"
        if isinstance(self._waiting, InterpreterCheck):
            self._waiting.stop()
        self._signal(signal.SIGTERM)
        self._see_to_cancel()

    # ------------------------------------------------------------ execution

    def _enter(self, message: str, start: float, end: float) -> None:
        self.message, self._span, self.progress = message, (start, end), start

    def _advance(self, result: Answer | None) -> None:
        """Advance the script to the next command or check that it waits for."""
        assert self._script is not None
        if self._cancelled_at is not None:
            return
        try:
            self._waiting = self._script.send(result)  # type: ignore[arg-type]
            if isinstance(self._waiting, InterpreterCheck):
                self._waiting.start()
            else:
                self._process = self._spawn(self._waiting)
        except StopIteration:
            self.progress, self.report = 1.0, self._steps.report
            self._end(InstallState.DONE, "Installed")
        except LevelformError as error:
            self._fail(error)
        except OSError as error:
            self._fail(WorkError(f"The backend could not be installed: {error}.", "Try again."))

    def _spawn(self, run: Invocation) -> subprocess.Popen[bytes]:
        with open(self.plan.folder / LOG, "ab") as log:
            log.write(f"\n$ {' '.join(run.words)}\n".encode())
            log.flush()
            self._read_up_to = log.tell()
            return subprocess.Popen(
                run.words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=uv.environment_variables(self.plan),
                cwd=self.plan.folder,
                start_new_session=True,  # a process group of its own, to be ended together
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )

    def _follow(self, *, ended: bool) -> None:
        """Read the command's new output, about once a second."""
        follow = self._waiting.follow if isinstance(self._waiting, Invocation) else None
        now = time.monotonic()
        if follow is None or self._cancelled_at is not None:
            return
        if now - self._looked_at < _LOOK_EVERY and not ended:
            return
        self._looked_at = now
        with open(self.plan.folder / LOG, "rb") as log:
            log.seek(self._read_up_to)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._read_up_to += len(whole) + len(newline)
        for line in whole.decode(errors="replace").splitlines():
            follow.read(line)
        self.message = follow.message or self.message
        start, end = self._span
        self.progress = max(self.progress, start + (end - start) * follow.fraction)

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
        if isinstance(self._waiting, InterpreterCheck):
            self._waiting.stop()
        if self._process is not None:
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            self._process.wait()
