"""The private channel between Blender and the worker: frames, blocking only on request.

`multiprocessing.connection` opens the connection and authenticates both ends with a key. From then
on this module reads and writes the bytes: on a socket directly from and into the arrays' memory, so
that each side copies a mesh at most once; on a Windows pipe in packets of at most one mebibyte.

Imports numpy and the standard library alone: Blender's side and the worker's share this file.
"""

import contextlib
import json
import os
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from . import wire

_PACKET = 1 << 20  # bytes in one packet of a pipe
_BUFFER = 4 << 20  # requested size of the system's buffers, bytes
_GATHER = 64  # buffers per system call, far below the limit of 1024


class Connection(Protocol):
    """The used part of a `multiprocessing.connection` connection, on a socket or a pipe."""

    def fileno(self) -> int: ...
    def poll(self, timeout: float | None = 0.0, /) -> bool: ...
    def send_bytes(self, buffer: Any, /) -> None: ...
    def recv_bytes(self, maxlength: int | None = None, /) -> bytes: ...
    def close(self) -> None: ...


class ChannelClosedError(EOFError):
    """The other side is gone."""


@dataclass(frozen=True)
class Garbled:
    """A complete but unusable message; the channel stays usable.

    Attributes
    ----------
    error : its fault
    job : the job that it names, for an answer to its sender; empty: none
    """

    error: Exception
    job: str = ""


class Channel:
    """Messages over an authenticated connection; owns the connection from then on.

    One thread may send while another receives. A message that can't be used arrives as `Garbled`;
    after any exception the channel can't be used any more.

    Parameters
    ----------
    connection
        Of `multiprocessing.connection`, both ends wrapped in a `Channel`.
    registry
        The dataclasses that may arrive, by name.
    version
        Of the protocol; the other side's must be the same.
    limit
        Bytes of arrays that one message may bring.
    packets
        Send through the connection in packets rather than straight through its socket, as Windows'
        pipes need.
    """

    def __init__(
        self,
        connection: Connection,
        registry: wire.Registry,
        *,
        version: int,
        limit: int = wire.BODY_LIMIT,
        packets: bool = os.name == "nt",
    ) -> None:
        self._line: _Line = _Packets(connection) if packets else _Socket(connection)
        self._registry = registry
        self._version = version
        self._limit = limit
        self._outbox: deque[memoryview] = deque()
        self._received: deque[Any] = deque()
        self._assembly = self._assemble()
        self._views = next(self._assembly)

    def send(self, message: Any) -> None:
        """Queue a message; `flush` writes it. Its arrays must not change until then."""
        self._outbox.extend(wire.pack(message, version=self._version))

    def flush(self, timeout: float | None = 0.0) -> bool:
        """Write queued messages for at most `timeout` seconds; None: until all are written.

        Returns true when all is written.

        Raises
        ------
        ChannelClosedError
            If the other side is gone.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._outbox:
            written = self._line.write(
                [self._outbox[i] for i in range(min(_GATHER, len(self._outbox)))]
            )
            _drop(self._outbox, written)
            left = None if deadline is None else deadline - time.monotonic()
            if self._outbox and left is not None and left <= 0:
                return False
            if not written:
                self._line.wait(left, writable=True)
        return True

    def poll(self, budget: float = 0.0) -> list[Any]:
        """Return the complete messages; reads for about `budget` seconds and never waits.

        A partial message is continued by the next call.

        Raises
        ------
        ChannelClosedError
            If the other side is gone and all its messages were returned.
        ProtocolError
            If an unknown message arrived.
        """
        deadline = time.monotonic() + budget
        try:
            while self._read() and time.monotonic() < deadline:
                pass
        except ChannelClosedError:
            if not self._received:
                raise
        messages = list(self._received)
        self._received.clear()
        return messages

    def wait(self, timeout: float | None = None, *, writable: bool = False) -> None:
        """Wait until data can be read, the other side is gone, or the time is over.

        With `writable`, also return when queued data can be written.
        """
        self._line.wait(timeout, readable=True, writable=writable and bool(self._outbox))

    def close(self) -> None:
        """Close the connection; queued messages are lost."""
        self._outbox.clear()
        self._line.close()

    def _read(self) -> bool:
        """Read once into the current buffer; return false if no data is available."""
        count = self._line.read([self._views[i] for i in range(min(_GATHER, len(self._views)))])
        _drop(self._views, count)
        while not self._views:
            self._views = next(self._assembly)
        return count > 0

    def _assemble(self) -> Iterator[deque[memoryview]]:
        """Yield the next buffer to fill: prefix, header, arrays, message after message."""
        while True:
            prefix = bytearray(wire.PREFIX_SIZE)
            yield deque([memoryview(prefix)])
            length, body = wire.read_prefix(prefix, version=self._version, limit=self._limit)
            data = bytearray(length)
            yield deque([memoryview(data)] if length else [])
            try:
                header = wire.read_header(data, body)
                # Uninitialised: the message is returned only after every byte was read.
                arrays = [np.empty(shape, dtype) for dtype, shape in header.arrays]  # noqa: TID251
            except (wire.ProtocolError, MemoryError) as error:
                yield from _passed_over(body)
                self._received.append(Garbled(error, _job_in(data)))
                continue
            yield deque(wire.bytes_of(array) for array in arrays if array.nbytes)
            self._received.append(self._unpacked(header, arrays, data))

    def _unpacked(self, header: wire.FrameHeader, arrays: list[np.ndarray], data: bytearray) -> Any:
        """Return the message, or `Garbled` if it is unusable."""
        try:
            return wire.unpack(header, arrays, self._registry)
        except Exception as error:
            return Garbled(error, _job_in(data))


def _passed_over(count: int) -> Iterator[deque[memoryview]]:
    """Yield memory for `count` bytes to be discarded, a packet at a time."""
    scrap = bytearray(min(count, _PACKET))
    while count:
        part = min(count, _PACKET)
        yield deque([memoryview(scrap)[:part]])
        count -= part


def _job_in(data: bytearray) -> str:
    """Return the job named in a message's header, even if the header is damaged."""
    try:
        job = json.loads(data)[1]["job"]
    except (ValueError, TypeError, LookupError, RecursionError, MemoryError):
        return ""
    return job if isinstance(job, str) else ""


