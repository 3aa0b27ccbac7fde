"""Turns rendered images into the data set that Training reads, in the same folder.

Labels need the backend's libraries, so the terminal's `levelform dataset convert` does it, in a
process beside Blender.
"""

import contextlib
import json
from pathlib import Path
from typing import Any

from .dataset_render import RenderSettings
from .terminal_process import TerminalProcess

PROGRESS, LOG = ".convert.json", "convert.txt"
POINTS = ("uniform=10000", "near=10000")
SHARD = "32"  # MiB; the labels of an unfinished shard are lost when the conversion is stopped


class Conversion:
    """A running conversion.

    Parameters
    ----------
    folder
        Of the rendered images, and of the data set.

    Raises
    ------
    RequestError
        If there is no backend, or the folder can't be written to.
    """

    def __init__(self, folder: Path, settings: RenderSettings) -> None:
        self._told = folder / PROGRESS
        self._told.unlink(missing_ok=True)
        self._process = TerminalProcess(convert_words(folder, settings), folder, LOG)

    @property
    def progress(self) -> float:
        """Progress, 0 to 1, as last reported."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return min(max(float(json.loads(self._told.read_text())["overall"]), 0.0), 1.0)
        return 0.0

    @property
    def ended(self) -> bool:
        """Whether it has ended; then `result` tells how."""
        return self._process.ended

    def wait(self, seconds: float) -> None:
        """Block until it ends, or for that long."""
        self._process.wait(seconds)

    def stop(self) -> None:
        """Ask it to stop, without waiting; it keeps what it has written."""
        self._process.stop()

    def result(self) -> dict[str, Any]:
        """Return what the command tells of the data set: `shapes`, `skipped`, `splits`.

        Raises
        ------
        LevelformError
            If it failed.
        """
        self._told.unlink(missing_ok=True)
        return self._process.result()


def convert_words(folder: Path, settings: RenderSettings) -> list[str]:
    """Return the command's arguments; those of the images are stored in the provenance."""
    words = ["dataset", "convert", str(folder), str(folder), "--from", "renders"]
    words += ["--points", *POINTS, "--shard", SHARD, "--progress", str(folder / PROGRESS)]
    words += ["--views", str(settings.views), "--size", str(settings.size)]
    words += ["--cameras", settings.cameras, "--seed", str(settings.seed)]
    return words + ["--passes", *settings.passes] * bool(settings.passes)
