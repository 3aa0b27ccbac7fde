"""The process's memory, as the system tells it."""

import subprocess
import sys

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
