"""A lock file that gives a folder one owner at a time; stale locks are taken over.

Imports the standard library alone: Blender's side and the worker's share this file.
"""

import json
import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from .errors import RequestError

NAME = ".levelform-lock"
_UNREADABLE_FOR = 10.0  # seconds after which an unreadable lock is stale
_TRIES = 20


class FolderLock:
    """Holds a folder while the context lasts.

    The lock is a small file with the owner's process and host. If that process has ended on this
    host, the lock is taken over; a lock of another host can't be checked and is respected.

    Parameters
    ----------
    folder
        An existing folder.
    purpose
        What the owner does, such as "a training"; shown to the next process.
    """

    def __init__(self, folder: str | Path, purpose: str) -> None:
        self.path = Path(folder) / NAME
        self._owner = {
            "purpose": purpose,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started": process_start(os.getpid()),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        self._held = False

    def acquire(self) -> Self:
        """Lock the folder.

        Raises
        ------
        RequestError
            If another process holds it (says which), or the folder can't be written to.
        """
        for _ in range(_TRIES):
            if self._create():
                self._held = True
                return self
            owner = self._read()
            if owner is not None and not is_stale(owner):
                raise self._taken(owner)
            if owner is not None or self._old():
                self._remove(owner)
            else:
                time.sleep(0.05)  # just being written
        raise RequestError(f"The lock {self.path} can't be taken.", "Delete that file.")

    def release(self) -> None:
        """Unlock the folder; does nothing if it is not locked."""
        if self._held:
            self._held = False
            if self._read() == self._owner:
                self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()

    def __del__(self) -> None:
        with suppress(Exception):  # the interpreter may be shutting down
            self.release()

    def _create(self) -> bool:
        """Create the file atomically; return false if it exists."""
        text = json.dumps(self._owner)
        partial = self.path.with_name(f"{NAME}.{os.getpid()}.{time.monotonic_ns()}")
        try:
            partial.write_text(text)
            try:
                os.link(partial, self.path)
            except FileExistsError:
                return False
            except OSError:  # a file system without links
                return _create_exclusively(self.path, text)
            return True
        except OSError as error:
            raise RequestError(
                f"{self.path.parent} can't be written to: {error.strerror or error}.",
                "Choose another folder.",
            ) from error
        finally:
            partial.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        """Return the owner; None if the file is missing or unreadable."""
        try:
            owner = json.loads(self.path.read_text())
        except (OSError, ValueError, RecursionError):
            return None
        return owner if isinstance(owner, dict) else None

    def _old(self) -> bool:
        try:
            return time.time() - self.path.stat().st_mtime > _UNREADABLE_FOR
        except OSError:
            return False

    def _remove(self, owner: dict[str, Any] | None) -> None:
        """Remove a stale lock, unless another process has taken it over."""
        aside = self.path.with_name(f"{NAME}.{os.getpid()}.{time.monotonic_ns()}")
        with suppress(OSError):
            os.rename(self.path, aside)
            try:
                record = json.loads(aside.read_text())
            except (OSError, ValueError, RecursionError):
                record = None
            if record != owner:
                os.rename(aside, self.path)
            aside.unlink(missing_ok=True)

    def _taken(self, owner: dict[str, Any]) -> RequestError:
        return RequestError(
            f"{self.path.parent} is in use by {owner.get('purpose', 'another run')}: process "
            f"{owner.get('pid')} on {owner.get('host')}, since {owner.get('since')}.",
            f"Wait for it or stop it, or choose another folder; if it is gone, delete {NAME}.",
        )


def _create_exclusively(path: Path, text: str) -> bool:
    try:
        with open(path, "x") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def is_stale(owner: dict[str, Any]) -> bool:
    """Return whether the owner of a lock is an ended process of this host."""
    pid, started = owner.get("pid"), owner.get("started")
    if owner.get("host") != socket.gethostname():
        return False
    if not isinstance(pid, int) or not process_lives(pid):
        return True
    return bool(started) and started != process_start(pid)  # its process id was reused


def process_lives(pid: int) -> bool:
    """Return whether a process of this host runs."""
    if pid <= 0:
        return False
    if sys.platform == "win32":
        return _lives_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OverflowError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def _lives_on_windows(pid: int) -> bool:
    import ctypes

    query, still_active = 0x1000, 259
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(query, False, pid)
    if not handle:
        return ctypes.get_last_error() == 5  # type: ignore[attr-defined]  # access denied: it runs
    code = ctypes.c_ulong()
    known = kernel.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(code))
    kernel.CloseHandle(ctypes.c_void_p(handle))
    return bool(known) and code.value == still_active


def process_start(pid: int) -> str:
    """Return the start time of a process in the system's format; empty if unknown."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
