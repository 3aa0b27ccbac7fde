"""How much memory this process holds, and giving back what it freed."""

import ctypes
import logging
import sys

log = logging.getLogger(__name__)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
KEPT = 1 << 30  # bytes that are kept at most


def resident_memory() -> int:
    """Return the bytes of memory that this process holds now.

    Where the system has no plain way to say (not Linux), its peak so far; 0 where not even that.
    """
    try:
        import resource
    except ImportError:  # Windows
        return 0
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def return_freed_memory() -> None:
    """Ask the C library to give freed memory back to the system, where it keeps some."""
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        log.debug("this C library can't trim its memory")


def keep_freed_memory() -> bool:
    """Let the C library keep freed blocks of up to a GiB; return whether it does (glibc alone).

    By default it hands blocks over 32 MiB back to the system at once, and each training step has
    the same ones zeroed again, page by page.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(
        mallopt(entry, KEPT) == 1 for entry in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD)
    )
