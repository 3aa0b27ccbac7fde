"""Memory of kept results: the bytes that a session counts over those that the process holds.

Each method is a process of its own. After a first job, which loads the network and fills the
allocator's pools, the same image is reconstructed again and kept under other names; resident memory
is read after freed pages are given back.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rows import KINDS, Row, RowKind, at_most

METHODS = {"disn": 8, "levelform": 24, "visual-hull": 24}  # results kept of each
SAMPLE = Path(__file__).parents[2] / "assets" / "sample" / "suzanne"
JOB = """
import gc, json, sys
from dataclasses import replace
from pathlib import Path
from levelform.backend.contract import protocol
from levelform.backend.contract.camera_files import read_posed_images, views_of
from levelform.backend.memory import resident_memory, return_freed_memory
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket

method, count, sample = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
posed = read_posed_images(sample)
request = protocol.Reconstruct(
    "bench", method, tuple(views_of(posed)), posed.world_from_volume, 64, keep="first"
)
session = Session()


def held():
    gc.collect()
    return_freed_memory()
    return resident_memory()


def job(name):
    for _ in session.reconstruct(replace(request, keep=name), Ticket()):
        pass


job("first")
job("second")
before, counted = held(), session.status().kept_bytes
for index in range(count):
    job(f"kept {index}")
print(json.dumps([held() - before, session.status().kept_bytes - counted]))
"""


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Yield two rows a method: the counted bytes over the held ones, and the reverse."""
    if "time" not in kinds:
        return
    for method, count in METHODS.items():
        held, counted = (number / 2**20 for number in _measure(method, count))
        what = f"{count} kept results: {method}"
        for name, ours, anchor in (("counted", counted, held), ("held", held, counted)):
            yield at_most(f"bytes {name}, {what}", ours, anchor, 1.1, kind="time", unit="MiB")


def _measure(method: str, count: int) -> tuple[int, int]:
    """Return the bytes that `count` kept results hold, and those that the session counts."""
    words = [sys.executable, "-c", JOB, method, str(count), str(SAMPLE)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    held, counted = json.loads(done.stdout)
    return held, counted