def _drop(views: deque[memoryview], count: int) -> None:
    """Remove the first `count` bytes from a list of buffers."""
    while count:
        if count < len(views[0]):
            views[0] = views[0][count:]
            return
        count -= len(views.popleft())


# ---------------------------------------------------------------- two kinds of line


class _Line(Protocol):
    """Sends and receives bytes; a count of 0 means no room, or no data, right now."""

    def write(self, views: list[memoryview]) -> int: ...
    def read(self, views: list[memoryview]) -> int: ...
    def wait(
        self, timeout: float | None, *, readable: bool = False, writable: bool = False
    ) -> None: ...
    def close(self) -> None: ...


class _Socket:
    """A non-blocking stream socket that reads and writes many buffers per call."""

    def __init__(self, connection: Connection) -> None:
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        connection.close()
        self._socket.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        # An embedded Python may not ignore SIGPIPE: a dead worker must not take Blender
        # along.
        self._flags = getattr(socket, "MSG_NOSIGNAL", 0)
        no_signal = getattr(socket, "SO_NOSIGPIPE", None)
        if no_signal is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, no_signal, 1)

    def write(self, views: list[memoryview]) -> int:
        try:
            return self._socket.sendmsg(views, [], self._flags)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ChannelClosedError from error

    def read(self, views: list[memoryview]) -> int:
        try:
            count = self._socket.recvmsg_into(views)[0]
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ChannelClosedError from error
        if not count:
            raise ChannelClosedError
        return count

    def wait(
        self, timeout: float | None, *, readable: bool = False, writable: bool = False
    ) -> None:
        # Not select(), which fails for descriptors above 1023; Blender may have that many.
        poller = select.poll()
        poller.register(self._socket, select.POLLIN * readable | select.POLLOUT * writable)
        poller.poll(None if timeout is None else timeout * 1000)

    def close(self) -> None:
        self._socket.close()


class _Packets:
    """A packet connection, read as one stream of bytes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rest = memoryview(b"")

    def write(self, views: list[memoryview]) -> int:
        packet = views[0][:_PACKET]
        try:
            self._connection.send_bytes(packet)
        except OSError as error:
            raise ChannelClosedError from error
        return len(packet)

    def read(self, views: list[memoryview]) -> int:
        try:
            if not self._rest and self._connection.poll(0):
                self._rest = memoryview(self._connection.recv_bytes(_PACKET))
        except (EOFError, OSError) as error:
            raise ChannelClosedError from error
        count = min(len(self._rest), len(views[0]))
        views[0][:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def wait(
        self, timeout: float | None, *, readable: bool = False, writable: bool = False
    ) -> None:
        if writable or self._rest:
            return  # write() waits itself; everything else is ready at once
        with contextlib.suppress(EOFError, OSError):  # the next read reports it
            self._connection.poll(timeout)

    def close(self) -> None:
        self._connection.close()
