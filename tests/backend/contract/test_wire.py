"""Any message survives the wire, and nothing else does: not a byte of it may lie."""

import contextlib
import json
import random
import tracemalloc
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import pytest
from levelform.backend.contract import wire
from levelform.backend.contract.wire import ProtocolError

VERSION = 7


@dataclass(frozen=True)
class Part:
    grid: np.ndarray
    name: str


@dataclass(frozen=True)
class Whole:
    count: int
    ratio: float
    flag: bool
    parts: tuple[Part, ...] = ()
    color: tuple[float, float, float] = (0.0, 0.0, 0.0)
    maybe: np.ndarray | None = None
    either: Part | None = None
    options: dict[str, Any] = field(default_factory=dict)


class Word(StrEnum):
    YES = "yes"


REGISTRY = {"Whole": Whole}


def read(frame: bytes, *, limit: int = 1 << 20) -> Any:
    """Read a frame in the simplest way: everything is there already."""
    size = wire.PREFIX_SIZE
    if len(frame) < size:
        raise ProtocolError("too short for a prefix")
    header_length, body = wire.read_prefix(frame[:size], version=VERSION, limit=limit)
    data = frame[size : size + header_length]
    header = wire.read_header(data, body)
    start, arrays = size + header_length, []
    for dtype, shape in header.arrays:
        array = np.zeros(shape, dtype)
        if array.nbytes:
            wire.bytes_of(array)[:] = frame[start : start + array.nbytes]
        start += array.nbytes
        arrays.append(array)
    return wire.unpack(header, arrays, REGISTRY)


def frame_of(message: Any) -> bytes:
    return b"".join(wire.pack(message, version=VERSION))


def forge(tree: Any, table: Any, body: bytes = b"", *, kind: Any = "Whole") -> bytes:
    """Return a frame with any header."""
    header = json.dumps([kind, tree, table]).encode()
    return wire._PREFIX.pack(b"LVLF", VERSION, len(header), len(body)) + header + body


