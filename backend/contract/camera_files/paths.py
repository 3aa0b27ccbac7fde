"""Image files that a file of cameras names, wherever they are now and however they are spelt."""

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from ..errors import RequestError
from ..image_files import SUFFIXES
from .types import shortened

LONGEST_NAME = 255  # bytes, of a file's name on Linux, macOS and Windows
_DRIVE = re.compile(r"^[A-Za-z]:")


class ImageFinder:
    """Finds images by the paths that a file gives them; remembers what it had to overlook.

    Parameters
    ----------
    folders
        Where images may lie; paths are relative to the first.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(dict.fromkeys(folders))
        self._names: dict[Path, dict[str, list[str]]] = {}
        self._moved: dict[str, str] = {}

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences about images that lay elsewhere than the file says."""
        return tuple(
            f"The images of {there} were not there and were taken from {here}."
            for there, here in self._moved.items()
        )

    def find(self, written: str, label: str, key: str = "file_path") -> Path:
        """Return the file that a path means.

        Tried in turn: the path as written; without its suffix, in another case or Unicode form;
        and its last parts beside the file, for a drive letter or a folder of another machine.

        Raises
        ------
        RequestError
            If there is no such file, with what was looked for.
        """
        plain = written.strip().replace("\\", "/")
        if not plain or "\0" in plain:
            raise RequestError(f"{key} of {label} is not a path: {shortened(repr(written))}.")
        parts = [part for part in _DRIVE.sub("", plain).split("/") if part not in ("", ".")]
        if not parts:
            raise RequestError(f"{key} of {label} is not an image: {shortened(written)}.")
        path = self._as_written(plain, parts) or self._beside(parts, plain)
        if path is None:
            raise self._missing(plain, parts[-1], label)
        return path

    def _as_written(self, plain: str, parts: list[str]) -> Path | None:
        """Return the file where the path says, relative to the first folder unless it is rooted."""
        if _DRIVE.match(plain):
            return Path(plain) if os.name == "nt" and os.path.isfile(plain) else None
        return self._walk(Path("/") if plain.startswith("/") else self._folders[0], parts)

    def _beside(self, parts: list[str], plain: str) -> Path | None:
        """Return the file that the last parts of a path name in one of the folders."""
        tail = [part for part in parts if part != ".."]
        for start in range(len(tail)):
            for folder in self._folders:
                path = self._walk(folder, tail[start:])
                if path is not None:
                    if start > 0 or _DRIVE.match(plain) or plain.startswith("/"):
                        there = plain.rsplit("/", 1)[0] + "/"
                        self._moved[shortened(there)] = str(path.parent)
                    return path
        return None

    def _walk(self, folder: Path, parts: list[str]) -> Path | None:
        """Return the file that parts name in a folder, each spelt exactly or nearly; else None."""
        exact = folder.joinpath(*parts)
        if os.path.isfile(exact):
            return exact
        for part in parts[:-1]:
            if part == ".." or os.path.isdir(folder / part):
                folder = folder / part
                continue
            alike = self._alike(folder, part)
            folders = [name for name in alike if os.path.isdir(folder / name)]
            if not folders:
                return None
            folder = folder / folders[0]
        return self._file(folder, parts[-1]) if parts else None

    def _file(self, folder: Path, name: str) -> Path | None:
        """Return the file of that name, also without its suffix; NeRF's scenes leave it out."""
        for candidate in (name, *(name + suffix for suffix in SUFFIXES)):
            for spelt in self._alike(folder, candidate):
                if os.path.isfile(folder / spelt):
                    return folder / spelt
        return None

    def _alike(self, folder: Path, name: str) -> list[str]:
        """Return names in the folder that differ from `name` in case or Unicode form at most."""
        if folder not in self._names:
            listed: dict[str, list[str]] = {}
            try:
                entries = sorted(os.listdir(folder))
            except OSError:
                entries = []
            for entry in entries:
                listed.setdefault(_folded(entry), []).append(entry)
            self._names[folder] = listed
        alike = self._names[folder].get(_folded(name), [])
        return sorted(alike, key=lambda entry: entry != name)

    def _missing(self, plain: str, name: str, label: str) -> RequestError:
        length = len(name.encode("utf-8", "surrogatepass"))
        if length > LONGEST_NAME:
            return RequestError(
                f"The image of {label} is missing: its name has {length} bytes, and no file's "
                f"name has more than {LONGEST_NAME}.",
                "Correct its path in the file.",
            )
        places = ", ".join(str(folder) for folder in self._folders)
        return RequestError(
            f"The image {shortened(plain)} of {label} is missing; it was looked for in {places}.",
            "Put it there, or correct its path in the file.",
        )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
