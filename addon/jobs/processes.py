"""Ends a process, and describes how one ended. Does not use `bpy`."""

import contextlib
import logging
import signal
import subprocess

logger = logging.getLogger(__name__)

KILLED = 9  # SIGKILL, which Windows does not name


def end_process(process: subprocess.Popen[bytes], patience: float) -> None:
    """Wait for a process to end by itself, then ask it to, then kill it."""
    for push, seconds in ((None, patience), (process.terminate, patience), (process.kill, 5.0)):
        if push is not None:
            push()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return
    logger.error("the process %s can't be ended", process.pid)


def reason_of(status: int) -> str:
    if status >= 0:
        return f"it left with the exit status {status}"
    if status == -KILLED:
        return "it was killed"
    with contextlib.suppress(ValueError):
        return f"it was ended by {signal.Signals(-status).name}"
    return f"it was ended by signal {-status}"
