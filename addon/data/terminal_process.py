"""A command of the terminal, running beside Blender until it ends or Blender does.

It stops when its standard input is closed, which also happens whenever Blender ends.
"""

import contextlib
import json
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...backend.contract.errors import LevelformError, RequestError, WorkError
from ..backend_setup import user_preferences
from ..backend_setup.environment import clean_environment
from ..backend_setup.interpreter import here

SCRIPT = Path(__file__).parents[2] / "backend" / "terminal.py"


class TerminalProcess:
    """A running command.

    Parameters
    ----------
    words
        The command and its arguments; it must accept `--until-input-ends` and `--json`.
    folder
        Where it runs; created if missing.
    log
        Name of the file there for its standard error.

    Raises
    ------
    RequestError
        If there is no backend, or the folder can't be written to.
    """

    def __init__(self, words: Sequence[str], folder: Path, log: str) -> None:
        python = here.find().python
        self._log = folder / log
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._log.open("w") as file:
                self.process: subprocess.Popen[str] = subprocess.Popen(
                    [python, "-I", "-u", str(SCRIPT), *words, "--until-input-ends", "--json"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=file,
                    text=True,
                    cwd=folder,
                    env=clean_environment(user_preferences.methods_folder()),
                    start_new_session=True,  # Ctrl-C in Blender's terminal must not reach it
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        except OSError as error:
            raise RequestError(
                f"{folder} can't be written to: {error.strerror}.", "Choose another folder."
            ) from error

    @property
    def ended(self) -> bool:
        """Whether it has ended; then `result` tells how."""
        return self.process.poll() is not None

    def wait(self, seconds: float) -> None:
        """Block until it ends, or for that long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def stop(self) -> None:
        """Ask it to stop, without waiting."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    def result(self) -> dict[str, Any]:
        """Return what the ended command printed.

        Raises
        ------
        LevelformError
            If it failed.
        """
        assert self.process.stdout is not None
        said = self.process.stdout.read()
        self.stop()
        self.process.stdout.close()
        try:
            result = json.loads(said.splitlines()[-1])
        except (ValueError, IndexError):
            raise self._failure(
                "The command ended without a message.", f"See {self._log}."
            ) from None
        if "error" in result:
            raise self._failure(result["error"], result.get("hint", ""))
        return result

    def _failure(self, message: str, hint: str) -> LevelformError:
        kind = RequestError if self.process.returncode == RequestError.exit_status else WorkError
        return kind(message, hint)


class ProcessRun(ABC):
    """A command of the terminal that at most one process runs at a time, and what it has said.

    Attributes
    ----------
    tick : seconds between two looks at the process
    stopping : whether it was asked to stop
    failure : why the last one failed
    """

    tick = 0.5

    def __init__(self) -> None:
        self.stopping = False
        self.failure: LevelformError | None = None
        self._process: TerminalProcess | None = None

    @property
    def running(self) -> bool:
        """Whether the process is running, as last checked."""
        return self._process is not None

    @abstractmethod
    def poll(self) -> bool:
        """Read what the process has written; return whether it is running."""

    def stop(self) -> None:
        """Ask the process to end; `poll` detects its end."""
        if self._process is not None:
            self.stopping = True
            self._process.stop()

    def wait(self) -> None:
        """Block until it ends, for scripts and Blender in the background.

        Raises
        ------
        LevelformError
            If it failed.
        """
        while self._process is not None:
            self._process.wait(self.tick)
            self.poll()
        if self.failure is not None:
            raise self.failure

    def shutdown(self) -> None:
        """Make it end when Blender quits, without waiting: it saves its state by itself."""
        self.stop()
        self._process = None
