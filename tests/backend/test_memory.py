"""The process's memory, as the system tells it."""

import mmap
import subprocess
import sys

import pytest

# In a process of its own: in an old one the block may fit into memory that was freed before.
GROWTH = """
import numpy as np
from levelform.backend.memory import resident_memory, return_freed_memory

before = resident_memory()
block = np.ones(40_000_000, np.uint8)
held = resident_memory() - before
return_freed_memory()
print(held / block.nbytes)
"""


def test_memory_grows_with_what_is_held():
    answer = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, check=True)
    assert 0.9 < float(answer.stdout) < 1.5


STEPS = """
import resource, sys, torch
from levelform.backend.memory import keep_freed_memory
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
    block = (64 << 20) // mmap.PAGESIZE  # pages of a block of 64 MiB
    _, many = faults("as it is")
    assert few < block < 9 * block < many
