"""What lies between Blender and the worker: a mesh's way, starting, the first mesh, cancelling.

The sender is a process of its own, as in life. Times are the best of interleaved rounds, so that a
busy machine slows all variants alike.
"""

import math
import os
import secrets
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Listener
from pathlib import Path
from typing import Any

import numpy as np
from levelform.addon.jobs.client import Client, ClientState
from levelform.addon.jobs.queue import Jobs
from levelform.backend.contract import protocol, wire
from rows import Row, at_least, at_most

VERTICES, FACES = 516_000, 1_030_000  # 18.6 MB
ROUNDS = 15
TICK = 0.008  # seconds that a tick of Blender's timer may read
PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)

# Sends the mesh over and over, each time it is told to; argument: which way.
SENDER = f"""
import sys
from multiprocessing.connection import Client
import numpy as np
from levelform.backend.contract import protocol
connection = Client(sys.argv[2], authkey=sys.stdin.buffer.read())
vertices = np.random.default_rng(0).random(({VERTICES}, 3), np.float32)
faces = np.random.default_rng(0).integers(0, {VERTICES}, ({FACES}, 3), np.int32)
if sys.argv[1] == "pickle":
    while connection.recv():
        connection.send((vertices, faces))
else:
    channel = protocol.open_channel(connection, receives=protocol.REQUESTS)
    mesh = protocol.MeshUpdate("j", vertices, faces, None, None, np.eye(4), 1.0, 512, True)
    try:
        while True:
            channel.wait()
            for _ in channel.poll(1.0):
                channel.send(mesh)
                channel.flush(None)
    except protocol.ChannelClosedError:
        pass
"""


def rows(kinds: tuple[str, ...] = ("count", "time")) -> Iterator[Row]:
    """Measure what `kinds` asks for."""
    if "count" in kinds:
        yield from _copies()
    if "time" in kinds:
        yield from _mesh_times()
        yield from _worker_times()


# ---------------------------------------------------------------- a mesh's way


@contextmanager
def sender(way: str) -> Iterator[Any]:
    """Give the authenticated connection to a process that sends the mesh when it is asked to."""
    key = secrets.token_bytes(16)
    with tempfile.TemporaryDirectory() as folder:
        with Listener(str(Path(folder, "socket")), authkey=key) as listener:
            process = subprocess.Popen(
                [sys.executable, "-c", SENDER, way, listener.address], stdin=subprocess.PIPE
            )
            assert process.stdin is not None
            process.stdin.write(key)
            process.stdin.close()
            connection = listener.accept()
        try:
            yield connection
        finally:
            process.kill()
            process.wait()
            connection.close()


def _mesh_times() -> Iterator[Row]:
    with sender("channel") as bare, sender("pickle") as connection:
        channel = protocol.open_channel(bare, receives=protocol.EVENTS)

        def pickled() -> Any:
            connection.send(True)
            return connection.recv()

        source = np.ones(12 * (VERTICES + FACES), np.uint8)
        ways = {"channel": lambda: fetch(channel), "pickle": pickled, "copy": source.copy}
        best = _best(ways)
        ticks = [_longest_tick(channel) for _ in range(ROUNDS)]
        idle = max(_seconds(lambda: channel.poll(TICK)) for _ in range(1000))
        channel.close()
    yield at_least(
        "18.6 MB of mesh over the channel, against pickle",
        1e3 * best["channel"],
        1e3 * best["pickle"],
        8.0,
        kind="time",
        unit="ms",
        note="anchor: multiprocessing's send and recv of the same two arrays",
    )
    yield at_most(
        "18.6 MB of mesh over the channel, against one copy in memory",
        1e3 * best["channel"],
        1e3 * best["copy"],
        2.0,
        kind="time",
        unit="ms",
        note="a socket copies twice; the two sides overlap on two cores",
    )
    yield at_most(
        "longest tick while that mesh arrives",
        1e3 * float(np.median(ticks)),
        None,
        1.5e3 * TICK,
        kind="time",
        unit="ms",
        note=f"told to read for {1e3 * TICK:.0f} ms; median of {ROUNDS} meshes",
    )
    yield at_most("longest tick while waiting", 1e3 * idle, None, 10.0, kind="time", unit="ms")


def fetch(channel: protocol.Channel) -> Any:
    """Ask for the mesh and wait for it."""
    _ask(channel)
    while True:
        channel.wait()
        if got := channel.poll(1.0):
            return got


def _ask(channel: protocol.Channel) -> None:
    channel.send(protocol.ListMethods())
    channel.flush(None)


def _longest_tick(channel: protocol.Channel) -> float:
    """Return the seconds of the longest of the ticks in which a mesh arrives."""
    _ask(channel)
    longest, got = 0.0, []
    while not got:
        time.sleep(0.002)
        start = time.perf_counter()
        got = channel.poll(TICK)
        longest = max(longest, time.perf_counter() - start)
    return longest


