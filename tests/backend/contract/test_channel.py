"""The channel never blocks, never mixes messages up, and notices the other side's end."""

import gc
import json
import multiprocessing
import os
import random
import struct
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest
from levelform.backend.contract.channel import Channel, ChannelClosedError, Garbled
from levelform.backend.contract.wire import PREFIX_SIZE, ProtocolError, pack

VERSION = 3


@dataclass(frozen=True)
class Note:
    text: str
    grid: np.ndarray | None = None
    more: tuple[np.ndarray, ...] = ()


REGISTRY = {"Note": Note}
BIG = np.arange(5_000_000, dtype=np.int32).reshape(-1, 2)


def wrap(connection, **options):
    return Channel(connection, REGISTRY, version=VERSION, **options)


@pytest.fixture(params=[False, True], ids=["socket", "packets"])
def ends(request):
    a, b = multiprocessing.Pipe()
    channels = wrap(a, packets=request.param), wrap(b, packets=request.param)
    yield channels
    for channel in channels:
        channel.close()


@pytest.fixture
def raw():
    """A channel and the bare descriptor of its other end."""
    a, b = multiprocessing.Pipe()
    channel = wrap(a)
    os.set_blocking(b.fileno(), False)
    yield channel, b.fileno()
    channel.close()
    b.close()


def receive(channel, count=1):
    got = []
    while len(got) < count:
        channel.wait(5)
        got += channel.poll(0.05)
    return got


def send_all(channel, messages):
    for message in messages:
        channel.send(message)
    assert channel.flush(None)


class TestGarbled:
    """A message that can't be used is told of, and the next one arrives."""

    def frame(self, tree, table=(), body=b"", kind="Note"):
        header = json.dumps([kind, tree, list(table)]).encode()
        prefix = struct.pack("<4sIIxxxxQ", b"LVLF", VERSION, len(header), len(body))
        return prefix + header + body

    @pytest.mark.parametrize(
        ("words", "said", "job"),
        [
            (dict(tree={"text": 1, "job": "j"}), "unknown field 'job'", "j"),
            (dict(tree={"job": "j"}, kind="Letter"), "unknown type 'Letter'", "j"),
            (dict(tree={"text": "a"}, table=[["<f4", [3]]], body=b"x" * 12), "no field uses", ""),
            (dict(tree={"text": "a"}, table=[["|O", [3]]], body=b"x" * 12), "not accepted", ""),
            (dict(tree={"text": "a"}, table=[["<f4", [2]]], body=b"x" * 12), "in a body of 12", ""),
            (dict(tree=[[]]), "is a list", ""),
        ],
    )
    def test_the_channel_goes_on(self, raw, words, said, job):
        channel, other = raw
        os.write(other, self.frame(**words) + self.frame({"text": "next"}))
        bad, good = receive(channel, 2)
        assert isinstance(bad, Garbled)
        assert said in str(bad.error)
        assert bad.job == job
        assert good == Note("next")

    def test_a_body_that_finds_no_memory_is_passed_over(self, raw, monkeypatch):
        def no_memory(*_):
            raise MemoryError

        channel, other = raw
        monkeypatch.setattr("levelform.backend.contract.channel.np.empty", no_memory)
        os.write(other, self.frame({"text": "a", "grid": 0}, [["<f4", [3]]], b"x" * 12))
        (bad,) = receive(channel)
        assert isinstance(bad.error, MemoryError)
        monkeypatch.undo()
        os.write(other, self.frame({"text": "a", "grid": 0}, [["<f4", [3]]], b"\0" * 12))
        (good,) = receive(channel)
        assert good.grid.tolist() == [0, 0, 0]


class TestMessages:
    def test_many_messages_of_all_sizes_arrive_in_order(self, ends):
        chance = random.Random(0)
        grids = [np.arange(chance.choice([0, 1, 10, 1000, 300_000])) for _ in range(100)]
        notes = [Note(str(i), grid, (grid[:3], grid[:0])) for i, grid in enumerate(grids)]
        thread = threading.Thread(target=send_all, args=(ends[0], notes), daemon=True)
        thread.start()
        got = receive(ends[1], len(notes))
        thread.join()
        assert [note.text for note in got] == [note.text for note in notes]
        for sent, note in zip(notes, got, strict=True):
            np.testing.assert_array_equal(note.grid, sent.grid)
            np.testing.assert_array_equal(note.more[0], sent.more[0])
            assert note.more[1].shape == (0,)

    def test_both_directions_at_once_in_one_thread_each(self):
        def talk(channel):
            channel.send(Note("big", BIG))
            got = []
            while not (channel.flush(0.01) and got):
                got += channel.poll(0.01)
            results.append(np.array_equal(got[0].grid, BIG))

        results = []
        channels = [wrap(end) for end in multiprocessing.Pipe()]
        threads = [threading.Thread(target=talk, args=(end,), daemon=True) for end in channels]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert results == [True, True]

    def test_what_arrives_can_be_written_to(self, ends):
        send_all(ends[0], [Note("a", np.zeros(3))])
        (note,) = receive(ends[1])
        note.grid[:] = 1
        assert note.grid.tolist() == [1, 1, 1]


