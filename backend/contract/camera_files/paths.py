"""Finds the images of a camera file, even if moved or spelt differently."""

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from ..errors import RequestError
from ..image_files import SUFFIXES
from .types import shortened

LONGEST_NAME = 255  # bytes in a file name on Linux, macOS and Windows
_DRIVE = re.compile(r"^[A-Za-z]:")


class ImageFinder:
    """Finds images by their written paths, and remembers where it found moved ones.

    Parameters
    ----------
    folders
        Folders to search; relative paths start at the first.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(dict.fromkeys(folders))
        self._names: dict[Path, dict[str, list[str]]] = {}
        self._moved: dict[str, str] = {}

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks on images found in another place than the file names."""
        return tuple(
            f"The images of {there} were not there and were taken from {here}."
            for there, here in self._moved.items()
        )

    def find(self, written: str, label: str, key: str = "file_path") -> Path:
        """Return the file of a written path.

        Candidates in order: the path as written; without its suffix, in another case or Unicode
        form; its last parts in the folders, for paths of another computer.

        Raises
        ------
        RequestError
            If the file does not exist; the message lists the searched folders.
        """
        plain = written.strip().replace("\\", "/")
        if not plain or "\0" in plain:
            raise RequestError(
                f"{key} of {label} is not a path: {shortened(repr(written))}.",
                "Write the path of an image there.",
            )
        parts = [part for part in _DRIVE.sub("", plain).split("/") if part not in ("", ".")]
        if not parts:
            raise RequestError(
                f"{key} of {label} is not an image: {shortened(written)}.",
                "Write the path of an image there.",
            )
        path = self._as_written(plain, parts) or self._beside(parts, plain)
        if path is None:
            raise self._missing(plain, parts[-1], label)
        return path

    def _as_written(self, plain: str, parts: list[str]) -> Path | None:
        """Return the file at the path, relative to the first folder unless it is absolute."""
        if _DRIVE.match(plain):
            return Path(plain) if os.name == "nt" and os.path.isfile(plain) else None
        return self._walk(Path("/") if plain.startswith("/") else self._folders[0], parts)

    def _beside(self, parts: list[str], plain: str) -> Path | None:
        """Search the folders for the last parts of a path, longest tail first."""
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
        """Return the file at a path in a folder; each part may differ in case or Unicode form."""
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
        """Return the file with a name; its suffix may be omitted, as in NeRF's scenes."""
        for candidate in (name, *(name + suffix for suffix in SUFFIXES)):
            for spelt in self._alike(folder, candidate):
                if os.path.isfile(folder / spelt):
                    return folder / spelt
        return None

    def _alike(self, folder: Path, name: str) -> list[str]:
        """Return the names in a folder equal to `name` except for case and Unicode form."""
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
                f"The image of {label} is missing: its name has {length} bytes, more than "
                f"the {LONGEST_NAME} that a file name can have.",
                "Correct its path in the file.",
            )
        places = ", ".join(str(folder) for folder in self._folders)
        return RequestError(
            f"The image {shortened(plain)} of {label} is missing; Levelform searched {places}.",
            "Put it there, or correct its path in the file.",
        )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