def _best(ways: dict[str, Callable[[], Any]]) -> dict[str, float]:
    best = dict.fromkeys(ways, math.inf)
    for _ in range(ROUNDS):
        for name, way in ways.items():
            best[name] = min(best[name], _seconds(way))
    return best


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _copies() -> Iterator[Row]:
    """Count what each side allocates for a mesh, in meshes."""
    vertices, faces = np.zeros((VERTICES, 3), np.float32), np.zeros((FACES, 3), np.int32)
    mesh = protocol.MeshUpdate("j", vertices, faces, None, None, np.eye(4), 1.0, 512, True)
    size = vertices.nbytes + faces.nbytes
    sent = _peak(lambda: wire.pack(mesh, version=1)) / size
    with sender("channel") as bare:
        channel = protocol.open_channel(bare, receives=protocol.EVENTS)
        received = _peak(lambda: fetch(channel)) / size
        channel.close()
    yield at_most("copies of a mesh made by its sender", sent, None, 0.01)
    yield at_most("copies of a mesh made by its receiver, itself included", received, None, 1.01)


def _peak(work: Callable[[], Any]) -> int:
    """Return the most bytes that Python and numpy held at once in addition, while it worked."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# ---------------------------------------------------------------- the worker


def _worker_times() -> Iterator[Row]:
    ways = {"worker": _start, "torch": _import_torch}
    best = dict.fromkeys(ways, math.inf)
    for _ in range(3):
        for name, way in ways.items():
            best[name] = min(best[name], _seconds(way))
    yield at_most(
        "cold start to Ready",
        best["worker"],
        best["torch"],
        2.0,
        kind="time",
        unit="s",
        note="anchor: the same Python importing torch, and no more",
    )
    jobs = Jobs(lambda: Client(PYTHON))
    try:
        jobs.run(jobs.submit(request(64)))
        yield _first_mesh(jobs)
        yield _cancel(jobs)
    finally:
        jobs.shutdown()


def _start() -> None:
    client = Client(PYTHON)
    client.start()
    while client.state is ClientState.STARTING:
        client.poll()
        client.wait(0.01)
    assert client.state is ClientState.READY, client.ending
    client.stop()


def _import_torch() -> None:
    subprocess.run([PYTHON, "-I", "-c", "import torch"], check=True)


def _first_mesh(jobs: Jobs) -> Row:
    """Measure from the submission to the first mesh, of a worker that is warm."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        first: list[float] = []

        def shown(_job: Any, _mesh: Any, start: float = start, to: list[float] = first) -> None:
            to.append(time.perf_counter() - start)

        jobs.run(jobs.submit(request(128), on_update=shown))
        times.append(first[0])
    return at_most(
        "first mesh (32) of 8 views of 256 x 256, warm worker",
        min(times),
        None,
        1.5,
        kind="time",
        unit="s",
        note="visual-hull",
    )


def _cancel(jobs: Jobs) -> Row:
    """Measure from the wish to the end of a job, at several moments of it; the longest counts."""
    times = []
    for moment in (0.0, 0.1, 0.3, 0.6, 1.0):
        job = jobs.submit(request(256))
        while job.progress is None:
            jobs.poll(TICK)
        end = time.perf_counter() + moment
        while time.perf_counter() < end and not job.ended:
            jobs.poll(TICK)
            time.sleep(0.002)
        if not job.ended:
            jobs.cancel(job)
            times.append(_seconds(lambda job=job: jobs.run(job)))
    return at_most(
        "from cancel to cancelled, worst of several moments",
        max(times),
        None,
        0.25,
        kind="time",
        unit="s",
        note="visual-hull at 256",
    )


def request(resolution: int, count: int = 8, size: int = 256) -> protocol.Reconstruct:
    """Return a request for a ball that fills half of the volume, seen from all around."""
    focal, distance, radius = 1.4 * size, 4.0, 0.5
    rows, columns = np.mgrid[0:size, 0:size] + 0.5
    disc = focal * math.tan(math.asin(radius / distance))
    image = np.zeros((size, size, 4), np.uint8)
    image[..., 0] = 200
    image[..., 3] = 255 * np.clip(disc - np.hypot(rows - size / 2, columns - size / 2) + 0.5, 0, 1)
    views = []
    for i in range(count):
        turn = 2 * math.pi * i / count
        back, up = np.array([math.cos(turn), math.sin(turn), 0.0]), np.array([0.0, 0.0, 1.0])
        pose = np.eye(4)
        pose[:3, :3] = np.stack([np.cross(up, back), up, back], 1)
        pose[:3, 3] = distance * back
        camera = protocol.CameraData(pose, focal, focal, size / 2, size / 2, size, size)
        views.append(protocol.ViewData(image, camera, f"View {i}"))
    return protocol.Reconstruct(
        "", "visual-hull", tuple(views), np.diag([0.8, 0.8, 0.8, 1.0]), resolution
    )