class TestPatience:
    def test_an_empty_channel_gives_nothing_at_once(self, ends):
        start = time.monotonic()
        assert ends[0].poll(3600.0) == []
        assert time.monotonic() - start < 60.0

    def test_a_half_received_message_is_gone_on_with(self, raw):
        channel, other = raw
        frame = b"".join(pack(Note("half", BIG[:1000]), version=VERSION))
        for cut in (1, PREFIX_SIZE - 1, PREFIX_SIZE, PREFIX_SIZE + 5, len(frame) - 1):
            os.write(other, frame[:cut])
            for _ in range(3):
                assert channel.poll(0.01) == []
            os.write(other, frame[cut:])
            (note,) = receive(channel)
            np.testing.assert_array_equal(note.grid, BIG[:1000])

    def test_a_message_byte_by_byte(self, raw):
        channel, other = raw
        frame = b"".join(pack(Note("slow", np.arange(5)), version=VERSION))
        got = []
        for i in range(len(frame)):
            os.write(other, frame[i : i + 1])
            got += channel.poll()
        assert [note.text for note in got] == ["slow"]

    def test_a_flush_without_a_reader_comes_back_and_loses_nothing(self):
        a, b = multiprocessing.Pipe()
        writer, reader = wrap(a), wrap(b)
        writer.send(Note("big", BIG))
        assert not writer.flush()  # without a reader it would wait for ever
        assert not writer.flush(0.05)
        got = []
        while not got:
            writer.flush()
            got = reader.poll(0.01)
        np.testing.assert_array_equal(got[0].grid, BIG)
        assert writer.flush()

    def test_reading_straight_into_the_array_makes_no_copy(self, raw):
        channel, other = raw
        frame = b"".join(pack(Note("", BIG[:50_000]), version=VERSION))
        os.write(other, frame[: len(frame) // 2])
        channel.poll(0.1)
        (view,) = channel._views  # what is left of the array that is being filled
        os.write(other, frame[len(frame) // 2 :])
        (note,) = receive(channel)
        assert np.shares_memory(np.frombuffer(view, np.uint8), note.grid)


class TestEnds:
    def test_the_end_comes_after_the_last_message(self, ends):
        send_all(ends[0], [Note("one"), Note("two")])
        ends[0].close()
        assert [note.text for note in receive(ends[1], 2)] == ["one", "two"]
        with pytest.raises(ChannelClosedError):
            ends[1].poll(0.01)

    def test_an_end_within_a_message(self):
        a, b = multiprocessing.Pipe()
        channel = wrap(a)
        os.write(b.fileno(), b"".join(pack(Note("cut", BIG[:100]), version=VERSION))[:-10])
        assert channel.poll(0.01) == []
        b.close()
        with pytest.raises(ChannelClosedError):
            channel.poll(0.01)

    def test_writing_to_nobody_raises_and_is_not_deadly(self, ends):
        ends[1].close()
        ends[0].send(Note("big", BIG))
        with pytest.raises(ChannelClosedError):
            ends[0].flush(5)

    def test_a_blocked_writer_notices_the_end(self):
        a, b = multiprocessing.Pipe()
        writer, reader = wrap(a), wrap(b)
        writer.send(Note("big", BIG))
        threading.Timer(0.1, reader.close).start()
        with pytest.raises(ChannelClosedError):
            writer.flush(10)

    def test_a_message_over_the_limit_is_refused_before_it_is_read(self):
        a, b = multiprocessing.Pipe()
        writer, reader = wrap(a), wrap(b, limit=1000)
        writer.send(Note("big", BIG))
        writer.flush(0.01)
        with pytest.raises(ProtocolError, match="over the limit"):
            reader.poll(0.1)

    def test_no_descriptor_is_left(self):
        gc.collect()  # channels of other tests
        before = set(os.listdir("/proc/self/fd"))
        a, b = multiprocessing.Pipe()
        first, second = wrap(a), wrap(b)
        first.close()
        second.close()
        assert set(os.listdir("/proc/self/fd")) == before
