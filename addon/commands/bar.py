"""A progress bar on a terminal's error stream."""

import sys

from ...backend.contract import streams
from ...backend.contract.protocol import Progress
from ..jobs.running import Running
from ..jobs.session import live

WIDTH = 30  # characters of the progress bar


class Bar:
    """A progress bar on a terminal's error stream; silent if that is not a terminal."""

    def __init__(self) -> None:
        self._drawn = ""

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def clear(self) -> None:
        """Erase the bar."""
        if self._drawn:
            self._write("\r" + " " * len(self._drawn) + "\r")
            self._drawn = ""

    def show(self, progress: Progress | None, title: str = "") -> None:
        """Draw the progress of a job, after a title such as "Model 2 of 5"."""
        if progress is None or not streams.is_terminal(sys.stderr):
            return
        bar = "#" * round(WIDTH * progress.overall)
        stage = f"{title}: {progress.stage}" if title else progress.stage
        line = f"{stage:<18} {progress.overall:4.0%} |{bar:<{WIDTH}}|"
        if line != self._drawn:
            self._drawn = line
            self._write("\r" + line)

    def _write(self, text: str) -> None:
        stream = streams.Forgiving()
        stream.write(text)
        stream.flush()


def drive_with_bar(running: Running) -> None:
    """Run a job to its end and draw its progress.

    Raises
    ------
    LevelformError
        If the job failed or was cancelled.
    """
    with Bar() as bar:
        for _ in live.drive(running):
            bar.show(running.job.progress)
