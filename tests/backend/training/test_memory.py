"""Freed memory is used again instead of being asked of the system for every step."""

import subprocess
import sys

import pytest

resource = pytest.importorskip("resource")

STEPS = """
import resource, sys, torch
from levelform.backend.training.memory import keep_freed_memory
torch.set_num_threads(1)
kept = keep_freed_memory() if sys.argv[1] == "keep" else False
for _ in range(12):  # the heap grows until the block fits in what was freed
    torch.empty(16 << 20).fill_(1.0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.empty(16 << 20).fill_(1.0)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(word):
    command = [sys.executable, "-c", STEPS, word]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    kept, count = done.stdout.split()
    return kept == "True", int(count)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone")
def test_blocks_of_a_step_are_kept_for_the_next():
    kept, few = faults("keep")
    if not kept:
        pytest.skip("this C library has no mallopt")
    block = (64 << 20) // resource.getpagesize()  # pages of a block of 64 MiB
    _, many = faults("as it is")
    assert few < block < 9 * block < many
