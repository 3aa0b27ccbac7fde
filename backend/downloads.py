"""Fetch one large file: resumable, checked, and written beside its target until it is whole.

What came so far stays in a partial file, named after the expected hash, and a later call goes on
there (HTTP ranges). A connection that breaks is tried again a few times. The file is moved into
place once its size and SHA-256 are right. Uses the standard library alone.
"""

import errno
import hashlib
import http.client
import os
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from typing import IO, Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from .contract.errors import LevelformError, RequestError, WorkError
from .contract.weights import host_of, megabytes
from .ticket import Ticket

CHUNK = 1 << 20
TIMEOUT = 30.0  # seconds without a byte
TRIES = 5  # in a row that bring nothing
PATIENCE = (1.0, 2.0, 4.0, 8.0)  # seconds before another try
SPARE = 64 << 20  # bytes that are left free on the disk
AGENT = "Levelform (Blender extension)"


@dataclass(frozen=True)
class Download:
    """A file to fetch.

    Attributes
    ----------
    url : http(s) address
    size : bytes
    sha256 : in hexadecimal
    """

    url: str
    size: int
    sha256: str


def fetch(download: Download, target: Path, ticket: Ticket, *, more: int = 0) -> None:
    """Fetch a file to `target`, unless it is there; a partial file of an earlier call is continued.

    Parameters
    ----------
    download
        A file to fetch.
    target
        Where to; its folder exists.
    ticket
        Reports the fraction of bytes; received bytes stay when it cancels.
    more
        Bytes of disk space that will be needed beside the file.

    Raises
    ------
    RequestError
        If the address is not one of http(s), or the disk has too little space.
    WorkError
        If the server can't be reached, refuses, has another file, or the disk is full.
    """
    if urlsplit(download.url).scheme not in ("http", "https"):
        raise RequestError(
            f"{download.url!r} is not an address of http or https.",
            "Give an address that begins with https://.",
        )
    if _size_of(target) == download.size and sha256_of(target, ticket) == download.sha256:
        return
    partial = target.with_name(f".{target.name}.{download.sha256[:12]}.part")
    _check_space(download.size + more - _size_of(partial), target.parent)
    with _disk_errors(target):
        _complete(download, partial, ticket)
        _check_hash(download, partial, ticket)
        os.replace(partial, target)


def sha256_of(path: Path, ticket: Ticket) -> str:
    """Return the SHA-256 of a file, in hexadecimal; the ticket is checked once a block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(4 * CHUNK):
            digest.update(chunk)
            ticket.check()
    return digest.hexdigest()


# ---------------------------------------------------------------- the connection


def _complete(download: Download, partial: Path, ticket: Ticket) -> None:
    """Extend the partial file to its whole size; give up after `TRIES` that bring nothing."""
    opener = build_opener(_Redirects(download))
    failures = 0
    while (before := _size_of(partial)) < download.size:
        try:
            _continue(opener, download, partial, ticket)
        except _BrokenError as error:
            failures = 0 if _size_of(partial) > before else failures + 1
            if failures == TRIES:
                raise WorkError(
                    f"The connection to {host_of(download.url)} broke {TRIES} times in a row, "
                    f"after {megabytes(_size_of(partial))} of {megabytes(download.size)} "
                    f"({error}).",
                    "Try again: the download continues where it stopped.",
                ) from error
            _wait(PATIENCE[min(failures, len(PATIENCE) - 1)] if failures else 0.0, ticket)


class _BrokenError(Exception):
    """The connection ended early; another try may go on."""


def _continue(opener: OpenerDirector, download: Download, partial: Path, ticket: Ticket) -> None:
    """Ask for the missing bytes once, and append the answer."""
    have = _size_of(partial)
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    ticket.advance(have / download.size)
    try:
        with opener.open(Request(download.url, headers=headers), timeout=TIMEOUT) as response:
            check_stated(response.headers, download)
            if response.status != 206 or not _begins_at(response.headers, have):
                have = 0  # the server sends the whole file
            _check_length(response.headers, download, have)
            with partial.open("r+b" if have else "wb") as file:
                file.truncate(have)
                file.seek(have)
                _append(response, file, download, have, ticket)
    except HTTPError as error:
        _refused(error, download, partial)
    except URLError as error:
        _unreachable(error, download)
    except (TimeoutError, ConnectionError, http.client.HTTPException, ssl.SSLError) as error:
        raise _BrokenError(_words(error)) from error


def _append(response: Any, file: IO[bytes], download: Download, have: int, ticket: Ticket) -> None:
    """Write the received bytes, at most the file's size."""
    while have < download.size:
        chunk = _read(response, min(CHUNK, download.size - have))
        if not chunk:
            raise _BrokenError("it ended early")
        file.write(chunk)
        have += len(chunk)
        ticket.advance(have / download.size)


def _read(response: Any, count: int) -> bytes:
    try:
        return response.read(count)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_words(error)) from error


