"""The worker's process and the channel to it, seen from Blender: no threads, and no waiting.

Knows no `bpy`. `poll` is called on every tick of a timer and does what can be done at once: look
for the worker's socket, connect, write what is queued, read what has arrived.
"""

import atexit
import contextlib
import logging
import math
import os
import secrets
import signal
import subprocess
import tempfile
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

LAUNCHER = Path(__file__).parents[2] / "backend" / "launch.py"
LOG = "worker.log"
_SOCKET = "socket"
_LONGEST_ADDRESS = 100  # bytes; systems allow 104 or 108 for a socket's path
_LOG_LIMIT = 4 << 20  # bytes of the log's file; what is kept when it grows over that:
_LOG_KEPT = 256 << 10
_HANDSHAKE_PATIENCE = 0.1  # seconds for each step of it: an honest worker takes a millisecond
_STRANGERS = 3  # handshakes that may fail until the start has failed
_START_PATIENCE = 180.0  # seconds until `Ready`; torch on a slow disk takes a minute
_EXIT_PATIENCE = 3.0  # seconds from the channel's end to the process's
_STOP_PATIENCE = 1.0  # seconds for an orderly end, then for a polite signal
_KILLED = 9  # SIGKILL, which Windows does not name

logger = logging.getLogger(__name__)


class ClientState(StrEnum):
    """STARTING until the worker has its libraries, ENDED once it is gone for whatever reason."""

    IDLE = "idle"
    STARTING = "starting"
    READY = "ready"
    ENDED = "ended"


@dataclass(frozen=True)
class Ending:
    """Why a worker ended that was not told to: a sentence, what to do, and the tail of its log."""

    message: str
    hint: str
    log: str


