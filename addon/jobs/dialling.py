"""Connects to a worker with time limits.

`multiprocessing.connection` waits indefinitely for connection and handshake; a worker that stopped
between `listen` and `accept`, or another process at its socket, would block Blender. Does not use
`bpy`.
"""

import os
import socket
from multiprocessing.connection import Client as Connector
from multiprocessing.connection import Connection
from typing import Any


class TimedConnection:
    """A connection that gives up if the other side takes too long to send.

    Parameters
    ----------
    connection
        Of `multiprocessing.connection`.
    patience
        Seconds for each message.
    """

    def __init__(self, connection: Any, patience: float) -> None:
        self._connection = connection
        self._patience = patience

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        """Return the other side's message; raise `TimeoutError` if there is none in time."""
        if not self._connection.poll(self._patience):
            raise TimeoutError("the other side sends nothing")
        return self._connection.recv_bytes(maxlength)

    def send_bytes(self, data: bytes) -> None:
        """Send a message; the few bytes of a handshake always fit into the buffer."""
        self._connection.send_bytes(data)


def dial(address: str) -> Connection:
    """Return a connection, not authenticated yet, to the listener at an address.

    Raises
    ------
    OSError
        If nothing listens there, or its backlog is full.
    """
    if os.name == "nt":
        return Connector(address)  # pyright: ignore[reportReturnType] - a pipe's connection
    line = socket.socket(socket.AF_UNIX)
    try:
        line.setblocking(False)  # a full backlog is an error, instead of blocking
        line.connect(address)
        line.setblocking(True)
        return Connection(line.detach())
    except OSError:
        line.close()
        raise