class _Redirects(HTTPRedirectHandler):
    """Follows redirects, never from https to http; hears what each answer states of the file."""

    def __init__(self, download: Download) -> None:
        self._download = download

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme not in ("http", "https") or (req.type == "https" and scheme != "https"):
            raise WorkError(
                f"{host_of(req.full_url)} redirects to an address that is not secure, "
                f"{scheme}://{host_of(newurl)}.",
                "Try again in another network, or download the file by hand and choose it.",
            )
        check_stated(headers, self._download)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_stated(headers: HTTPMessage, download: Download) -> None:
    """Refuse a different file by the answer's headers, before it is sent.

    A model hub states the size and the SHA-256 of a large file in `X-Linked-Size` and
    `X-Linked-Etag`; other entity tags are not hashes and are ignored.

    Raises
    ------
    WorkError
        If one differs from what is expected.
    """
    tag = (headers.get("X-Linked-Etag") or "").removeprefix("W/").strip('"').lower()
    is_hash = len(tag) == 64 and set(tag) <= set("0123456789abcdef")
    if is_hash and tag != download.sha256:
        raise _other_file(download, f"the SHA-256 {tag}, not {download.sha256}")
    size = headers.get("X-Linked-Size") or ""
    if size.isdecimal() and int(size) != download.size:
        raise _other_file(download, f"{int(size):,} bytes, not {download.size:,}")


def _check_length(headers: HTTPMessage, download: Download, have: int) -> None:
    """Refuse an answer of a different length than the missing part."""
    length = headers.get("Content-Length") or ""
    if length.isdecimal() and have + int(length) != download.size:
        raise _other_file(download, f"{have + int(length):,} bytes, not {download.size:,}")


def _other_file(download: Download, words: str) -> WorkError:
    return WorkError(
        f"{host_of(download.url)} has another file than expected there: {words}.",
        "Update Levelform, or download the file by hand and choose it.",
    )


def _begins_at(headers: HTTPMessage, have: int) -> bool:
    """Whether a partial answer begins where the partial file ends."""
    return (headers.get("Content-Range") or "").startswith(f"bytes {have}-")


# ---------------------------------------------------------------- failures


def _refused(error: HTTPError, download: Download, partial: Path) -> None:
    """Turn the server's refusal into a sentence, or into another try."""
    host = host_of(download.url)
    if error.code == 416:  # the partial file is longer than the server's file
        partial.unlink(missing_ok=True)
        raise _BrokenError("the range was refused") from error
    if error.code in (408, 425, 429, 500, 502, 503, 504):
        raise _BrokenError(f"status {error.code}") from error
    if error.code in (404, 410):
        raise WorkError(
            f"{host} has no such file any more (status {error.code}).",
            "Update Levelform, or download the file by hand and choose it.",
        ) from error
    raise WorkError(
        f"{host} refuses to send the file (status {error.code}).",
        "Try again later, or download the file by hand and choose it.",
    ) from error


def _unreachable(error: URLError, download: Download) -> NoReturn:
    """Turn a failed connection into a sentence, or into another try."""
    reason, host = error.reason, host_of(download.url)
    if isinstance(reason, socket.gaierror):
        raise WorkError(
            f"The host {host} can't be found.",
            "Check the network connection, or download the file by hand and choose it.",
        ) from error
    if isinstance(reason, ssl.SSLCertVerificationError):
        raise WorkError(
            f"The certificate of {host} can't be verified ({reason.verify_message}).",
            "A proxy may replace it: download the file by hand and choose it.",
        ) from error
    raise _BrokenError(_words(reason)) from error


def _words(error: object) -> str:
    """Return a short description of a failed connection."""
    if isinstance(error, TimeoutError):
        return f"nothing came for {TIMEOUT:.0f} s"
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(words).rstrip(".")


@contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    """Turn errors of the disk into sentences."""
    try:
        yield
    except LevelformError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            raise WorkError(
                f"The disk of {target.parent} is full.",
                "Free some space and try again: the download continues where it stopped.",
            ) from error
        raise WorkError(
            f"{target.parent} can't be written to: {error.strerror or error}.",
            "Check the folder's permissions, or name another in $LEVELFORM_WEIGHTS.",
        ) from error


def _check_space(wanted: int, folder: Path) -> None:
    """Refuse a disk with too little space, before anything is fetched."""
    free = shutil.disk_usage(folder).free
    if free < wanted + SPARE:
        raise RequestError(
            f"{megabytes(wanted + SPARE)} are needed in {folder}, and {megabytes(free)} are free.",
            "Free some space, or name another folder in $LEVELFORM_WEIGHTS.",
        )


def _check_hash(download: Download, partial: Path, ticket: Ticket) -> None:
    """Delete the partial file and refuse it if its SHA-256 is not the expected one."""
    actual = sha256_of(partial, ticket)
    if actual != download.sha256:
        partial.unlink(missing_ok=True)
        raise WorkError(
            f"The file from {host_of(download.url)} has the SHA-256 {actual}, not "
            f"{download.sha256}, so it was deleted.",
            "Try again; if it stays so, download the file by hand and choose it.",
        )


def _wait(seconds: float, ticket: Ticket) -> None:
    """Wait, checking the ticket."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        ticket.check()
        time.sleep(min(left, 0.1))
    ticket.check()


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
