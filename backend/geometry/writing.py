"""Atomic writing of files."""

import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..contract.errors import RequestError, WorkError

_PARTIAL = re.compile(r"\.(.+)\.\d+\.part")
_FORGOTTEN = 3600.0  # seconds after which partial files count as abandoned


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; move it into place if the block succeeds.

    Errors and interruptions leave no new file behind, and an older one untouched.

    Raises
    ------
    RequestError
        If the folder is missing or may not be written to.
    WorkError
        If the disk is full, or writing fails in another way.
    """
    target = Path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        check_place(target)
        remove_partials(target.parent, target.name, older=_FORGOTTEN)
        yield partial
        os.replace(partial, target)
    except OSError as error:
        raise _sentence(target, error) from error
    finally:
        partial.unlink(missing_ok=True)


def remove_partials(folder: Path, name: str = "", *, older: float = 0.0) -> None:
    """Remove partial files of killed runs.

    Parameters
    ----------
    folder
        Where.
    name
        Of the target file; empty: any, for holders of the folder's lock only.
    older
        Minimum age in seconds.
    """
    now = time.time()
    with suppress(OSError):
        for entry in os.scandir(folder):
            match = _PARTIAL.fullmatch(entry.name)
            if match and name in ("", match[1]):
                with suppress(OSError):  # another process may remove it first
                    if now - entry.stat().st_mtime >= older:
                        os.unlink(entry.path)


def check_place(path: str | Path) -> None:
    """Refuse a target file that can't be written, before any work is done.

    Raises
    ------
    RequestError
        If the folder is missing or may not be written to, or the path is a folder.
    """
    target = Path(path)
    if target.is_dir():
        raise RequestError(f"{target} is a folder.", "Name a file in it.")
    if not target.parent.is_dir():
        raise RequestError(
            f"The folder {target.parent} for {target.name} does not exist.",
            "Create it, or choose another place.",
        )
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise _not_allowed(target)


def _not_allowed(target: Path) -> RequestError:
    return RequestError(
        f"You may not write to {target}: permission denied.", "Choose another place."
    )


def _sentence(target: Path, error: OSError) -> RequestError | WorkError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkError(
            f"{target} could not be written: the disk is full.",
            "Free some space, or choose another place.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _not_allowed(target)
    return WorkError(
        f"{target} could not be written: {error.strerror or error}.", "Choose another place."
    )
