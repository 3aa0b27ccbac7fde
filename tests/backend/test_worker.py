"""The worker's side: order, cancelling, not too much progress, and words for what went wrong."""

import json
import multiprocessing
import os
import struct
import threading
import time

import numpy as np
import pytest
from levelform.backend import worker
from levelform.backend.contract import protocol
from levelform.backend.contract.errors import RequestError, WorkError
from levelform.backend.contract.memory import is_out_of_memory


class Session:
    """A session whose jobs do as their method says."""

    def __init__(self):
        self.calls = []
        self.tidied = threading.Event()
        self.go_on = threading.Event()

    def reconstruct(self, request, ticket):
        self.calls.append(request.job)
        yield from getattr(self, request.method)(request, ticket)

    def remesh(self, request, ticket):
        raise WorkError("Nothing is kept.", "Reconstruct first.")
        yield

    def estimate_volume(self, request, ticket):
        yield protocol.VolumeEstimate(request.job, protocol.Placement(np.eye(4), "estimate"))

    def done(self, request, ticket):
        yield protocol.Finished(request.job, {})
        self.tidied.set()

    def wait(self, request, ticket):
        while not self.go_on.wait(0.005):
            ticket.check()
        yield protocol.Finished(request.job, {})

    def steps(self, request, ticket):
        ticket.plan({"One": 1, "Two": 1, "Three": 1})
        for name in ("One", "Two", "Three"):
            with ticket.stage(name):
                for i in range(1000):
                    ticket.advance(i / 1000)
        yield protocol.Finished(request.job, {})

    def fail(self, request, ticket):
        raise request.options and KeyError("x")
        yield

    def unsendable(self, request, ticket):
        yield protocol.Finished(request.job, {"tensor": object()})

    def forget(self, keep):
        self.calls.append(f"forget {keep}")

    def keep_at_most(self, count):
        pass

    def unload(self):
        self.calls.append("unload")

    def status(self):
        return protocol.Status(1, (), ())

    def methods(self):
        return protocol.Methods(())


class Blender:
    """The other end of the worker's channel."""

    def __init__(self, connection):
        self.channel = protocol.open_channel(connection, receives=protocol.EVENTS)

    def send(self, *messages):
        for message in messages:
            self.channel.send(message)
        self.channel.flush(5)

    def reconstruct(self, job, method="done"):
        self.send(protocol.Reconstruct(job, method, (), np.eye(4)))

    def receive_until(self, condition):
        events, end = [], time.monotonic() + 120
        while not condition(events):
            assert time.monotonic() < end, events
            self.channel.wait(0.1)
            events += self.channel.poll(0.05)
        return events

    def ends(self, *jobs):
        """Wait for the ends of jobs; return them by job."""
        kinds = (protocol.Finished, protocol.Cancelled, protocol.Failed, protocol.VolumeEstimate)

        def over(events):
            result.update({e.job: e for e in events if isinstance(e, kinds)})
            return set(jobs) <= set(result)

        result = {}
        self.receive_until(over)
        return [result[job] for job in jobs]


@pytest.fixture
def left(monkeypatch):
    """The exit statuses with which the process would have ended."""
    statuses = []
    monkeypatch.setattr(worker.launch, "leave", statuses.append)
    monkeypatch.setattr(worker.launch, "GRACE", 0.0)
    return statuses


@pytest.fixture
def pair(left):
    """Blender's end of the channel, and the session of a worker that runs in a thread."""
    a, b = multiprocessing.Pipe()
    session, blender = Session(), Blender(a)
    subject = worker.Worker(protocol.open_channel(b, receives=protocol.REQUESTS))
    subject.start_reading()
    thread = threading.Thread(target=subject.work, args=(session,), daemon=True)
    thread.start()
    yield blender, session
    session.go_on.set()
    subject._requests.put(protocol.Shutdown())
    thread.join(120)
    assert not thread.is_alive()
    blender.channel.close()
    wait_for(lambda: left)


