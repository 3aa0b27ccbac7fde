"""Blender's end of the worker's process and channel, without threads and without blocking.

`poll` is called on every tick of a timer and does what can be done immediately: look for the
worker's socket, connect, write queued messages, read events. Does not use `bpy`.
"""

import atexit
import contextlib
import logging
import math
import os
import secrets
import subprocess
import time
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any

from ...backend.contract import memory, protocol
from ...backend.contract.errors import LevelformError, WorkError
from ..backend_setup.environment import clean_environment
from .dialling import TimedConnection, dial
from .processes import KILLED, end_process, reason_of
from .worker_folder import (
    LOG,
    LOG_KEPT,
    SOCKET,
    address_in,
    limit_log,
    private_folder,
    tail_of,
)

LAUNCHER = Path(__file__).parents[2] / "backend" / "launch.py"
_HANDSHAKE_PATIENCE = 0.1  # seconds for each step of the handshake: our worker takes a millisecond
_STRANGERS = 3  # failed handshakes after which the start has failed
_START_PATIENCE = 180.0  # seconds until `Ready`; importing torch from a slow disk takes a minute
_EXIT_PATIENCE = 3.0  # seconds from the end of the channel to that of the process
_STOP_PATIENCE = 1.0  # seconds for an orderly end, then after SIGTERM

logger = logging.getLogger(__name__)


class ClientState(StrEnum):
    """STARTING until the worker has imported its libraries, ENDED after any end of it."""

    IDLE = "idle"
    STARTING = "starting"
    READY = "ready"
    ENDED = "ended"


@dataclass(frozen=True)
class Ending:
    """Why a worker ended unexpectedly: a sentence, what to do, and the tail of its log."""

    message: str
    hint: str
    log: str


