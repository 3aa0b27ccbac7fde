"""The process's memory, as the system tells it."""

import numpy as np
from levelform.backend.memory import resident_memory, return_freed_memory


def test_memory_grows_with_what_is_held():
    before = resident_memory()
    block = np.ones(40_000_000, np.uint8)
    assert resident_memory() - before > 0.9 * block.nbytes
    return_freed_memory()
