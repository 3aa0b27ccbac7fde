"""Runs that make data and train, killed at any moment: the same command goes on to the same end."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from levelform.backend.contract.folder_lock import NAME
from levelform.backend.reconstructors.storage import read_tensors

from .counts import Counts

MAKE = ["dataset", "synthesize", "{out}", "--categories", "cabinet", "sofa", "--count", "12",
        "--views", "1", "--size", "32", "--points", "uniform=300", "near=300", "--surface", "200",
        "--shard", "0"]  # fmt: skip
TRAIN = ["train", "deep-meta-functionals", "--data", "{data}", "--out", "{out}", "--steps", "40",
         "--set", "width=4", "blocks=2", "framing.size=32", "--batch", "2", "--points",
         "uniform=100", "near=100", "--log-every", "1", "--save-every", "0", "--device", "cpu",
         "--validation-shapes", "1", "--threads", "1", "--validate-every", "20"]  # fmt: skip


def command(words: list[str], **places: Path) -> subprocess.Popen:
    """Start one of the terminal's commands."""
    filled = [word.format(**places) for word in words]
    return subprocess.Popen(
        [sys.executable, "-m", "levelform.backend", *filled],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def finish(process: subprocess.Popen) -> None:
    """Wait for a command; raise what it complains of."""
    _, said = process.communicate(timeout=300)
    if process.returncode:
        raise RuntimeError(said[-300:])


def digests(root: Path) -> dict[str, str]:
    """Return the hash of every file of a data set."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != NAME
    }


def network(out: Path) -> dict[str, bytes]:
    """Return the numbers that a training ended with."""
    tensors, _, _ = read_tensors(out / "last.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def killed(
    counts: Counts, words: list[str], state, *, cases: int, seed: int, folder: Path, data: Path
):
    """Kill a command at random moments until it is through; compare with one that was not."""
    draw = random.Random(seed)
    started = time.monotonic()
    finish(command(words, out=folder / "whole", data=data))
    whole, wanted = time.monotonic() - started, state(folder / "whole")

    def one(out: Path) -> None:
        process = command(words, out=out, data=data)
        time.sleep(draw.uniform(0.3, 1.0) * whole)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        finish(command(words, out=out, data=data))

    for case in range(cases):
        out = folder / f"cut-{case}"
        if counts.attempt(f"{words[0]} {case}", lambda out=out: one(out)):
            left = [path.name for path in out.rglob(".*") if path.is_file()]
            if state(out) != wanted or left:
                counts.fault("lost", f"{words[0]} {case}: another result, or left over: {left}")


def data(folder: Path, *, cases: int, seed: int = 0) -> Counts:
    """Kill runs that make a data set, and trainings on it."""
    counts = Counts("data and training kills", limit=300.0, own_starts=True)
    kinds = (("made", MAKE, digests), ("trained", TRAIN, network))
    for name, words, state in kinds:
        place = folder / name
        place.mkdir()
        killed(
            counts, words, state, cases=cases // 2, seed=seed, folder=place,
            data=folder / "made" / "whole",
        )  # fmt: skip
    return counts