class Client:
    """One worker's process, from its start to its end; each worker has a new client.

    Parameters
    ----------
    python
        The interpreter, which has torch.
    log_folder
        Parent of the private folder with the socket and the log; empty: the system's folder of
        temporary files. The private folder is removed when the worker ends.
    script
        The script that the interpreter runs.
    methods
        The user's folder of methods; empty: the one in the environment, if any.
    """

    def __init__(
        self, python: str, log_folder: str = "", *, script: Path = LAUNCHER, methods: str = ""
    ) -> None:
        self.python = python
        self.state = ClientState.IDLE
        self.ready: protocol.Ready | None = None
        self.ending: Ending | None = None
        self._log_folder = log_folder
        self._script = script
        self._methods = methods
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: protocol.Channel | None = None
        self._folder = Path()
        self._address = ""
        self._key = b""
        self._hung_up = False  # the worker has closed its end of the channel
        self._line: Connection | None = None  # connected, but the worker is not authenticated yet
        self._strangers = 0
        self.heard_at = 0.0  # time of the worker's last event, in seconds of `time.monotonic`
        self._pinged = 0
        self._lifeline = -1  # closing this end of the worker's standard input ends it
        self._deadline = math.inf
        self._failure: protocol.Failed | None = None  # sent by a worker that could not start
        self._last_log = ""

    # ------------------------------------------------------------ state

    @property
    def alive(self) -> bool:
        """Whether the process is running, as last checked."""
        return self.state in (ClientState.STARTING, ClientState.READY)

    @property
    def pid(self) -> int | None:
        """The process's ID; None before the start."""
        return self._process.pid if self._process else None

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of the worker's log, even after it has ended."""
        with contextlib.suppress(OSError):
            self._last_log = tail_of(self._folder / LOG, LOG_KEPT).decode(errors="replace")
        return "\n".join(self._last_log.splitlines()[-lines:])

    # ------------------------------------------------------------ interface

    def start(self) -> None:
        """Start the process; `state` becomes READY, or ENDED, in a later `poll`.

        Raises
        ------
        WorkError
            If the interpreter can't be run, or the private folder can't be created.
        """
        self._folder = private_folder(self._log_folder)
        self._address = address_in(self._folder)
        self._key = secrets.token_hex(32).encode()
        try:
            self._process = self._spawn()
        except OSError as error:
            self._release()
            raise WorkError(
                f"The backend's Python {self.python!r} can't be run ({error.strerror}).",
                "Press Install Backend, or choose another Python in the preferences.",
            ) from error
        self.state = ClientState.STARTING
        self._deadline = time.monotonic() + _START_PATIENCE
        atexit.register(self.stop)
        logger.info("worker %s started with %s", self._process.pid, self.python)

    def send(self, message: Any) -> None:
        """Queue a message for a READY worker; its arrays must not change afterwards.

        Raises
        ------
        ProtocolError
            If it can't be sent, see `wire.pack`.
        WorkError
            If the worker is not ready.
        """
        if self.state is not ClientState.READY or self._channel is None:
            raise WorkError("The backend is not ready.", "Wait until it has started.")
        self._channel.send(message)

    def poll(self, budget: float = 0.0) -> list[Any]:
        """Write and read for about `budget` seconds; return the events that arrived.

        `Ready` is among them and also stored in `ready`. If the worker has ended, `state` becomes
        ENDED and `ending` states why.
        """
        if not self.alive:
            return []
        if self._channel is None:
            self._connect()
        events = self._exchange(budget) if self._channel else []
        if events:
            self.heard_at = time.monotonic()
        for event in events:
            self._note(event)
        self._check_life()
        return events

    def cpu_seconds(self) -> float | None:
        """Return the CPU time that the worker has used so far; None if unknown on this system."""
        try:
            with open(f"/proc/{self.pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError, AttributeError):
            return None

    def ping(self) -> None:
        """Ask a READY worker for a sign of life; the answer updates `heard_at`."""
        self._pinged += 1
        self.send(protocol.Ping(self._pinged))

    def wait(self, timeout: float) -> None:
        """Wait until there may be something to `poll`, for at most `timeout` seconds."""
        if self._channel is None or self._hung_up:
            time.sleep(min(timeout, 0.01))
        else:
            self._channel.wait(timeout, writable=True)

    def stop(self) -> None:
        """End the worker (request, signal, kill) and clean up. May be called at any time."""
        if self._channel is not None and self.alive:
            with contextlib.suppress(protocol.ChannelClosedError):
                self._channel.send(protocol.Shutdown())
                self._channel.flush(0.2)
        self._finish(patience=_STOP_PATIENCE)
        self.ending = None

    def kill(self) -> None:
        """Kill an unresponsive worker immediately."""
        self._finish(patience=0.0)

    # ------------------------------------------------------------ steps

    def _spawn(self) -> subprocess.Popen[bytes]:
        reading, self._lifeline = os.pipe()
        # Written before the process exists: writing to a broken pipe could kill Blender.
        os.write(self._lifeline, self._key + b"\n")
        options = ["-I", "-u", "-X", "faulthandler"]
        try:
            with open(self._folder / LOG, "ab") as log:
                return subprocess.Popen(
                    [self.python, *options, str(self._script), self._address, str(self._folder)],
                    stdin=reading,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self._folder,
                    env=clean_environment(self._methods),
                    start_new_session=True,  # Ctrl-C in Blender's terminal must not reach it
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        finally:
            os.close(reading)

    def _connect(self) -> None:
        """Connect once the worker listens, which it does before its imports.

        This does not block: a silent peer is checked again on the next tick, and one that falls
        silent during the handshake is given up after `_HANDSHAKE_PATIENCE`.
        """
        if os.name != "nt" and not os.path.exists(self._address):
            return
        try:
            self._line = self._line or dial(self._address)
            if not self._line.poll(0):
                return
            line = TimedConnection(self._line, _HANDSHAKE_PATIENCE)
            answer_challenge(line, self._key)  # pyright: ignore[reportArgumentType]
            deliver_challenge(line, self._key)  # pyright: ignore[reportArgumentType]
        except (OSError, EOFError, AuthenticationError, AssertionError) as error:
            logger.debug("no connection to the worker yet: %s", error)
            self._hang_up()
            return
        self._channel = protocol.open_channel(self._line, receives=protocol.EVENTS)
        self._line = None

    def _hang_up(self) -> None:
        """Close an unauthenticated connection; too many of them end the start."""
        if self._line is None:
            return
        self._line.close()
        self._line = None
        self._strangers += 1
        if self._strangers >= _STRANGERS:
            self._deadline = 0.0

    def _exchange(self, budget: float) -> list[Any]:
        """Write queued messages, then read for the rest of the budget."""
        assert self._channel is not None
        start = time.monotonic()
        try:
            with contextlib.suppress(protocol.ChannelClosedError):
                self._channel.flush(budget)
            return self._channel.poll(budget - (time.monotonic() - start))
        except protocol.ChannelClosedError:
            if not self._hung_up:
                self._hung_up = True
                self._deadline = time.monotonic() + _EXIT_PATIENCE
        except protocol.ProtocolError as error:
            logger.error("%s", error)
            self._failure = protocol.Failed("", error.message, error.hint)
            self.kill()
        return []

    def _note(self, event: Any) -> None:
        if isinstance(event, protocol.Ready):
            self.ready = event
            self.state = ClientState.READY
            self._deadline = math.inf
        elif isinstance(event, protocol.Garbled):
            logger.error("%s", event.error)
            self._failure = protocol.Failed("", *_words(event.error))
            self.kill()
        elif isinstance(event, protocol.Failed) and not event.job:
            self._failure = event

    def _check_life(self) -> None:
        """Detect that the process has ended, or has missed its deadline."""
        if not self.alive or self._process is None:
            return
        # Events sent before the process ended must still be read, up to the channel's end.
        silent = self._channel is None or self._hung_up
        if (self._process.poll() is not None and silent) or time.monotonic() > self._deadline:
            self._finish(patience=0.0)
        else:
            limit_log(self._folder / LOG)

    def _finish(self, *, patience: float) -> None:
        """End the process if necessary, record why it ended, and clean up."""
        process = self._process
        if process is None or not self.alive:
            return
        was_ready, self.state = self.state is ClientState.READY, ClientState.ENDED
        late = process.poll() is None
        log = self.log_tail()  # a worker that loses its connection removes its log
        self._close_lines()
        end_process(process, patience)
        self.ending = self._why(process.returncode, log, was_ready=was_ready, late=late)
        self._release()
        logger.info("worker %s ended with status %s", process.pid, process.returncode)

    def _why(self, status: int, log: str, *, was_ready: bool, late: bool) -> Ending:
        """Return why the process ended."""
        if self._failure is not None:
            return Ending(self._failure.message, self._failure.hint, self._failure.detail or log)
        reason = "it did not answer" if late else reason_of(status)
        if was_ready:
            killed = status == -KILLED and not late
            hint = f"{memory.MAY_HAVE_RUN_OUT} {memory.REMEDY}" if killed else "Try again."
            return Ending(f"The backend ended unexpectedly: {reason}.", hint, log)
        said = log.strip().rpartition("\n")[2]
        return Ending(
            f"The backend could not be started: {said or reason}",
            "Press Install Backend, or choose another Python in the preferences.",
            log,
        )

    def _close_lines(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def _release(self) -> None:
        self._close_lines()
        atexit.unregister(self.stop)
        for name in (SOCKET, LOG):
            with contextlib.suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()


def _words(error: Exception) -> tuple[str, str]:
    """Return the message of an exception, and its hint if it has one."""
    if isinstance(error, LevelformError):
        return error.message, error.hint
    return f"The backend sent invalid data ({error}).", "Try again."
