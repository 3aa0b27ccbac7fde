"""Memory that a training step frees and the next one needs again."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
KEPT = 1 << 30  # bytes


def keep_freed_memory() -> bool:
    """Let the C library keep freed blocks of up to a GiB; return whether it does (glibc alone).

    By default it hands blocks over 32 MiB back to the system at once, and each step has the same
    ones zeroed again, page by page: a third of the time of a step of SDF-SRN.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(
        mallopt(entry, KEPT) == 1 for entry in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD)
    )
