"""Many jobs at one worker, kept and forgotten as an artist's are: its memory stays flat."""

import random
import tempfile
import time

from levelform.addon.jobs.client import LAUNCHER, Client
from levelform.addon.jobs.job import JobState
from levelform.addon.jobs.queue import Jobs
from levelform.backend.contract import protocol

from .counts import Counts
from .kills import HELD, NEXT, PYTHON, drive, real_job

GROWTH = 32 << 20  # bytes between the first tenth of the jobs, and the last
KEPT = ("a", "b", "c")  # names of results; each job replaces one


def memory(*, cases: int, seed: int = 0) -> Counts:
    """Run jobs of mixed sizes at the real worker; count a fault where its memory grows."""
    counts = Counts("memory", limit=HELD, own_starts=True)
    draw = random.Random(seed)
    folder = tempfile.mkdtemp()
    jobs = Jobs(lambda: Client(PYTHON, folder, script=LAUNCHER))
    held: list[int] = []
    try:
        drive(jobs, jobs.submit(real_job("")), NEXT)
        for index in range(cases):
            counts.attempt("job", lambda: _one(jobs, draw, counts))
            if index + 1 in (max(cases // 10, 1), cases):
                held.append(_resident(jobs))
    finally:
        jobs.shutdown()
    if held[-1] - held[0] > GROWTH:
        counts.fault("lost", f"memory grew from {held[0] >> 20} to {held[-1] >> 20} MiB")
    counts.note = (
        f"{held[0] >> 20} MiB after {max(cases // 10, 1)} jobs, {held[-1] >> 20} at the end"
    )
    return counts


def _one(jobs: Jobs, draw: random.Random, counts: Counts) -> None:
    request = real_job("")
    resolution, keep = draw.choice([16, 32, 48, 64]), draw.choice(KEPT)
    job = jobs.submit(
        protocol.Reconstruct(
            "", request.method, request.views, request.world_from_volume, resolution, keep=keep
        )
    )
    if not drive(jobs, job, HELD) or job.state is not JobState.FINISHED:
        counts.fault("lost", f"a job ended as {job.state}")


def _resident(jobs: Jobs) -> int:
    """Return the worker's resident memory in bytes, as it says itself.

    Raises
    ------
    TimeoutError
        If it does not answer.
    """
    jobs.status = None
    jobs.forget("a result that is not there")
    end = time.monotonic() + HELD
    while jobs.status is None:
        if time.monotonic() > end:
            raise TimeoutError("The worker did not say its memory.")
        jobs.poll()
        time.sleep(0.002)
    return jobs.status.memory
