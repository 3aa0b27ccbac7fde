"""Which exceptions mean that memory ran out."""

import pytest
import torch
from levelform.backend.contract.memory import is_out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.cuda.OutOfMemoryError("CUDA"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate"),
        RuntimeError("MPS backend out of memory"),
        RuntimeError("OSError: Cannot allocate memory"),
    ],
)
def test_memory_that_ran_out(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error", [ValueError("out of memory"), RuntimeError("expected contiguous memory")]
)
def test_a_mention_of_memory_is_not_a_lack_of_it(error):
    assert not is_out_of_memory(error)
