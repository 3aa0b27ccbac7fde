"""The private channel between Blender and the worker: frames in and out, blocking only if told to.

The connection comes from `multiprocessing.connection`, which has made sure with a key that both
ends are ours. From then on the bytes are written and read here: on a socket straight from and into
the arrays' own memory, so that each side copies a mesh once at most; on a Windows pipe in packets
of at most a mebibyte.

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
_BUFFER = 4 << 20  # bytes the system may hold on the way, where it allows that many
_GATHER = 64  # buffers handed to the system at once, far below its limit of 1024


class Connection(Protocol):
    """What is used of a connection of `multiprocessing.connection`, of a socket or a pipe."""

    def fileno(self) -> int: ...
    def poll(self, timeout: float | None = 0.0, /) -> bool: ...
    def send_bytes(self, buffer: Any, /) -> None: ...
    def recv_bytes(self, maxlength: int | None = None, /) -> bytes: ...
    def close(self) -> None: ...


class ChannelClosedError(EOFError):
    """The other side has gone."""


@dataclass(frozen=True)
class Garbled:
    """A message that arrived whole and can't be used; the channel goes on after it.

    Attributes
    ----------
    error : what is wrong with it
    job : the job that it names, so that its sender can be answered; empty: none
    """

    error: Exception
    job: str = ""


class Channel:
    """Messages over an authenticated connection; owns the connection from then on.

    One thread may send while another receives. A message that can't be used arrives as `Garbled`;
    after any exception the channel is of no further use.

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
        """Write what is queued, for at most `timeout` seconds; None: until all is written.

        Returns true when all is written.

        Raises
        ------
        ChannelClosedError
            If the other side has gone.
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
        """Return the messages that are complete; read for about `budget` seconds, never wait.

        A message that is half there stays so until the next call.

        Raises
        ------
        ChannelClosedError
            If the other side has gone and every message it sent was returned.
        ProtocolError
            If something else than a known message arrived.
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
        """Wait until there is something to read, the other side has gone, or the time is over.

        With `writable`, also until some of what is queued can be written.
        """
        self._line.wait(timeout, readable=True, writable=writable and bool(self._outbox))

    def close(self) -> None:
        """Close the connection; queued messages are lost."""
        self._outbox.clear()
        self._line.close()

    def _read(self) -> bool:
        """Read once into what is being filled; false when nothing is there to read."""
        count = self._line.read([self._views[i] for i in range(min(_GATHER, len(self._views)))])
        _drop(self._views, count)
        while not self._views:
            self._views = next(self._assembly)
        return count > 0

    def _assemble(self) -> Iterator[deque[memoryview]]:
        """Yield the memory to be filled next: prefix, header, arrays, message after message."""
        while True:
            prefix = bytearray(wire.PREFIX_SIZE)
            yield deque([memoryview(prefix)])
            length, body = wire.read_prefix(prefix, version=self._version, limit=self._limit)
            data = bytearray(length)
            yield deque([memoryview(data)] if length else [])
            try:
                header = wire.read_header(data, body)
                # Uninitialised: nobody sees the message before every byte has been read into it.
                arrays = [np.empty(shape, dtype) for dtype, shape in header.arrays]  # noqa: TID251
            except (wire.ProtocolError, MemoryError) as error:
                yield from _passed_over(body)
                self._received.append(Garbled(error, _job_in(data)))
                continue
            yield deque(wire.bytes_of(array) for array in arrays if array.nbytes)
            self._received.append(self._unpacked(header, arrays, data))

    def _unpacked(self, header: wire.FrameHeader, arrays: list[np.ndarray], data: bytearray) -> Any:
        """Return the message, or `Garbled` whatever may be wrong with it."""
        try:
            return wire.unpack(header, arrays, self._registry)
        except Exception as error:
            return Garbled(error, _job_in(data))


def _passed_over(count: int) -> Iterator[deque[memoryview]]:
    """Yield memory for `count` bytes that nobody wants, a packet at a time."""
    scrap = bytearray(min(count, _PACKET))
    while count:
        part = min(count, _PACKET)
        yield deque([memoryview(scrap)[:part]])
        count -= part


def _job_in(data: bytearray) -> str:
    """Return the job that the header of a message names, however little of it is right."""
    try:
        job = json.loads(data)[1]["job"]
    except (ValueError, TypeError, LookupError, RecursionError, MemoryError):
        return ""
    return job if isinstance(job, str) else ""


def _drop(views: deque[memoryview], count: int) -> None:
    """Take the first `count` bytes out of a row of buffers."""
    while count:
        if count < len(views[0]):
            views[0] = views[0][count:]
            return
        count -= len(views.popleft())


# ---------------------------------------------------------------- two kinds of line


class _Line(Protocol):
    """Bytes out and in; a count of 0 says that there is no room, or nothing to read, just now."""

    def write(self, views: list[memoryview]) -> int: ...
    def read(self, views: list[memoryview]) -> int: ...
    def wait(
        self, timeout: float | None, *, readable: bool = False, writable: bool = False
    ) -> None: ...
    def close(self) -> None: ...


class _Socket:
    """A stream socket, not blocking, reading and writing many buffers in one call."""

    def __init__(self, connection: Connection) -> None:
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        connection.close()
        self._socket.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        # An embedded Python may leave SIGPIPE deadly: a worker that died must not take Blender
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
    """A connection that keeps packets apart, read as one stream of bytes."""

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
            return  # write() itself waits; the rest can be read at once
        with contextlib.suppress(EOFError, OSError):  # the read that follows says so
            self._connection.poll(timeout)

    def close(self) -> None:
        self._connection.close()
