"""The worker's entry point: accept Blender's connection, then load the package and serve.

The interpreter that Blender chose runs it as a script in isolated mode, with two arguments (the
address to listen on and the private folder of the log) and a key as the first line of standard
input. It accepts before it imports anything heavy, so Blender's connect never waits. The
extension's folder may have any name, and the interpreter may have another Levelform installed:
always the folder of this file becomes the package `levelform`.

Uses the standard library alone, in syntax that old interpreters can parse, so that they get a clear
message.
"""

import contextlib
import importlib
import importlib.util
import logging
import os
import sys
import threading
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Listener, answer_challenge, deliver_challenge

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLDEST = (3, 11)
HANDSHAKE_PATIENCE = 10.0  # seconds; Blender may be busy between two steps of the handshake
GRACE = 0.2  # seconds between Blender's exit and ours, to finish logging
LOG = "worker.log"

logger = logging.getLogger(__name__)


def run(session_factory=None):
    """Serve the Blender that started this process, and never return.

    Parameters
    ----------
    session_factory
        Makes the object that runs the jobs; None: `levelform.backend.session.Session`.
    """
    if sys.version_info < OLDEST:
        sys.exit(
            f"Python {sys.version.split()[0]} is too old for Levelform's backend, "
            f"which needs {OLDEST[0]}.{OLDEST[1]} or later."
        )
    let_waiting_threads_sleep()
    address, folder = sys.argv[1:3]
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    key = read_line(0)
    watch(0, [address, os.path.join(folder, LOG)], folder)
    connection = accept(address, key)
    status = 1
    try:
        load_package()
        worker = importlib.import_module("levelform.backend.worker")
        status = worker.serve(connection, session_factory)
    except BaseException:
        logger.exception("the worker stopped because of an error")
    leave(status)


def accept(address, key):
    """Return an authenticated connection to the first caller at `address` that knows the key."""
    with Listener(address) as listener:
        while True:
            caller = None
            try:
                caller = listener.accept()
                hasty = TimedLink(caller)
                deliver_challenge(hasty, key)  # pyright: ignore[reportArgumentType]
                answer_challenge(hasty, key)  # pyright: ignore[reportArgumentType]
                return caller
            except (AuthenticationError, AssertionError, EOFError, OSError):
                logger.warning("a caller without the key was turned away")
                if caller is not None:
                    caller.close()


class TimedLink:
    """A connection whose receive has a timeout."""

    def __init__(self, connection):
        self.connection = connection
        self.send_bytes = connection.send_bytes

    def recv_bytes(self, maxlength=None):
        """Return the other side's next message."""
        if not self.connection.poll(HANDSHAKE_PATIENCE):
            raise EOFError("the other side does not answer")
        return self.connection.recv_bytes(maxlength)


def load_package():
    """Make the folder that holds this file importable as `levelform`, whatever its name."""
    add_libraries()
    spec = importlib.util.spec_from_file_location(
        "levelform", os.path.join(ROOT, "__init__.py"), submodule_search_locations=[ROOT]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["levelform"] = package
    spec.loader.exec_module(package)
    return package


def add_libraries():
    """Find the libraries that an extension brought for this version of Python, after its own."""
    version, _, folder = os.environ.get("LEVELFORM_LIBRARIES", "").partition(":")
    if version == "{}.{}".format(*sys.version_info[:2]) and folder not in sys.path:
        sys.path.append(folder)


def let_waiting_threads_sleep():
    """Make OpenMP's threads sleep while they wait for each other, before a library starts them.

    By default they spin. Beside other work they then starve it and each other: the same job took
    seven to fifteen times as long. Settings of the user are kept.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # GNU's runtime, of the Linux wheels
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # microseconds awake, for waits as short
    os.environ.setdefault("KMP_BLOCKTIME", "0")  # LLVM's and Intel's, elsewhere


def isolated_module(python, module):
    """Return the command that runs a module of the package, `levelform.…`, in isolated mode.

    `python -m` would take modules from the current folder first, where downloaded files lie.
    """
    code = (
        "import runpy, sys; launch = runpy.run_path({!r}); launch['load_package'](); "
        "runpy.run_module({!r}, run_name='__main__', alter_sys=True)"
    )
    return [python, "-I", "-c", code.format(os.path.abspath(__file__), module)]


def read_line(descriptor):
    """Read one line byte by byte, leaving the rest in the pipe."""
    line = b""
    while True:
        byte = os.read(descriptor, 1)
        if byte in (b"", b"\n"):
            return line
        line += byte


def watch(descriptor, files, folder):
    """Exit this process as soon as the other end of a pipe closes, however its owner ended.

    Also removes the `files` and the `folder` that the owner left behind.
    """

    def wait():
        # os.read, not sys.stdin: a thread reading the latter keeps the interpreter from exiting.
        while os.read(descriptor, 4096):
            pass
        time.sleep(GRACE)
        for name in files:
            with contextlib.suppress(OSError):
                os.unlink(name)
        with contextlib.suppress(OSError):
            os.rmdir(folder)
        leave(0)

    threading.Thread(target=wait, name="watch", daemon=True).start()


def leave(status):
    """Exit at once, without the libraries' teardown, which is slow and may hang."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    run()
