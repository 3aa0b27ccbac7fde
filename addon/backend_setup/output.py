"""Progress of the installation's commands, from the lines that they print. Does not use `bpy`."""

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

UNPACKING = 3.0  # bytes of an unpacked file for each byte of its wheel, about
ARRIVED = 0.95  # maximum fraction of a download that uv has not reported as done
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


class OutputProgress(Protocol):
    """Progress read from output: `fraction`, 0 to 1, and `message`, "" if there is none yet."""

    message: str

    @property
    def fraction(self) -> float: ...
    def read(self, line: str) -> None: ...


class FetchProgress:
    """Progress of `fetch.py`, which prints JSON objects of received bytes."""

    def __init__(self) -> None:
        self.message, self.fraction = "", 0.0

    def read(self, line: str) -> None:
        """Process one line of output."""
        if not line.startswith("{"):
            return
        told = json.loads(line)
        self.fraction = min(told["received"] / max(told["bytes"], 1), 1.0)
        self.message = f"Downloading uv, {size_words(told['bytes'])}"


class UvProgress:
    """Progress of `uv pip install`, which prints a line when a download begins and when it ends.

    Parameters
    ----------
    growing
        Returns the bytes of the files that uv is unpacking while it downloads them.
    local
        Bytes of the wheels of a folder; uv reports nothing about them until all are unpacked.
    """

    def __init__(self, growing: Callable[[], int] = lambda: 0, *, local: int = 0) -> None:
        self.message = ""
        self._growing, self._local = growing, local
        self._under_way: dict[str, int] = {}
        self._done = 0
        self._prepared = False

    def read(self, line: str) -> None:
        """Process one line of output."""
        verb, _, rest = line.strip().partition(" ")
        name, _, size = rest.partition(" (")
        if verb == "Downloading" and size:
            self._under_way[name] = parse_size(size.rstrip(")"))
        elif verb == "Downloaded":
            self._done += self._under_way.pop(name, 0)
        elif verb in ("Prepared", "Installed"):
            self._prepared, self._under_way = True, {}
        self.message = self._words() or self.message

    def _words(self) -> str:
        if self._prepared:
            return "Copying files"
        if not self._under_way:
            return ""
        name = max(self._under_way, key=lambda name: self._under_way[name])
        others = f" and {len(self._under_way) - 1} more" if len(self._under_way) > 1 else ""
        return f"Downloading {name}, {size_words(self._under_way[name])}{others}"

    @property
    def fraction(self) -> float:
        """Received fraction of all begun downloads, 0 to 1; uv begins as many as it can at once."""
        if self._prepared:
            return 1.0
        waiting = sum(self._under_way.values()) + self._local
        received = self._done + min(self._growing() / UNPACKING, ARRIVED * waiting)
        return received / max(self._done + waiting, 1)


def unpacking_bytes(cache: Path) -> int:
    """Return the bytes of the files that uv is unpacking in its cache."""
    total = 0
    for place in cache.glob(".tmp*"):
        for folder, _, names in os.walk(place):  # skips files moved away in the meantime
            for name in names:
                with contextlib.suppress(OSError):
                    total += os.lstat(os.path.join(folder, name)).st_size
    return total


def parse_size(words: str) -> int:
    """Return the bytes of a size as uv prints it, such as "33.7MiB"; 0 if it is not one."""
    for unit in sorted(_UNITS, key=len, reverse=True):
        if words.endswith(unit):
            try:
                return round(float(words.removesuffix(unit)) * _UNITS[unit])
            except ValueError:
                return 0
    return 0


def size_words(count: float) -> str:
    """Return a number of bytes in words: "190 MB", "2.8 GB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 1):.0f} MB"
