"""Numbers beyond what they mean, in every field of a request, at the real worker."""

import random
import tempfile
from dataclasses import replace

import numpy as np
from levelform.addon.jobs.client import LAUNCHER, Client
from levelform.addon.jobs.job import JobState
from levelform.addon.jobs.queue import Jobs
from levelform.backend.contract import protocol

from .counts import Counts
from .kills import HELD, NEXT, PYTHON, drive, view

VALUES = (
    0, 1, -1, 2, 10**9, 2**31, 2**63, 2**64, 10**400, 1e300, -1e300, 1e38, 1e-300, -1e-300, 0.0,
    float("nan"), float("inf"), -float("inf"), 1e9, 65536, 0.5,
)  # fmt: skip
KINDS = ("camera", "camera", "pose", "volume", "field", "option", "image", "background")
CAMERA = ("fl_x", "fl_y", "cx", "cy", "w", "h")
OPTIONS = (
    "lattice", "hull", "min_component", "max_faces", "first", "guaranteed", "dense", "stray",
    "fill_voids", "smooth",
)  # fmt: skip


def fitting(value: float, kind: type):
    """Return a value as its field's type takes it."""
    if kind is int:
        return int(value) if value == value and abs(value) != float("inf") else 10**400
    return float(value) if abs(value) < 1e308 or value != value else value


def _float(value):
    try:
        return float(value)
    except OverflowError:
        return 1e308


def mutated(draw: random.Random) -> tuple[str, protocol.Reconstruct]:
    """Return a name and a small job with one or two senseless numbers."""
    job = protocol.Reconstruct("", "visual-hull", (view(), view("again")), np.eye(4), 32)
    names = []
    for _ in range(draw.choice([1, 1, 2])):
        value = draw.choice(VALUES)
        kind = draw.choice(
            ["camera", "camera", "pose", "volume", "field", "option", "image", "background"]
        )
        if kind in ("camera", "pose"):
            camera = job.views[0].camera
            if kind == "camera":
                name = draw.choice(CAMERA)
                given = fitting(value, int) if name in ("w", "h") else _float(value)
                camera = replace(camera, **{name: given})
            else:
                name, pose = "pose", np.array(camera.transform_matrix)
                pose[draw.randrange(4), draw.randrange(4)] = _float(value)
                camera = replace(camera, transform_matrix=pose)
            job = replace(job, views=(replace(job.views[0], camera=camera), *job.views[1:]))
        elif kind == "volume":
            name, matrix = kind, np.eye(4)
            matrix[draw.randrange(4), draw.randrange(4)] = _float(value)
            with np.errstate(over="ignore", invalid="ignore"):
                job = replace(job, world_from_volume=draw.choice([matrix, matrix * _float(value)]))
        elif kind == "field":
            name = draw.choice(["resolution", "level", "seed", "front"])
            given = fitting(value, int) if name in ("resolution", "seed") else _float(value)
            job = replace(job, **{name: given})
        elif kind == "option":
            name = draw.choice(OPTIONS)
            given = draw.choice([value, str(value), [value], {"a": value}, [[[[[[[[[value]]]]]]]]]])
            job = replace(job, options={name: given})
        elif kind == "image":
            name, image = kind, np.zeros((64, 64, 4), np.float32)
            with np.errstate(over="ignore"):
                image[20:40, 20:40] = _float(value)
            job = replace(job, views=(replace(job.views[0], image=image), *job.views[1:]))
        else:
            name = kind
            background = protocol.Background("color", (_float(value), 0.0, 1.0), _float(value))
            job = replace(job, background=background)
        names.append(f"{name}={str(value)[:20]}")
    return " ".join(names), job


def numbers(*, cases: int, seed: int = 0) -> Counts:
    """Send senseless jobs to the real worker, with a good one after every twenty."""
    counts = Counts("numbers", limit=HELD, own_starts=True)
    draw = random.Random(seed)
    folder = tempfile.mkdtemp()
    clients: list[Client] = []

    def make() -> Client:
        clients.append(Client(PYTHON, folder, script=LAUNCHER))
        return clients[-1]

    jobs = Jobs(make)
    good = protocol.Reconstruct("", "visual-hull", (view(),), np.eye(4), 32)
    drive(jobs, jobs.submit(good), NEXT)
    try:
        for index in range(cases):
            name, request = mutated(draw)
            counts.attempt(name, lambda r=request, n=name: _one(jobs, r, n, counts))
            if index % 20 == 19:
                following = jobs.submit(good)
                if not drive(jobs, following, NEXT) or following.state is not JobState.FINISHED:
                    counts.fault("lost", f"after {name}")
        if len(clients) > 1:
            counts.fault("own", f"{len(clients) - 1} workers died")
    finally:
        jobs.shutdown()
    return counts


def _one(jobs: Jobs, request: protocol.Reconstruct, name: str, counts: Counts) -> None:
    job = jobs.submit(request)
    if not drive(jobs, job, HELD):
        counts.fault("hangs", name)
        jobs.cancel(job)
        drive(jobs, job, HELD)
    failure = job.failure
    if failure is not None and ("of its own" in failure.message or "ended" in failure.message):
        counts.fault("own", f"{name}: {failure.message}"[:300])
    if failure is not None:
        from levelform.backend.contract.errors import WorkError

        raise WorkError(failure.message)
