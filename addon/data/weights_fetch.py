"""Getting weights from Blender: a separate process, watched through a file that it writes.

The process is the terminal's `levelform weights get`. It stops when its standard input is closed,
which also happens whenever Blender ends; what has come is kept, and the next attempt goes on there.
"""

import contextlib
import json
import logging
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import bpy

from ...backend.contract.errors import LevelformError, RequestError, WorkError
from ...backend.contract.weights import PUBLISHED, installed_weights
from ..backend_setup import user_preferences
from ..backend_setup.environment import clean_environment
from ..backend_setup.interpreter import here
from ..scene.windows import redraw
from .terminal_process import SCRIPT

PROGRESS = "progress.json"
TICK = 0.25  # seconds between two looks at the file
OFFLINE = "Blender is not allowed to use the network."
OFFLINE_HINT = "Allow Online Access in Preferences > System, or choose a file."

logger = logging.getLogger(__name__)


class WeightsFetch:
    """The only such process in this Blender.

    Attributes
    ----------
    method : whose weights are being got, or were last
    progress : 0 to 1
    stage : what it does now, in a few words
    stopping : it was asked to stop
    failure : why the last one failed
    facts : what the last one that ended well said, as `levelform weights get --json`
    """

    def __init__(self) -> None:
        self.method = ""
        self.progress = 0.0
        self.stage = ""
        self.stopping = False
        self.failure: LevelformError | None = None
        self.facts: dict[str, Any] = {}
        self._process: subprocess.Popen[str] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is running, as last checked."""
        return self._process is not None

    def begin(self, method: str, *, file: str = "", precision: str = "float16") -> None:
        """Start the process.

        Parameters
        ----------
        method
            One of `PUBLISHED`.
        file
            Take the authors' file from here; empty: fetch it.
        precision
            Of the stored matrices, "float16" or "int8".

        Raises
        ------
        RequestError
            If one is running already, there is no backend, or the network is not allowed.
        """
        reason, hint = problem(method, file=file)
        if reason:
            raise RequestError(reason, hint)
        words = ["weights", "get", method, "--precision", precision, "--until-input-ends"]
        words += ["--file", file] if file else []
        self._folder = tempfile.TemporaryDirectory(prefix="levelform-weights-")
        words += ["--progress", str(Path(self._folder.name) / PROGRESS), "--json"]
        self.method, self.failure, self.facts = method, None, {}
        self.progress, self.stage, self.stopping = 0.0, "Starting", False
        self._process = self._started(words, Path(self._folder.name))

    def _started(self, words: list[str], folder: Path) -> subprocess.Popen[str]:
        python = here.find().python
        try:
            with (folder / "log.txt").open("w") as log:
                return subprocess.Popen(
                    [python, "-I", "-u", str(SCRIPT), *words],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    cwd=folder,
                    env=clean_environment(user_preferences.methods_folder()),
                    start_new_session=True,  # Ctrl-C in Blender's terminal must not reach it
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        except OSError as error:
            raise RequestError(
                f"The backend's Python {python!r} can't be run ({error.strerror}).",
                "Press Install Backend, or choose another Python in the preferences.",
            ) from error

    def poll(self) -> bool:
        """Read what it has written; return whether it is running."""
        if self._process is None or self._folder is None:
            return False
        with contextlib.suppress(OSError, ValueError):
            told = json.loads((Path(self._folder.name) / PROGRESS).read_text())
            self.progress = min(max(float(told["overall"]), 0.0), 1.0)
            self.stage = str(told["stage"])
        if self._process.poll() is not None:
            self._end(self._process)
        return self.running

    def cancel(self) -> None:
        """Ask the process to end; what has come is kept."""
        if self._process is not None and self._process.stdin is not None:
            self.stopping = True
            self._process.stdin.close()

    def wait(self) -> dict[str, Any]:
        """Block until it ends, for scripts; return what it says.

        Raises
        ------
        LevelformError
            If it failed.
        """
        while self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(TICK)
            self.poll()
        if self.failure is not None:
            raise self.failure
        return self.facts

    def shutdown(self) -> None:
        """Make it end when Blender quits, without waiting."""
        self.cancel()
        self._process = None

    def _end(self, process: subprocess.Popen[str]) -> None:
        """Record how the process ended."""
        self._process = None
        assert process.stdout is not None
        said = process.stdout.read()
        process.stdout.close()
        if process.stdin is not None and not process.stdin.closed:
            process.stdin.close()
        try:
            result = json.loads(said.splitlines()[-1])
        except (ValueError, IndexError):
            logger.error("levelform weights get ended without a message: %s", self._log())
            result = {"error": "Getting the weights ended without a message.", "hint": self._log()}
        if "error" in result:
            kind = RequestError if process.returncode == RequestError.exit_status else WorkError
            self.failure = kind(result["error"], result.get("hint", ""))
        elif not result.get("stopped"):
            self.facts = result
        if self._folder is not None:
            self._folder.cleanup()

    def _log(self) -> str:
        """Return the last line of its log."""
        assert self._folder is not None
        with contextlib.suppress(OSError, IndexError):
            log = Path(self._folder.name) / "log.txt"
            return log.read_text(errors="replace").splitlines()[-1]
        return ""


fetching = WeightsFetch()


def problem(method: str, *, file: str = "") -> tuple[str, str]:
    """Return why weights can't be got now, and what to do; empty if they can."""
    if method not in PUBLISHED:
        return (
            f"There are no weights of {method!r} to get.",
            f"Choose one of {', '.join(PUBLISHED)}.",
        )
    if fetching.running:
        return "Weights are being got already.", "Wait, or cancel it."
    if not file and not bpy.app.online_access:
        return OFFLINE, OFFLINE_HINT
    return "", ""


def remove(method: str) -> int:
    """Delete the weights of a method; return how many bytes they took.

    Raises
    ------
    RequestError
        If there are none, or the file can't be deleted.
    """
    path = installed_weights(method)
    if path is None:
        raise RequestError(f"No weights of {method} are installed.")
    try:
        size = path.stat().st_size
        path.unlink()
    except OSError as error:
        raise RequestError(
            f"{path} can't be deleted: {error.strerror}.", "Press Free Memory first."
        ) from error
    return size


# ---------------------------------------------------------------- the timer


def wake() -> None:
    """Start watching the process."""
    if not bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.register(_on_timer, first_interval=TICK, persistent=True)


def _on_timer() -> float | None:
    more = fetching.poll()
    redraw()
    return TICK if more else None


def unregister() -> None:
    """Stop the process."""
    if bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.unregister(_on_timer)
    fetching.shutdown()
