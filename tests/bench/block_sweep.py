"""Times of a learned field in blocks of several sizes: `python tests/bench/block_sweep.py [N]`.

In a process of its own, since the ratio depends on the allocator's past: a block of 131,072 points
has activations of 16 MB, which glibc returns to the system after each layer, so that every call
faults their pages in anew (18,000 faults a sweep against 400 in blocks of 8192). After other work
has grown the heap it keeps them, and large blocks cost a tenth more instead of a half.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

POINTS = 1 << 18
SIZES = [512 << k for k in range(9)]
ROUNDS = 5


def sweep_times(count: int = POINTS) -> dict[int, float]:
    """Return each size's median CPU seconds on one thread; every round runs all sizes."""
    folder = Path(__file__).parent
    sys.path[:0] = [str(folder), str(folder.parent)]
    from subjects import learned

    torch.set_num_threads(1)
    field = learned("distance")
    points = torch.rand((count, 3), generator=torch.Generator().manual_seed(0)) * 2 - 1

    def sweep(size: int) -> None:
        with torch.no_grad():
            for part in points.split(size):
                field(part)

    times: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(ROUNDS):
        for size in SIZES:
            times[size].append(_seconds(lambda size=size: sweep(size)))
    # The least of the large blocks' times would be a lucky layout of the heap.
    return {size: median(each) for size, each in times.items()}


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    sys.stdout.write(json.dumps(sweep_times(*map(int, sys.argv[1:]))))