class Client:
    """One worker's process, from its start to its end; make a new one for the next.

    Parameters
    ----------
    python
        The interpreter, which has torch.
    log_folder
        Where the private folder with the socket and the log is made; empty: where the system keeps
        temporary files. Everything in it is removed when the worker ends.
    script
        What the interpreter runs.
    methods
        The user's folder of methods; empty: what the environment says.
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
        self._line: Connection | None = None  # connected, and the worker has not said who it is yet
        self._strangers = 0
        self.heard_at = 0.0  # seconds of `time.monotonic` when the worker last sent anything
        self._pinged = 0
        self._lifeline = -1  # the worker ends when this end of its standard input is closed
        self._deadline = math.inf
        self._failure: protocol.Failed | None = None  # said by a worker that could not start
        self._last_log = ""

    # ------------------------------------------------------------ what it is

    @property
    def alive(self) -> bool:
        """Whether the process runs, as far as is known."""
        return self.state in (ClientState.STARTING, ClientState.READY)

    @property
    def pid(self) -> int | None:
        """The process's number; None before the start."""
        return self._process.pid if self._process else None

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines that the worker wrote, also after it has ended."""
        with contextlib.suppress(OSError):
            self._last_log = _tail_of(self._folder / LOG, _LOG_KEPT).decode(errors="replace")
        return "\n".join(self._last_log.splitlines()[-lines:])

    # ------------------------------------------------------------ life

    def start(self) -> None:
        """Start the process; `state` becomes READY, or ENDED, in a later `poll`.

        Raises
        ------
        WorkError
            If the interpreter can't be run, or there is no place for the private folder.
        """
        self._folder = _private_folder(self._log_folder)
        self._address = _address_in(self._folder)
        self._key = secrets.token_hex(32).encode()
        try:
            self._process = self._spawn()
        except OSError as error:
            self._release()
            raise WorkError(
                f"The backend's Python {self.python!r} can't be run ({error.strerror}).",
                "Press Install backend, or choose another Python in the preferences.",
            ) from error
        self.state = ClientState.STARTING
        self._deadline = time.monotonic() + _START_PATIENCE
        atexit.register(self.stop)
        logger.info("worker %s started with %s", self._process.pid, self.python)

    def send(self, message: Any) -> None:
        """Queue a message for a worker that is READY; its arrays must not change afterwards.

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

        `Ready` is among them and also kept in `ready`. When the worker is found to have ended,
        `state` is ENDED and `ending` says why.
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
        """Return the processor time that the worker has used so far; None: not known here."""
        try:
            with open(f"/proc/{self.pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError, AttributeError):
            return None

    def ping(self) -> None:
        """Ask a worker that is READY for a sign of life; the answer moves `heard_at`."""
        self._pinged += 1
        self.send(protocol.Ping(self._pinged))

    def wait(self, timeout: float) -> None:
        """Wait until there may be something to `poll` for, for at most `timeout` seconds."""
        if self._channel is None or self._hung_up:
            time.sleep(min(timeout, 0.01))
        else:
            self._channel.wait(timeout, writable=True)

    def stop(self) -> None:
        """End the worker: ask, then signal, then kill; leave nothing. May be called at any time."""
        if self._channel is not None and self.alive:
            with contextlib.suppress(protocol.ChannelClosedError):
                self._channel.send(protocol.Shutdown())
                self._channel.flush(0.2)
        self._finish(patience=_STOP_PATIENCE)
        self.ending = None

    def kill(self) -> None:
        """End a worker that does not listen, at once."""
        self._finish(patience=0.0)

    # ------------------------------------------------------------ steps of it

    def _spawn(self) -> subprocess.Popen[bytes]:
        reading, self._lifeline = os.pipe()
        # The key is in the pipe before the process can be gone: a write to a broken pipe can be
        # deadly.
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
                    start_new_session=True,  # Ctrl-C in Blender's terminal is not for the worker
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        finally:
            os.close(reading)

    def _connect(self) -> None:
        """Connect once the worker listens, which it does before its imports.

        Nothing waits here: what has not spoken yet is looked at again on the next tick, and what
        stops speaking in the middle is given up after `_HANDSHAKE_PATIENCE`.
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
        """Close a line whose other end has not said who it is; too many of them end the start."""
        if self._line is None:
            return
        self._line.close()
        self._line = None
        self._strangers += 1
        if self._strangers >= _STRANGERS:
            self._deadline = 0.0

    def _exchange(self, budget: float) -> list[Any]:
        """Write what is queued, then read in what is left of the budget."""
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
        """Notice that the process has ended, or that it should have done something long ago."""
        if not self.alive or self._process is None:
            return
        # What a process sent before it ended is still to be read, up to the channel's end.
        silent = self._channel is None or self._hung_up
        if (self._process.poll() is not None and silent) or time.monotonic() > self._deadline:
            self._finish(patience=0.0)
        else:
            _limit_log(self._folder / LOG)

    def _finish(self, *, patience: float) -> None:
        """Make sure that the process is gone, say why, and remove what it left."""
        process = self._process
        if process is None or not self.alive:
            return
        was_ready, self.state = self.state is ClientState.READY, ClientState.ENDED
        late = process.poll() is None
        log = self.log_tail()  # a worker that is let go removes its log
        self._close_lines()
        _end(process, patience)
        self.ending = self._why(process.returncode, log, was_ready=was_ready, late=late)
        self._release()
        logger.info("worker %s ended with status %s", process.pid, process.returncode)

    def _why(self, status: int, log: str, *, was_ready: bool, late: bool) -> Ending:
        """Put the end of the process into words."""
        if self._failure is not None:
            return Ending(self._failure.message, self._failure.hint, self._failure.detail or log)
        reason = "it did not answer" if late else _reason(status)
        if was_ready:
            killed = status == -_KILLED and not late
            hint = f"{memory.MAY_HAVE_RUN_OUT} {memory.REMEDY}" if killed else "Try once more."
            return Ending(f"The backend ended unexpectedly: {reason}.", hint, log)
        said = log.strip().rpartition("\n")[2]
        return Ending(
            f"The backend could not be started: {said or reason}",
            "Press Install backend, or choose another Python in the preferences.",
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
        for name in (_SOCKET, LOG):
            with contextlib.suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()


def _words(error: Exception) -> tuple[str, str]:
    """Return what an exception says, and its hint where it has one."""
    if isinstance(error, LevelformError):
        return error.message, error.hint
    return f"What the backend sent can't be used ({error}).", "Try once more."


# ---------------------------------------------------------------- the private folder


def _private_folder(parent: str) -> Path:
    """Make a folder for this user alone; in `parent` if a socket's path is short enough there."""
    longest = len(os.fsencode(os.path.join(parent, "levelform-12345678", _SOCKET)))
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


def _address_in(folder: Path) -> str:
    if os.name == "nt":
        return rf"\\.\pipe\{folder.name}-{secrets.token_hex(8)}"
    return str(folder / _SOCKET)


def _tail_of(path: Path, size: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - size))
        return file.read()


def _limit_log(path: Path) -> None:
    """Shorten a log that has grown too large to its tail; the worker goes on writing behind it."""
    try:
        if path.stat().st_size <= _LOG_LIMIT:
            return
        tail = _tail_of(path, _LOG_KEPT)
        os.truncate(path, 0)
        with open(path, "ab") as file:
            file.write(tail)
    except OSError as error:
        logger.debug("the worker's log can't be shortened: %s", error)


# ---------------------------------------------------------------- the end of a process


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    """Wait for a process to end by itself, then ask it to, then kill it."""
    for push, seconds in ((None, patience), (process.terminate, patience), (process.kill, 5.0)):
        if push is not None:
            push()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return
    logger.error("the process %s can't be ended", process.pid)


def _reason(status: int) -> str:
    if status >= 0:
        return f"it left with the exit status {status}"
    if status == -_KILLED:
        return "it was killed"
    with contextlib.suppress(ValueError):
        return f"it was ended by {signal.Signals(-status).name}"
    return f"it was ended by signal {-status}"
