"""Malformed frames at a worker: whatever comes, it answers, and hears what comes next."""

import json
import multiprocessing
import random
import struct
import threading
import time
from functools import partial

import numpy as np
from levelform.backend import worker
from levelform.backend.contract import protocol
from levelform.backend.contract.wire import PREFIX_SIZE, pack

from .counts import Counts

PATIENCE = 5.0  # seconds for an answer
OWN = "internal error"
VALUES = (
    None, True, -1, 0, 10**9, 10**400, -(10**400), 1e300, float("nan"), float("inf"), "x", "", [],
    [1], {}, {"a": 1}, [[[[[]]]]], "x" * 10_000, [0] * 5000,
)  # fmt: skip


class Session:
    """Ends every job at once."""

    def reconstruct(self, request, ticket):
        yield protocol.Finished(request.job, {})

    remesh = evaluate = reconstruct

    def estimate_volume(self, request, ticket):
        yield protocol.VolumeEstimate(request.job, protocol.Placement(np.eye(4), "unit"))

    def check_views(self, request, ticket):
        yield protocol.ViewsChecked(request.job, ())

    def forget(self, keep):
        pass

    def unload(self):
        pass

    def status(self):
        return protocol.Status(1, (), ())

    def methods(self):
        return protocol.Methods(())


class Line:
    """A worker in a thread, and the other end of its channel."""

    def __init__(self) -> None:
        a, b = multiprocessing.Pipe()
        self.left = threading.Event()
        self.channel = protocol.open_channel(a, receives=protocol.EVENTS)
        self.subject = worker.Worker(protocol.open_channel(b, receives=protocol.REQUESTS))
        self.subject.start_reading()
        self.thread = threading.Thread(target=self.subject.work, args=(Session(),), daemon=True)
        self.thread.start()
        self.number = 0

    def write(self, data: bytes) -> None:
        """Write bytes past all checks."""
        views = [memoryview(data)]
        end = time.monotonic() + PATIENCE
        while views[0] and time.monotonic() < end:
            count = self.channel._line.write(views)
            views[0] = views[0][count:]

    def hears(self, patience: float) -> tuple[bool, list]:
        """Ask for a sign of life; return whether it came, and what else was said."""
        self.number += 1
        said: list = []
        try:
            self.channel.send(protocol.Ping(self.number))
            self.channel.flush(patience)
            end = time.monotonic() + patience
            while time.monotonic() < end:
                self.channel.wait(0.05)
                for event in self.channel.poll(0.01):
                    if event == protocol.Pong(self.number):
                        return True, said
                    said.append(event)
        except protocol.ChannelClosedError:
            pass
        return False, said

    def close(self) -> None:
        self.subject._requests.put(protocol.Shutdown())
        self.thread.join(PATIENCE)
        self.channel.close()


def messages() -> list:
    """Return one good message of each kind."""
    camera = protocol.CameraData(np.eye(4), 9.0, 9.0, 4.0, 4.0, 8, 8)
    view = protocol.ViewData(np.zeros((8, 8, 4), np.uint8), camera, "a")
    mesh = protocol.MeshData(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32))
    return [
        protocol.Reconstruct("j", "levelform", (view, view), np.eye(4), options={"a": [1, {}]}),
        protocol.Remesh("j", "kept", level=0.5),
        protocol.EstimateVolume("j", (view,)),
        protocol.CheckViews("j", (view,)),
        protocol.Evaluate("j", mesh, mesh),
        protocol.Cancel("j"),
        protocol.Forget("k"),
        protocol.ListMethods(),
        protocol.Ping(3),
    ]


def mutated(draw: random.Random) -> tuple[str, bytes, bool]:
    """Return what was done, the bytes, and whether the frame's lengths are still right."""
    message = draw.choice(messages())
    data = b"".join(bytes(view) for view in pack(message, version=protocol.PROTOCOL_VERSION))
    _, _, length, body = struct.unpack("<4sIIxxxxQ", data[:PREFIX_SIZE])
    header = data[PREFIX_SIZE : PREFIX_SIZE + length]
    arrays = data[PREFIX_SIZE + length :]
    kind = draw.choice(["value", "value", "value", "key", "table", "bytes", "text", "prefix"])
    if kind == "prefix":
        place = draw.randrange(PREFIX_SIZE)
        return kind, data[:place] + bytes([draw.randrange(256)]) + data[place + 1 :], False
    if kind == "bytes":
        changed = bytearray(header)
        for _ in range(draw.randrange(1, 8)):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
        text = bytes(changed)
    elif kind == "text":
        whole = [b"", b"[]", b"{}", b"[" * 50_000, b"\xff" * 100, b"null", b"[1,2,3]"]
        text = draw.choice([*whole, header[: len(header) // 2], b'["Ping",{"number":1},[]]' * 2])
    else:
        tree = json.loads(header)
        where = _places(tree[2] if kind == "table" else tree[1])
        target, name = draw.choice(where) if where else (tree, 1)
        if kind == "key" and isinstance(target, dict):
            target[draw.choice(["stray", "job", "x" * 5000])] = target.pop(name)
        else:
            target[name] = draw.choice(VALUES)
        text = json.dumps(tree).encode()
    prefix = struct.pack("<4sIIxxxxQ", b"LVLF", protocol.PROTOCOL_VERSION, len(text), body)
    return f"{type(message).__name__} {kind}", prefix + text + arrays, True


def _places(tree) -> list:
    """Return every place in nested JSON."""
    places, waiting = [], [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            names = list(value) if isinstance(value, dict) else list(range(len(value)))
            places += [(value, name) for name in names]
            waiting += [value[name] for name in names]
    return places


def frames(*, cases: int, seed: int = 0) -> Counts:
    """Send malformed frames, each followed by a question."""
    counts = Counts("frames", limit=PATIENCE)
    draw = random.Random(seed)
    kept, worker.launch.leave = (worker.launch.leave, worker.launch.GRACE), lambda status: None
    worker.launch.GRACE = 0.0
    line = Line()
    try:
        for _ in range(cases):
            name, data, framed = mutated(draw)
            if counts.attempt(name, partial(line.write, data)):
                counts.accepted -= 1
            hears, said = line.hears(PATIENCE if framed else 0.2)
            failures = [event for event in said if isinstance(event, protocol.Failed)]
            if failures or not hears:
                counts.refused += 1
            else:
                counts.accepted += 1
            for event in failures:
                if OWN in event.message:
                    counts.fault("own", f"{name}: {event.message}"[:300])
            if not hears and framed:
                counts.fault("deaf", name)
            if not hears:  # what its frame begins with is none of ours, or it waits for the rest
                line.close()
                line = Line()
    finally:
        line.close()
        for thread in threading.enumerate():  # none may leave by the true way later
            if thread.name == "reader":
                thread.join(PATIENCE)
        worker.launch.leave, worker.launch.GRACE = kept
    return counts
