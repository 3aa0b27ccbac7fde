"""A hundred real reconstructions in one process and one worker: nothing grows, nothing is left."""

import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from levelform.addon.backend_setup.checkup import check
from levelform.addon.jobs.client import Client
from levelform.addon.jobs.job import JobState
from levelform.addon.jobs.queue import Jobs
from levelform.backend.contract import protocol

PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)
SIZE, FOCAL, DISTANCE, RADIUS = 64, 90.0, 4.0, 0.5

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts what /proc shows"),
    pytest.mark.skipif(not check(PYTHON, quick=True).usable, reason=f"{PYTHON} lacks torch"),
]


def ball_views(count=4):
    """Return views all around a ball of radius 0.5 at the origin."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    disc = FOCAL * math.tan(math.asin(RADIUS / DISTANCE))
    image = np.zeros((SIZE, SIZE, 4), np.uint8)
    image[..., 0] = 200
    distance = np.hypot(rows - SIZE / 2, columns - SIZE / 2)
    image[..., 3] = (np.clip(disc - distance + 0.5, 0, 1) * 255).round()
    return tuple(
        protocol.ViewData(image, camera(2 * math.pi * i / count), f"View {i}") for i in range(count)
    )


def camera(turn):
    """Return a camera in the plane z = 0 that looks at the origin, z upwards in its image."""
    back = np.array([math.cos(turn), math.sin(turn), 0.0])
    up = np.array([0.0, 0.0, 1.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([np.cross(up, back), up, back], 1)
    pose[:3, 3] = DISTANCE * back
    return protocol.CameraData(pose, FOCAL, FOCAL, SIZE / 2, SIZE / 2, SIZE, SIZE)


def resident(pid):
    """Return a process's resident memory in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def children():
    """Return the processes, zombies included, that this one has started."""
    processes = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == os.getpid():
            processes.add(int(folder.name))
    return processes


def test_a_hundred_jobs_leave_no_trace(tmp_path):
    before = children(), descriptors(os.getpid())
    clients = []

    def make():
        clients.append(Client(PYTHON, str(tmp_path)))
        return clients[-1]

    jobs = Jobs(make)
    views, pose = ball_views(), np.diag([0.8, 0.8, 0.8, 1.0])
    marks = {}
    for number in range(1, 101):
        meshes = []
        request = protocol.Reconstruct(
            "", "visual-hull", views, pose, resolution=32, keep="ball", options={"first": 16}
        )
        job = jobs.run(jobs.submit(request, on_update=lambda _, mesh, to=meshes: to.append(mesh)))
        assert job.state is JobState.FINISHED, job.failure
        assert job.stats["vertices"] == len(meshes[-1].vertices) > 500
        if number in (10, 100):
            pids = os.getpid(), clients[0].pid
            marks[number] = [f(pid) for f in (resident, descriptors) for pid in pids]
            print(f"after job {number}: resident, descriptors: {marks[number]}")
    assert len(clients) == 1
    for early, late in zip(marks[10][:2], marks[100][:2], strict=True):
        assert late <= 1.1 * early
    assert all(late <= early for early, late in zip(marks[10][2:], marks[100][2:], strict=True))
    assert [len(list(folder.iterdir())) for folder in tmp_path.iterdir()] == [1]  # the log
    jobs.shutdown()
    assert list(tmp_path.iterdir()) == []
    assert (children(), descriptors(os.getpid())) == before