def same(a: Any, b: Any) -> bool:
    """Tell whether two messages are equal, arrays and their types included."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=True)
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(
            same(getattr(a, name), getattr(b, name)) for name in a.__dataclass_fields__
        )
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


WHOLE = Whole(
    count=-3,
    ratio=0.1,
    flag=True,
    parts=(
        Part(np.arange(12, dtype=np.float32).reshape(3, 4), "floats"),
        Part(np.zeros((0, 3), np.int32), "nothing at all"),
        Part(np.array([[True, False]]), "truths"),
        Part(np.full((2, 2), np.nan), "doubles, none of them a number"),
    ),
    color=(1.0, float("inf"), 1e-300),
    maybe=np.array(5, np.int64),
    options={"deep": {"list": [1, 2.5, None, "ü"]}, "yes": True},
)


class TestRoundTrip:
    @pytest.mark.parametrize(
        "message", [WHOLE, Whole(0, float("nan"), False)], ids=["full", "bare"]
    )
    def test_nothing_changes(self, message):
        assert same(read(frame_of(message)), message)

    def test_views_of_arrays_arrive_as_what_they_show(self):
        source = np.arange(24, dtype=np.float32).reshape(4, 6)
        for shown in (source[::-1], source.T, source[:, ::2], np.broadcast_to(source[0], (3, 6))):
            got = read(frame_of(Whole(1, 1.0, True, maybe=shown)))
            np.testing.assert_array_equal(got.maybe, shown)

    def test_big_endian_is_turned(self):
        got = read(frame_of(Whole(1, 1.0, True, maybe=np.array([1.5, -2], ">f4"))))
        assert got.maybe.dtype == np.dtype("<f4")
        assert got.maybe.tolist() == [1.5, -2]

    def test_numpy_numbers_and_words_become_plain(self):
        options = {"n": np.int64(3), "x": np.float32(0.5), "b": np.bool_(True), "w": Word.YES}
        got = read(frame_of(Whole(np.int32(2), np.float64(1), np.bool_(False), options=options)))
        assert got.options == {"n": 3, "x": 0.5, "b": True, "w": "yes"}
        assert type(got.options["w"]) is str
        assert type(got.count) is int

    def test_contiguous_arrays_are_not_copied(self):
        array = np.zeros((100, 3), np.float32)
        buffers = wire.pack(Whole(1, 1.0, True, maybe=array), version=VERSION)
        assert np.shares_memory(np.frombuffer(buffers[1], np.uint8), array)

    def test_what_is_left_out_has_its_default(self):
        assert same(read(forge({"count": 1, "ratio": 2, "flag": False}, [])), Whole(1, 2.0, False))


class TestWriting:
    @pytest.mark.parametrize(
        ("message", "said"),
        [
            (Whole("3", 1.0, True), r"Whole.count is a str, not a int"),
            (Whole(True, 1.0, True), r"Whole.count is a bool"),
            (Whole(1, None, True), r"Whole.ratio"),
            (Whole(1, 1.0, True, parts=(WHOLE,)), r"Whole.parts\[0\] is a Whole, not a Part"),
            (Whole(1, 1.0, True, color=(1.0, 2.0)), r"Whole.color has 2 items instead of 3"),
            (Whole(1, 1.0, True, maybe=[1, 2]), r"Whole.maybe is a list"),
            (Whole(1, 1.0, True, maybe=np.zeros(2, complex)), r"complex128, which can't be sent"),
            (Whole(1, 1.0, True, maybe=np.array([object()])), r"object, which can't be sent"),
            (Whole(1, 1.0, True, options={"a": {1, 2}}), r"Whole.options\['a'\] is a set"),
            (Whole(1, 1.0, True, options={1: 2}), r"Whole.options is a dict"),
        ],
    )
    def test_a_wrong_value_is_named(self, message, said):
        with pytest.raises(ProtocolError, match=said):
            wire.pack(message, version=VERSION)


class TestReading:
    GOOD = frame_of(WHOLE)

    def test_every_truncation_is_noticed(self):
        for length in range(wire.PREFIX_SIZE + 300):
            with pytest.raises((ProtocolError, ValueError)):
                read(self.GOOD[:length])

    def test_garbage_never_becomes_a_message(self):
        chance = random.Random(0)
        for _ in range(2000):
            with pytest.raises(ProtocolError):
                read(chance.randbytes(chance.randrange(24, 200)))

    def test_garbage_behind_a_good_prefix_never_becomes_a_message(self):
        chance = random.Random(1)
        for _ in range(2000):
            header = chance.randbytes(chance.randrange(60))
            prefix = wire._PREFIX.pack(b"LVLF", VERSION, len(header), 0)
            with pytest.raises(ProtocolError):
                read(prefix + header)

    def test_a_changed_byte_of_the_header_raises_nothing_else(self):
        chance = random.Random(2)
        size = wire.PREFIX_SIZE + int.from_bytes(self.GOOD[8:12], "little")
        for _ in range(3000):
            frame = bytearray(self.GOOD)
            frame[chance.randrange(size)] = chance.randrange(256)
            with contextlib.suppress(ProtocolError):
                read(bytes(frame))

    @pytest.mark.parametrize(
        ("frame", "said"),
        [
            (b"HTTP" + GOOD[4:], "something other than messages"),
            (GOOD[:4] + b"\x08\0\0\0" + GOOD[8:], "version 8 of the protocol, not 7"),
            (GOOD[:8] + b"\xff\xff\xff\xff" + GOOD[12:], "over the limit"),
            (GOOD[:16] + b"\xff" * 8 + GOOD[24:], "over the limit"),
            (forge({}, [], kind="Reverse"), "unknown type 'Reverse'"),
            (forge({}, [], kind=["Whole"]), "unknown type"),
            (forge({"count": 1, "ratio": 1.0}, []), "without its field 'flag'"),
            (forge({"count": 1, "ratio": 1, "flag": True, "x": 1}, []), "unknown field 'x'"),
            (forge({"count": 1.5, "ratio": 1, "flag": True}, []), "Whole.count is a float"),
            (forge({"count": True, "ratio": 1, "flag": True}, []), "Whole.count is a bool"),
            (forge({"count": 1, "ratio": 1, "flag": True, "maybe": 0}, []), "Whole.maybe"),
            (forge({"count": 1, "ratio": 1, "flag": True, "color": [1, 2]}, []), "2 items"),
            (forge([], []), "Whole is a list"),
            (forge({}, 5), "can't be read"),
            (forge({}, {"<f4": []}), "can't be read"),
            (forge({}, [["|O", [1]]], b"12345678"), "'|O' are not accepted"),
            (forge({}, [["<f4", [-1, -1]]], b"1234"), "not a shape"),
            (forge({}, [["<f4", [1.0]]], b"1234"), "not a shape"),
            (forge({}, [["<f4", [1] * 9]], b"1234"), "not a shape"),
            (forge({}, [["<f4", [0, 2**62]]]), "too large"),
            (forge({}, [["<f4", [0, 2**20, 2**20, 2**20]]]), "too large"),
            (forge({}, [["<f4", [2]]], b"1234"), "arrays of 8 bytes in a body of 4"),
            (forge({}, [["<f4", [0]]] * 5000), "too long"),
            (forge({}, []).replace(b"{}", b"[" * 40 + b"]" * 40)[:-2], "can't be read"),
        ],
        ids=range(24),
    )
    def test_a_lie_is_named(self, frame, said):
        with pytest.raises(ProtocolError, match=said.replace("|", r"\|").replace("{", r"\{")):
            read(frame)

    def test_an_array_may_be_used_once_and_in_order_only(self):
        head = {"count": 1, "ratio": 1, "flag": True}
        table = [["|u1", [2]], ["|u1", [2]]]
        twice = {**head, "maybe": 0, "parts": [{"grid": 0, "name": "a"}]}
        with pytest.raises(ProtocolError, match=r"Whole.maybe"):
            read(forge(twice, table, b"abcd"))
        with pytest.raises(ProtocolError, match="2 arrays that no field uses"):
            read(forge(head, table, b"abcd"))

    def test_a_deep_header_is_refused(self):
        deep = b'["Whole",' + b"[" * 100_000 + b"]" * 100_000 + b",[]]"
        with pytest.raises(ProtocolError, match="can't be read"):
            wire.read_header(deep, 0)

    def test_a_large_declaration_takes_no_memory(self):
        header = json.dumps(["Whole", {}, [["<f4", [1 << 28]]]]).encode()
        tracemalloc.start()
        with pytest.raises(ProtocolError):
            wire.read_header(header, 1 << 29)
        with pytest.raises(ProtocolError):
            wire.read_prefix(
                wire._PREFIX.pack(b"LVLF", VERSION, 10, 1 << 30), version=VERSION, limit=1 << 20
            )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1 << 20
