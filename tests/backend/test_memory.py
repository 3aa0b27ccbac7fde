"""The process's memory, as the system tells it."""

import mmap
import subprocess
import sys
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.memory import held_bytes
from levelform.backend.reconstructors import load_reconstructor

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


class TestHeldBytes:
    def test_views_of_one_memory_count_once(self):
        tensor, array = torch.zeros(1000), np.zeros(500)
        held = {"a": [tensor, tensor[10:]], "b": (array, array.reshape(5, 100)[1:])}
        assert held_bytes(held, tensor) == 4000 + 4000

    def test_modules_dataclasses_slots_and_bound_arguments(self):
        @dataclass(frozen=True, slots=True)
        class Part:
            values: torch.Tensor

        layer = torch.nn.Linear(10, 10, bias=False)
        part = Part(torch.zeros(10))
        assert held_bytes(layer) == 400
        assert held_bytes([part, partial(torch.add, part.values, torch.zeros(5))]) == 60
        assert held_bytes(layer.forward) == 400

    def test_circles_end(self):
        ring: list = []
        ring.append(ring)
        assert held_bytes(ring) == 0

    @pytest.mark.parametrize("name", ["visual-hull", "levelform", "disn"])
    def test_every_field_counts_what_it_was_baked_from(self, name):
        model = load_reconstructor(name, "random" if name != "visual-hull" else None, "cpu")
        rays = np.eye(4)
        rays[2, 3] = -4.0
        image = torch.zeros(64, 64, 4)
        image[16:48, 16:48] = 1
        view = View(image, Camera(rays, 100, 100, 32, 32, 64, 64), "a")
        field = model.decode(model.encode([view]))
        assert held_bytes(field) >= 64 * 64 * 4  # at least the mask
