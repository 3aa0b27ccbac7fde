"""Workers that are killed, stopped or cancelled at any moment: the next job works."""

import os
import random
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from levelform.addon.jobs.client import LAUNCHER, Client
from levelform.addon.jobs.job import Job, JobState
from levelform.addon.jobs.queue import Jobs
from levelform.backend.contract import protocol

from .counts import Counts

STAND_IN = Path(__file__).parents[2] / "stand_in.py"
PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)
HELD = 20.0  # seconds until a job has to be over
NEXT = 90.0  # the same with a worker that has to start


def view(name: str = "view") -> protocol.ViewData:
    """Return a small image of a box, posed."""
    image = np.zeros((64, 64, 4), np.uint8)
    image[16:48, 20:44] = (200, 100, 50, 255)
    pose = np.array([[1, 0, 0, 0], [0, 0, -1, -3.2], [0, 1, 0, 0], [0, 0, 0, 1]], np.float64)
    return protocol.ViewData(
        image, protocol.CameraData(pose, 74.67, 74.67, 32.0, 32.0, 64, 64), name
    )


def stub_job(method: str) -> protocol.Reconstruct:
    """Return a job of the stand-in session."""
    return protocol.Reconstruct("", method, (), np.eye(4), options={"updates": 6, "vertices": 2000})


def real_job(_: str) -> protocol.Reconstruct:
    """Return a small job of the real session."""
    return protocol.Reconstruct("", "visual-hull", (view(), view("again")), np.eye(4), 64)


def drive(jobs: Jobs, job: Job, seconds: float) -> bool:
    """Poll until a job has ended; false when it did not in time."""
    end = time.monotonic() + seconds
    while not job.ended and time.monotonic() < end:
        jobs.poll()
        time.sleep(0.002)
    return job.ended


def kills(*, cases: int, seed: int = 0, real: bool = False) -> Counts:
    """End workers at random moments: idle, starting, at work, stopped, cancelled."""
    counts = Counts("kills, real worker" if real else "kills", limit=2 * HELD, own_starts=True)
    draw = random.Random(seed)
    folder = tempfile.mkdtemp()
    clients: list[Client] = []

    def make() -> Client:
        clients.append(Client(PYTHON, folder, script=LAUNCHER if real else STAND_IN))
        return clients[-1]

    jobs, job_of = Jobs(make), real_job if real else stub_job
    try:
        for _ in range(cases):
            kind = draw.choice(["idle", "idle twice", "starting", "work", "work", "stopped"])
            counts.attempt(kind, lambda k=kind: _one(jobs, clients, job_of, k, draw, counts))
            following = jobs.submit(job_of("mesh"))
            if not drive(jobs, following, NEXT) or following.state is not JobState.FINISHED:
                said = following.failure.message if following.failure else following.state
                counts.fault("lost", f"after {kind}: {said}")
                jobs.shutdown()
    finally:
        jobs.shutdown()
    return counts


def _one(jobs: Jobs, clients: list, job_of, kind: str, draw: random.Random, counts: Counts) -> None:
    if kind == "starting":
        jobs.shutdown()
    job = jobs.submit(job_of(draw.choice(["mesh", "slow", "deaf"])))
    if kind.startswith("idle"):
        jobs.cancel(job)
        drive(jobs, job, HELD)
        for _ in range(1 + ("twice" in kind)):
            _signal(clients, signal.SIGKILL)
            time.sleep(draw.choice([0.0, 0.05]))
        return
    moment = time.monotonic() + draw.uniform(0.0, 0.3)
    limit = moment + HELD
    while time.monotonic() < moment or (kind != "starting" and job.state is not JobState.RUNNING):
        jobs.poll()
        time.sleep(0.002)
        if job.ended or time.monotonic() > limit:
            break
    _signal(clients, signal.SIGSTOP if kind == "stopped" and not job.ended else signal.SIGKILL)
    if kind == "stopped":
        jobs.cancel(job)
    started = time.monotonic()
    if kind == "starting":
        jobs.poll()
        time.sleep(0.05)
        jobs.cancel(job)
    if not drive(jobs, job, 4.0):  # on a fresh worker, where it computes without end
        jobs.cancel(job)
        if not drive(jobs, job, HELD):
            counts.fault("hangs", f"{kind}: {job.state}")
    if kind == "stopped" and time.monotonic() - started > 3.0:
        counts.fault("hangs", f"a cancel took {time.monotonic() - started:.1f} s")
    if job.failure is not None and "of its own" in job.failure.message:
        counts.fault("own", job.failure.message[:200])


def _signal(clients: list, number: int) -> None:
    if clients and clients[-1].pid and clients[-1].alive:
        with suppress(ProcessLookupError):
            os.kill(clients[-1].pid, number)
