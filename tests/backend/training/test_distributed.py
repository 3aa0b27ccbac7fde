"""Two processes over gloo descend like one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).with_name("gradients_of_a_process.py")


def gradients(data, out, processes):
    out.mkdir()
    start = [sys.executable]
    if processes > 1:
        start += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    words = [*start, str(SCRIPT), str(data), str(out)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return torch.load(out / "gradients.pt", weights_only=True)


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without it")
def test_two_processes_have_the_gradients_of_one(data, tmp_path):
    one, two = (gradients(data, tmp_path / str(n), n) for n in (1, 2))
    assert one["loss"] == pytest.approx(two["loss"], rel=1e-5)
    assert one["gradients"].keys() == two["gradients"].keys()
    largest = max(g.abs().max() for g in one["gradients"].values())
    for name, gradient in one["gradients"].items():
        assert torch.allclose(gradient, two["gradients"][name], atol=1e-5 * float(largest)), name
    assert float(largest) > 0
