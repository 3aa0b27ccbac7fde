"""A worker's private folder with its socket and log. Does not use `bpy`."""

import logging
import os
import secrets
import tempfile
from pathlib import Path

from ...backend.contract.errors import WorkError

logger = logging.getLogger(__name__)

LOG = "worker.log"


SOCKET = "socket"


_LONGEST_ADDRESS = 100  # bytes; systems allow 104 or 108 for a socket's path


_LOG_LIMIT = 4 << 20  # bytes of the log's file; what is kept when it grows over that:


LOG_KEPT = 256 << 10


def private_folder(parent: str) -> Path:
    """Make a folder for this user alone; in `parent` if a socket's path is short enough there."""
    longest = len(os.fsencode(os.path.join(parent, "levelform-12345678", SOCKET)))
    try:
        return Path(
            tempfile.mkdtemp(
                prefix="levelform-", dir=parent if parent and longest <= _LONGEST_ADDRESS else None
            )
        )
    except OSError as error:
        raise WorkError(
            f"No temporary folder can be made ({error}).",
            "Free some space in the temporary folder.",
        ) from error


def address_in(folder: Path) -> str:
    if os.name == "nt":
        return rf"\\.\pipe\{folder.name}-{secrets.token_hex(8)}"
    return str(folder / SOCKET)


def tail_of(path: Path, size: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - size))
        return file.read()


def limit_log(path: Path) -> None:
    """Truncate a log that is too large to its tail; the worker continues to append."""
    try:
        if path.stat().st_size <= _LOG_LIMIT:
            return
        tail = tail_of(path, LOG_KEPT)
        os.truncate(path, 0)
        with open(path, "ab") as file:
            file.write(tail)
    except OSError as error:
        logger.debug("the worker's log can't be shortened: %s", error)
