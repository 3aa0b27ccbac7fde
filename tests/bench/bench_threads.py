"""Waiting threads: the same job with OpenMP's threads spinning (its default) and sleeping.

Each job is a process of its own, because the choice is read once, when torch is loaded. Seconds are
wall-clock time, the two variants in turn, each the best of several rounds. The goal of a quiet
machine is a whole job's; a loop of nothing but small operations is the worst case.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rows import KINDS, Row, RowKind, at_least, at_most

ROUNDS = 5
CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
JOB = """
import sys, time
from levelform.backend import launch
if sys.argv[1:] == ["sleep"]:
    launch.let_waiting_threads_sleep()
import torch
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv2d(32, 32, 3, padding=1), torch.nn.ReLU())
image, points, layer = torch.rand(1, 32, 64, 64), torch.rand(4096, 128), torch.nn.Linear(128, 128)
def job():
    with torch.no_grad():
        for _ in range(150):
            net(image), torch.relu(layer(points)), (points + 1).sum()
job()
start = time.perf_counter()
job()
print(time.perf_counter() - start)
"""
WHOLE = """
import sys, time
from levelform.backend import launch
if sys.argv[1:] == ["sleep"]:
    launch.let_waiting_threads_sleep()
from pathlib import Path
from levelform.backend.contract.camera_files import read_posed_images, views_of
from levelform.backend.contract.protocol import Reconstruct
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
views = tuple(views_of(read_posed_images(Path("assets/sample/chair"), choose=2)))
session, request = Session(), Reconstruct("job", "levelform", views, resolution=128)
def job():
    list(session.reconstruct(request, Ticket()))
job()
start = time.perf_counter()
job()
print(time.perf_counter() - start)
"""
BUSY = "while True: pass"


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Yield the gain beside a busy process on each core, and the loss on a quiet machine."""
    if "time" not in kinds:
        return
    best = _best(WHOLE)
    yield at_most(
        "a job on a quiet machine, two posed images to a mesh",
        best["sleep"],
        best["spin"],
        1.05,
        kind="time",
        unit="s",
    )
    best = _best()
    yield at_most(
        "the same, nothing but small operations",
        best["sleep"],
        best["spin"],
        1.05,
        kind="time",
        unit="s",
    )
    with _busy(os.cpu_count() or 1):
        best = _best()
    yield at_least(
        "sleeping threads beside busy processes",
        best["sleep"],
        best["spin"],
        2.0,
        kind="time",
        unit="s",
    )


def _best(job: str = JOB) -> dict[str, float]:
    best = {"spin": float("inf"), "sleep": float("inf")}
    for _ in range(ROUNDS):
        for name in best:
            best[name] = min(best[name], _seconds(name, job))
    return best


def _seconds(variant: str, job: str) -> float:
    environment = {key: value for key, value in os.environ.items() if key not in CHOICES}
    words = [sys.executable, "-c", job, variant]
    here = Path(__file__).parents[2]
    done = subprocess.run(
        words, env=environment, cwd=here, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """Keep `count` cores busy."""
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()
