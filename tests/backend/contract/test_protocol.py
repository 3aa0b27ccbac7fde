"""Every message of the contract crosses the channel unchanged, in its own direction only."""

import dataclasses
import multiprocessing
import types
import typing

import numpy as np
import pytest
from levelform.backend.contract import protocol, shows

MESSAGES = {**protocol.REQUESTS, **protocol.EVENTS}


def sample(kind):
    """Make a value of a declared type, with something in every part of it."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{name: sample(hint) for name, hint in hints.items()})
    if origin in (typing.Union, types.UnionType):
        return sample(next(arg for arg in args if arg is not types.NoneType))
    if origin is tuple:
        items = [args[0]] * 2 if args[-1] is Ellipsis else args
        return tuple(sample(item) for item in items)
    if origin is dict:
        return {"first": 32, "hull": True, "dense": None, "ratio": 0.25, "name": "x"}
    if kind is typing.Any:
        return 0.25
    return {np.ndarray: np.eye(4), int: 7, float: 0.5, str: "word", bool: True}[kind]


def equal(a, b):
    if dataclasses.is_dataclass(a):
        names = [f.name for f in dataclasses.fields(a)]
        return type(a) is type(b) and all(equal(getattr(a, n), getattr(b, n)) for n in names)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, tuple):
        return isinstance(b, tuple) and all(map(equal, a, b))
    return a == b


def receive(channel):
    while True:
        channel.wait(5)
        if messages := channel.poll(0.1):
            return messages


@pytest.fixture
def ends():
    """Blender's end and the worker's, in this process."""
    a, b = multiprocessing.Pipe()
    blender = protocol.open_channel(a, receives=protocol.EVENTS)
    worker = protocol.open_channel(b, receives=protocol.REQUESTS)
    yield blender, worker
    blender.close()
    worker.close()


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_crosses_unchanged(ends, name):
    blender, worker = ends
    sender, receiver = (blender, worker) if name in protocol.REQUESTS else (worker, blender)
    message = sample(MESSAGES[name])
    sender.send(message)
    assert sender.flush(5)
    (got,) = receive(receiver)
    assert equal(message, got)


@pytest.mark.parametrize("name", MESSAGES)
def test_no_message_is_taken_from_the_wrong_side(ends, name):
    blender, worker = ends
    sender, receiver = (worker, blender) if name in protocol.REQUESTS else (blender, worker)
    sender.send(sample(MESSAGES[name]))
    assert sender.flush(5)
    (got,) = receive(receiver)
    assert isinstance(got, protocol.Garbled)
    assert f"unknown type '{name}'" in str(got.error)


def test_every_type_is_a_request_an_event_or_a_part():
    parts = {
        *("ImageFile", "ViewData", "Background", "MeshData", "MethodInfo"),
        *("Placement", "ViewCheck", "Cure", "ShowSpec", "ViewMask"),
    }
    declared = {
        name
        for name, kind in vars(protocol).items()
        if isinstance(kind, type)
        and dataclasses.is_dataclass(kind)
        and (
            kind.__module__.startswith(f"{protocol.__name__}.") or kind.__module__ == shows.__name__
        )
    }
    assert declared == parts | set(MESSAGES)
    assert not set(protocol.REQUESTS) & set(protocol.EVENTS)


def test_another_version_is_refused(monkeypatch):
    a, b = multiprocessing.Pipe()
    old = protocol.open_channel(a, receives=protocol.EVENTS)
    monkeypatch.setattr(protocol, "PROTOCOL_VERSION", protocol.PROTOCOL_VERSION + 1)
    new = protocol.open_channel(b, receives=protocol.REQUESTS)
    old.send(protocol.Shutdown())
    old.flush(5)
    with pytest.raises(protocol.ProtocolError, match="speaks version"):
        receive(new)
