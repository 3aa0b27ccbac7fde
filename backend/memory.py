"""Measure this process's memory, and return freed memory to the system."""

import ctypes
import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any

log = logging.getLogger(__name__)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
KEPT = 1 << 30  # most bytes kept


def resident_memory() -> int:
    """Return the bytes of memory that this process uses now.

    Outside Linux, return the peak so far, or 0 if that is unknown too.
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


def held_bytes(*roots: Any) -> int:
    """Return the bytes of all tensors and arrays that objects hold, each memory counted once.

    Follows attributes, containers and bound arguments, but not closures and generators.
    """
    blocks: dict[tuple[str, int], int] = {}
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, _LEAVES):
            continue
        seen.add(id(thing))
        storage = getattr(thing, "untyped_storage", None)
        if storage is not None:  # a tensor: views share their storage
            memory = storage()
            blocks[str(thing.device), memory.data_ptr()] = memory.nbytes()
        elif hasattr(thing, "__array_interface__"):
            base = _owner(thing)
            blocks["numpy", id(base)] = base.nbytes
        else:
            waiting.extend(_parts(thing))
    return sum(blocks.values())


_LEAVES = (str, bytes, int, float, bool, complex, type, type(None), type(sys))


def _owner(array: Any) -> Any:
    """Return the array that owns a view's memory."""
    while getattr(array.base, "nbytes", None) is not None:
        array = array.base
    return array


def _parts(thing: Any) -> Iterator[Any]:
    """Yield the objects that an object refers to, as far as they are accessible."""
    if isinstance(thing, Mapping):
        yield from thing.values()
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from thing
    yield from getattr(thing, "__dict__", {}).values()
    for kind in type(thing).__mro__:
        for name in getattr(kind, "__slots__", ()):
            yield getattr(thing, name, None)
    bound = getattr(thing, "__self__", None)
    yield bound
    yield from getattr(thing, "args", ()) if hasattr(thing, "func") else ()


def return_freed_memory() -> None:
    """Ask the C library to return freed memory to the system."""
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        log.debug("this C library can't trim its memory")


def keep_freed_memory() -> bool:
    """Let the C library keep freed blocks of up to a GiB; return whether it does (glibc alone).

    By default it returns blocks above 32 MiB to the system at once, so that each training step
    gets the same pages zeroed again.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(
        mallopt(entry, KEPT) == 1 for entry in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD)
    )
