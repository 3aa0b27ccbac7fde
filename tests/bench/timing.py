"""Times that a busy machine disturbs little: of the processor, on one thread, variants in turn."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch

ROUNDS = 5


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def interleave(
    variants: Mapping[str, Callable[[], object]],
    *,
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.thread_time,
) -> dict[str, float]:
    """Return each variant's best time in seconds; every round runs all, after one to warm up.

    The clock counts what this thread spent on a processor, so torch is kept to one thread.
    """
    best = dict.fromkeys(variants, float("inf"))
    with threads(1), torch.no_grad():
        for turn in range(rounds + 1):
            for name, variant in variants.items():
                start = clock()
                variant()
                if turn:
                    best[name] = min(best[name], clock() - start)
    return best
