"""Run the solver in a process of its own: its job, its progress, its end, its result."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..contract.errors import WorkError
from ..ticket import Ticket
from .solver import STAGES
from .sources import Photographs

FEATURES = 2000  # per image: more are slower and no more accurate
EXHAUSTIVE = 80  # every pair is matched for at most this many images
NEIGHBOURS = 8  # per image, in order, if there are more images
KEYS = 24  # otherwise every pair of this many images, spread over all
POLL = 0.05  # seconds between two looks at the process
PATIENCE = 3.0  # seconds to wait for its end


@dataclass(frozen=True)
class PlacedCamera:
    """A camera of the solver's.

    Attributes
    ----------
    camera_from_world : (3, 4) float64, x right, y down, z forward
    focal, center, radial : focal length and principal point in pixels of the copy, and k1
    size : width and height of the copy
    points : number of its features that are points of the model
    """

    camera_from_world: np.ndarray
    focal: float
    center: tuple[float, float]
    radial: float
    size: tuple[int, int]
    points: int


@dataclass(frozen=True)
class SfmSolution:
    """The solver's result.

    Attributes
    ----------
    cameras : of the images in the largest model, by index
    models : number of images in each model
    error : mean reprojection error in pixels of the copies
    consistent : fraction of verified matches that fit the cameras
    points : (N, 3) float64, in the same frame as the cameras
    """

    cameras: Mapping[int, PlacedCamera] = field(default_factory=dict)
    models: tuple[int, ...] = ()
    error: float = 0.0
    consistent: float = 0.0
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))


def solve(
    photographs: Photographs,
    folder: Path,
    ticket: Ticket,
    *,
    masks: bool = False,
    distortion: bool = True,
    seed: int = 0,
) -> SfmSolution:
    """Return the cameras of images.

    The ticket's plan must have the solver's stages.

    Parameters
    ----------
    folder : an empty one for the solver's files
    masks : ignore what the masks hide
    distortion : find one radial coefficient too

    Raises
    ------
    WorkError
        If the solver fails.
    JobCancelled
        If it was cancelled; the process is gone then.
    """
    groups = photographs.groups()
    job = {
        "folder": str(photographs.folder),
        "names": [image.name for image in photographs.images],
        "masks": str(photographs.masks) if masks else None,
        "groups": groups,
        "focals": [photographs.images[group[0]].focal for group in groups],
        "model": "SIMPLE_RADIAL" if distortion else "SIMPLE_PINHOLE",
        "features": FEATURES,
        "pairs": pairs_of(len(photographs.images)),
        "least": 3,
        "threads": usable_cores(),
        "seed": seed,
        "out": str(folder),
    }
    path = folder / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    solver = Path(__file__).with_name("solver.py")
    _run([sys.executable, "-I", str(solver), str(path)], ticket)
    return read_solution(folder, [image.name for image in photographs.images])


def read_solution(folder: Path, names: list[str]) -> SfmSolution:
    """Return the result that the solver wrote into a folder."""
    told = json.loads((folder / "solution.json").read_text(encoding="utf-8"))
    if not told["models"]:
        return SfmSolution()
    numbers = {name: index for index, name in enumerate(names)}
    cameras = {numbers[name]: _placed(image) for name, image in told["images"].items()}
    with np.load(folder / "points.npz", allow_pickle=False) as arrays:
        points = arrays["points"]
    return SfmSolution(
        dict(sorted(cameras.items())),
        tuple(len(model) for model in told["models"]),
        told["error"],
        told["consistent"],
        points,
    )


def _placed(image: Mapping[str, Any]) -> PlacedCamera:
    camera = image["camera"]
    focal, x, y, *radial = camera["params"]
    return PlacedCamera(
        np.array(image["camera_from_world"], np.float64),
        focal,
        (x, y),
        radial[0] if radial else 0.0,
        (camera["width"], camera["height"]),
        image["points"],
    )


def pairs_of(count: int) -> list[tuple[int, int]]:
    """Return the pairs of images to match: all, or neighbours in order and pairs of key images."""
    if count <= EXHAUSTIVE:
        return list(combinations(range(count), 2))
    near = {
        tuple(sorted((index, (index + step) % count)))
        for index in range(count)
        for step in range(1, NEIGHBOURS + 1)
    }
    keys = sorted({round(value) for value in np.linspace(0, count - 1, KEYS)})
    return sorted({(int(a), int(b)) for a, b in near} | set(combinations(keys, 2)))


def usable_cores() -> int:
    """Return the number of processors that this process may use."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdecimal() and int(limit):
        return int(limit)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# ---------------------------------------------------------------- the process


def _run(command: list[str], ticket: Ticket) -> None:
    """Run the solver to its end; kill it if the job is cancelled."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    told: deque[bytes] = deque()
    log: deque[bytes] = deque(maxlen=40)
    readers = [_follow(process.stdout, told), _follow(process.stderr, log)]
    try:
        _follow_stages(process, told, ticket)
    finally:
        _end(process)
        for reader in readers:
            reader.join(PATIENCE)
    if process.returncode:
        said = b"".join(log).decode(errors="replace").strip().splitlines()
        last = said[-1] if said else f"exit status {process.returncode}"
        raise WorkError(
            f"The solver stopped with an error: {last}", "Try again with fewer or other images."
        )


def _follow(stream: IO[bytes], lines: deque[bytes]) -> threading.Thread:
    """Start a thread that reads a stream's lines, so that its process never blocks."""

    def read() -> None:
        with stream:
            lines.extend(iter(stream.readline, b""))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    return reader


def _follow_stages(process: subprocess.Popen[bytes], told: deque[bytes], ticket: Ticket) -> None:
    """Report the solver's progress, stage by stage, until it has ended."""
    later: tuple[str, float] | None = None
    for name in STAGES:
        with ticket.stage(name):
            while later is None or later[0] == name:
                if later is not None:
                    ticket.advance(later[1])
                running = process.poll() is None
                later = _newest(told)
                if later is None and not running:
                    break
                if later is None:
                    ticket.check()
                    time.sleep(POLL)


def _newest(told: deque[bytes]) -> tuple[str, float] | None:
    """Return the last stage and fraction that the solver printed since; None if there is none."""
    newest = None
    while told:
        try:
            step = json.loads(told.popleft())
            if step["stage"] in STAGES:
                newest = step["stage"], float(step["fraction"])
        except (ValueError, KeyError, TypeError):
            continue  # a line of the library's own
    return newest


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process if it still runs."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
