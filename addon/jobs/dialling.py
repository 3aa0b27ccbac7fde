"""Connecting to a worker without ever waiting for it longer than is said.

`multiprocessing.connection` connects and shakes hands for as long as the other side likes; a worker
that was stopped between `listen` and `accept`, or a stranger at its socket, would hold Blender.
Knows no `bpy`.
"""

import os
import socket
from multiprocessing.connection import Client as Connector
from multiprocessing.connection import Connection
from typing import Any


class TimedConnection:
    """A connection that is given up when the other side takes too long to say something.

    Parameters
    ----------
    connection
        Of `multiprocessing.connection`.
    patience
        Seconds for each thing that is to be said.
    """

    def __init__(self, connection: Any, patience: float) -> None:
        self._connection = connection
        self._patience = patience

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        """Return what the other side says; raise `TimeoutError` if it says nothing."""
        if not self._connection.poll(self._patience):
            raise TimeoutError("the other side says nothing")
        return self._connection.recv_bytes(maxlength)

    def send_bytes(self, data: bytes) -> None:
        """Say something; a handshake's few bytes always find room."""
        self._connection.send_bytes(data)


def dial(address: str) -> Connection:
    """Return a connection, not authenticated yet, to what listens at an address.

    Raises
    ------
    OSError
        If nothing listens there, or it has callers enough already.
    """
    if os.name == "nt":
        return Connector(address)  # pyright: ignore[reportReturnType] - a pipe's connection
    line = socket.socket(socket.AF_UNIX)
    try:
        line.setblocking(False)  # a full queue of callers is an error, not a wait
        line.connect(address)
        line.setblocking(True)
        return Connection(line.detach())
    except OSError:
        line.close()
        raise
