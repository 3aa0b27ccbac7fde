"""Getting weights from Blender: a separate process, watched through a file that it writes.

The process is the terminal's `levelform weights get`. It stops when its standard input is closed,
which also happens whenever Blender ends; the next attempt continues after the received part.
"""

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

import bpy

from ...backend.contract.errors import LevelformError, RequestError
from ...backend.contract.weights import PUBLISHED, installed_weights
from ..scene.ticker import Ticker
from .terminal_process import ProcessRun, TerminalProcess

PROGRESS, LOG = "progress.json", "log.txt"
TICK = 0.25  # seconds between two looks at the file
OFFLINE = "Blender is not allowed to use the network."
OFFLINE_HINT = "Allow Online Access in Preferences > System, or choose a file."


class WeightsFetch(ProcessRun):
    """The only such process in this Blender.

    Attributes
    ----------
    method : the one whose weights are fetched, or were last
    progress : 0 to 1
    stage : the current step, in a few words
    facts : the answer of the last successful one, as `levelform weights get --json` prints it
    """

    tick = TICK

    def __init__(self) -> None:
        super().__init__()
        self.method = ""
        self.progress = 0.0
        self.stage = ""
        self.facts: dict[str, Any] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

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
        self._folder = tempfile.TemporaryDirectory(prefix="levelform-weights-")
        folder = Path(self._folder.name)
        words = ["weights", "get", method, "--precision", precision]
        words += ["--progress", str(folder / PROGRESS)]
        words += ["--file", file] if file else []
        self._process = TerminalProcess(words, folder, LOG)
        self.method, self.failure, self.facts = method, None, {}
        self.progress, self.stage, self.stopping = 0.0, "Starting", False

    def poll(self) -> bool:
        """Read its progress; return whether it is running."""
        if self._process is None or self._folder is None:
            return False
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads((Path(self._folder.name) / PROGRESS).read_text())
            self.progress = min(max(float(told["overall"]), 0.0), 1.0)
            self.stage = str(told["stage"])
        if self._process.ended:
            self._end(self._process)
        return self.running

    def _end(self, process: TerminalProcess) -> None:
        """Record how the process ended."""
        self._process = None
        try:
            result = process.result()
        except LevelformError as error:
            self.failure = error
        else:
            self.facts = {} if result.get("stopped") else result


fetching = WeightsFetch()


def problem(method: str, *, file: str = "") -> tuple[str, str]:
    """Return why weights can't be fetched now, and what to do; empty if they can."""
    if method not in PUBLISHED:
        return (
            f"Levelform can't fetch weights of {method!r}.",
            f"Choose one of {', '.join(PUBLISHED)}.",
        )
    if fetching.running:
        return "Weights are being fetched already.", "Wait, or cancel it."
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
        raise RequestError(f"No weights of {method} are installed.", "Get them first.")
    try:
        size = path.stat().st_size
        path.unlink()
    except OSError as error:
        raise RequestError(
            f"{path} can't be deleted: {error.strerror}.", "Press Free Memory first."
        ) from error
    return size


# ---------------------------------------------------------------- the timer


ticker = Ticker(fetching.poll, every=TICK)


def unregister() -> None:
    """Stop the process."""
    ticker.unregister()
    fetching.shutdown()
