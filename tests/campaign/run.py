"""The campaign: hostile inputs by the thousand, seeded, and a table of what became of them.

python tests/campaign/run.py [--seed 0] [--fraction 1.0] [KIND ...]

Takes some minutes; ends with status 1 where anything happened that must never happen.
"""

import argparse
import importlib.util
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hostile import codes, data, frames, inputs, kills, memory, meshes, numbers, weights
from hostile.counts import Counts, heading


def place() -> Path:
    """Return a fresh folder."""
    return Path(tempfile.mkdtemp(prefix="levelform-campaign-"))


# How many cases of each kind a whole campaign has, and what tries them.
KINDS: dict[str, tuple[int, Callable[[int, int], Counts]]] = {
    "frames": (1260, lambda n, seed: frames.frames(cases=n, seed=seed)),
    "weights": (400, lambda n, seed: weights.headers(place(), cases=n, seed=seed)),
    "checkpoints": (240, lambda n, seed: weights.checkpoints(place(), cases=n, seed=seed)),
    "numbers": (600, lambda n, seed: numbers.numbers(cases=n, seed=seed)),
    "mesh-files": (400, lambda n, seed: meshes.files(place(), cases=n, seed=seed)),
    "other-files": (1500, lambda n, seed: inputs.inputs(place(), cases=n, seed=seed)),
    "codes": (200, lambda n, seed: codes.codes(place(), cases=n, seed=seed)),
    "meshes-shown": (400, lambda n, seed: meshes.shown(cases=n, seed=seed)),
    "kills": (88, lambda n, seed: kills.kills(cases=n, seed=seed)),
    "kills-real": (12, lambda n, seed: kills.kills(cases=n, seed=seed, real=True)),
    "memory": (1000, lambda n, seed: memory.memory(cases=n, seed=seed)),
    "data": (28, lambda n, seed: data.data(place(), cases=n, seed=seed)),
}


def main(words: list[str] | None = None) -> int:
    """Run the kinds named on the command line; return 1 where anything happened that must not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fraction", type=float, default=1.0, help="of the cases of each kind")
    args = parser.parse_args(words)
    logging.disable(logging.CRITICAL)
    print(f"seed {args.seed}\n{heading()}", flush=True)
    clean, faults = True, []
    for kind in args.kinds or KINDS:
        if kind == "meshes-shown" and importlib.util.find_spec("bpy") is None:
            print(f"{kind:<28} needs the bpy module", flush=True)
            continue
        number, run = KINDS[kind]
        started = time.monotonic()
        counts = run(max(round(number * args.fraction), 2), args.seed)
        print(f"{counts.row()}  {time.monotonic() - started:6.0f} s  {counts.note}", flush=True)
        clean = clean and counts.clean
        faults += counts.faults.elements()
    for words in faults:
        print(words)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