def wait_for(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class TestEnd:
    def test_when_blender_has_gone_even_while_a_job_computes(self, pair, left):
        blender, _ = pair
        blender.reconstruct("one", "wait")
        blender.channel.close()
        wait_for(lambda: left)
        assert left[0] == 0

    def test_when_something_else_than_a_request_arrives(self, left):
        a, b = multiprocessing.Pipe()
        subject = worker.Worker(protocol.open_channel(b, receives=protocol.REQUESTS))
        subject.start_reading()
        os.write(a.fileno(), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_for(lambda: left)
        assert left == [1]

    def test_not_by_a_number_beyond_any(self, pair):
        """A frame that can't be read is answered, and the reading thread goes on."""
        blender, _ = pair
        header = json.dumps(["Reconstruct", {"job": "bad", "level": 10**400}, []]).encode()
        prefix = struct.pack("<4sIIxxxxQ", b"LVLF", protocol.PROTOCOL_VERSION, len(header), 0)
        blender.channel._line.write([memoryview(prefix + header)])
        blender.reconstruct("good")
        bad, good = blender.ends("bad", "good")
        assert isinstance(bad, protocol.Failed)
        assert "can't be" in bad.message or "beyond any" in bad.message or "without" in bad.message
        assert isinstance(good, protocol.Finished)

    def test_a_ping_is_answered_while_a_job_computes(self, pair):
        blender, _ = pair
        blender.reconstruct("one", "wait")
        blender.send(protocol.Ping(7))
        blender.receive_until(lambda events: protocol.Pong(7) in events)


class TestOrder:
    def test_jobs_and_errands_are_done_in_order(self, pair):
        blender, session = pair
        blender.reconstruct("one")
        blender.send(protocol.Forget("old"))
        blender.reconstruct("two")
        blender.send(protocol.Unload(), protocol.ListMethods())
        events = blender.receive_until(
            lambda events: any(isinstance(event, protocol.Methods) for event in events)
        )
        assert session.calls == ["one", "forget old", "two", "unload"]
        assert [type(event).__name__ for event in events] == [
            *("Finished", "Status", "Status") * 2,
            "Methods",
        ]

    def test_a_session_may_tidy_up_after_its_last_event(self, pair):
        blender, session = pair
        blender.reconstruct("one")
        blender.ends("one")
        assert session.tidied.is_set()

    def test_an_estimate_ends_its_job(self, pair):
        blender, _ = pair
        blender.send(protocol.EstimateVolume("one", ()))
        (end,) = blender.ends("one")
        np.testing.assert_array_equal(end.placement.world_from_volume, np.eye(4))


class TestCancel:
    def test_a_running_job_stops(self, pair):
        blender, _ = pair
        blender.reconstruct("one", "wait")
        blender.send(protocol.Cancel("one"))
        assert blender.ends("one") == [protocol.Cancelled("one")]

    def test_a_queued_job_is_never_begun(self, pair):
        blender, session = pair
        blender.reconstruct("one", "wait")
        blender.reconstruct("two")
        blender.reconstruct("three")
        blender.send(protocol.Cancel("two"), protocol.Ping(7))
        blender.receive_until(lambda events: protocol.Pong(7) in events)  # the cancel was read
        session.go_on.set()
        first, second, third = blender.ends("one", "two", "three")
        assert isinstance(first, protocol.Finished)
        assert second == protocol.Cancelled("two")
        assert isinstance(third, protocol.Finished)
        assert session.calls == ["one", "three"]

    def test_a_cancel_that_comes_too_late_harms_nobody(self, pair):
        blender, _ = pair
        blender.reconstruct("one")
        blender.ends("one")
        blender.send(protocol.Cancel("one"))
        blender.reconstruct("two")
        assert isinstance(blender.ends("two")[0], protocol.Finished)


class TestProgress:
    def test_stages_are_all_reported_and_steps_are_not(self, pair):
        blender, _ = pair
        begun = time.monotonic()
        blender.reconstruct("one", "steps")
        events = blender.receive_until(
            lambda events: any(isinstance(event, protocol.Finished) for event in events)
        )
        seconds = time.monotonic() - begun
        reports = [event for event in events if isinstance(event, protocol.Progress)]
        assert [name for name in ("One", "Two", "Three") if name in {r.stage for r in reports}] == [
            "One",
            "Two",
            "Three",
        ]
        assert len(reports) <= 3 + seconds / worker._PROGRESS_INTERVAL
        overall = [report.overall for report in reports]
        assert overall == sorted(overall)


class TestFailure:
    def test_our_own_error_is_said_as_it_is(self):
        failed = worker.failure("job", WorkError("The moon is full.", "Wait."))
        assert (failed.job, failed.message, failed.hint) == ("job", "The moon is full.", "Wait.")
        assert failed.status == 1
        assert worker.failure("job", RequestError("No.")).status == 2

    def test_any_other_error_names_itself_and_keeps_its_traceback(self):
        try:
            raise ZeroDivisionError("seven by zero")
        except ZeroDivisionError as error:
            failed = worker.failure("job", error)
        assert "ZeroDivisionError: seven by zero" in failed.message
        assert "Traceback" in failed.detail

    @pytest.mark.parametrize(
        "error",
        [
            MemoryError(),
            type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried ..."),
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
            RuntimeError("MPS backend out of memory"),
        ],
    )
    def test_no_memory_has_a_sentence_of_its_own(self, error):
        failed = worker.failure("job", error)
        assert failed.message == "There is not enough memory for this."
        assert "resolution" in failed.hint

    def test_a_mention_of_memory_is_no_lack_of_it(self):
        assert not is_out_of_memory(ValueError("out of memory"))
        assert not is_out_of_memory(RuntimeError("expected contiguous memory"))

    def test_the_next_job_is_done_after_any_failure(self, pair):
        blender, _ = pair
        blender.send(protocol.Reconstruct("one", "fail", (), np.eye(4), options={"a": 1}))
        blender.reconstruct("two", "unsendable")
        blender.send(protocol.Remesh("three", "nothing"))
        blender.reconstruct("four")
        one, two, three, four = blender.ends("one", "two", "three", "four")
        assert "KeyError" in one.message
        assert "can't be sent" in two.message
        assert three.message == "Nothing is kept."
        assert isinstance(four, protocol.Finished)

    def test_numbers_beyond_meaning_never_reach_the_session(self, pair):
        blender, _ = pair
        blender.send(protocol.Reconstruct("one", "done", (), np.full((4, 4), 1e300)))
        blender.send(protocol.Remesh("two", "kept", level=float("nan")))
        blender.reconstruct("three")
        one, two, three = blender.ends("one", "two", "three")
        assert one.message.startswith("The volume's matrix is 1e+300, which is not a number from")
        assert two.message.startswith("The level is nan")
        assert isinstance(three, protocol.Finished)

    def test_a_missing_library_is_named(self):
        failed = worker.failure_at_start(
            ModuleNotFoundError("No module named 'torch'", name="torch")
        )
        assert "can't import torch" in failed.message
        assert "Install backend" in failed.hint


def test_ready_tells_what_there_is():
    torch = pytest.importorskip("torch")
    ready = worker.ready()
    assert ready.torch == torch.__version__
    assert ready.devices[-1] == "cpu"
    assert ready.threads >= 1


def test_cores_are_counted_without_hyper_threads():
    cores = worker.physical_cores()
    assert cores is None or 1 <= cores <= multiprocessing.cpu_count()
