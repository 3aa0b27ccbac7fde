"""A job comes to exactly one end, whatever happens to it, to its worker, or to who asked for it."""

import math
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from levelform.addon.jobs.client import Client
from levelform.addon.jobs.job import JobState, WorkerState
from levelform.addon.jobs.queue import Jobs
from levelform.backend.contract import protocol
from levelform.backend.contract.errors import RequestError, WorkError

STAND_IN = Path(__file__).parents[2] / "stand_in.py"
PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)


def request(method="mesh", job="", views=(), **options):
    return protocol.Reconstruct(job, method, views, np.eye(4), options=options)


@pytest.fixture
def clients():
    """The clients that `jobs` has made so far."""
    return []


@pytest.fixture
def jobs(tmp_path, clients):
    def make():
        clients.append(Client(PYTHON, str(tmp_path), script=STAND_IN))
        return clients[-1]

    jobs = Jobs(make)
    yield jobs
    jobs.shutdown()
    assert list(tmp_path.iterdir()) == []


def poll_until(jobs, condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        jobs.poll()
        time.sleep(0.002)


class Watcher:
    """Records what it hears of a job."""

    def __init__(self):
        self.updates, self.ends = [], []

    def on_update(self, job, update):
        assert job.state is JobState.RUNNING
        self.updates.append(update)

    def on_end(self, job):
        assert job.ended
        self.ends.append(job.state)


@pytest.fixture
def watcher():
    return Watcher()


class TestLife:
    def test_a_job_from_the_queue_to_its_end(self, jobs, watcher):
        job = jobs.submit(request(updates=4), watcher.on_update, watcher.on_end)
        assert job.state is JobState.QUEUED
        assert jobs.worker_state is WorkerState.OFF
        jobs.poll()
        assert job.state is JobState.STARTING
        assert jobs.worker_state is WorkerState.STARTING
        assert jobs.run(job) is job
        assert job.state is JobState.FINISHED
        assert job.stats["method"] == "mesh"
        assert watcher.updates[-1].resolution == 256
        assert watcher.ends == [JobState.FINISHED]
        assert job.submitted_at <= job.started_at <= job.ended_at
        assert jobs.worker_state is WorkerState.READY

    def test_only_the_newest_mesh_is_shown(self, jobs, watcher):
        first = jobs.submit(request("slow"))
        job = jobs.submit(request(updates=10, vertices=2000), watcher.on_update, watcher.on_end)
        poll_until(jobs, lambda: first.progress is not None)
        jobs.cancel(first)
        poll_until(jobs, lambda: job.state is JobState.RUNNING)
        before = len(watcher.updates)
        time.sleep(0.5)  # meanwhile most of them arrive, on a machine that is not busy all
        jobs.poll(1.0)
        assert len(watcher.updates) <= before + 1
        jobs.run(job)
        shown = [update.resolution for update in watcher.updates]
        assert shown == sorted(set(shown))
        assert shown[-1] == 32 << 9

    def test_jobs_are_done_in_order_by_one_worker(self, jobs, clients):
        ended = []
        many = [jobs.submit(request(), on_end=ended.append) for _ in range(5)]
        assert jobs.queued == tuple(many)
        jobs.run(many[-1])
        assert ended == many
        assert len(clients) == 1

    def test_poll_returns_false_when_idle(self, jobs):
        assert not jobs.poll()
        job = jobs.submit(request())
        while jobs.poll():
            time.sleep(0.002)
        assert job.ended

    def test_methods_and_status_are_asked_for(self, jobs):
        jobs.warm_up()
        poll_until(jobs, lambda: jobs.methods is not None)
        assert jobs.methods.methods[0].name == "mesh"
        jobs.unload()
        poll_until(jobs, lambda: jobs.status is not None)
        assert jobs.status.kept == ("kept",)
        jobs.forget("kept")

    def test_an_estimate_of_the_volume(self, jobs):
        job = jobs.run(jobs.submit(protocol.EstimateVolume("", ())))
        assert job.state is JobState.FINISHED
        assert job.placement.world_from_volume[0, 0] == 2.0

    def test_images_are_released_at_the_end(self, jobs):
        view = protocol.ViewData(np.ones((4, 4, 4), np.uint8), None, "a")
        job = jobs.run(jobs.submit(request("views", views=(view,))))
        assert job.stats["sums"] == [64]
        assert job.request.views == ()

    def test_a_name_may_be_used_again_only_after_the_end(self, jobs):
        job = jobs.submit(request(job="suzanne"))
        with pytest.raises(RequestError, match="'suzanne'"):
            jobs.submit(request(job="suzanne"))
        jobs.run(job)
        assert jobs.run(jobs.submit(request(job="suzanne"))).state is JobState.FINISHED


class TestCancel:
    def test_while_it_is_queued(self, jobs, watcher, clients):
        job = jobs.submit(request(), watcher.on_update, watcher.on_end)
        jobs.cancel(job)
        jobs.cancel(job)
        assert job.state is JobState.CANCELLED
        assert watcher.ends == []  # callbacks come from within poll
        jobs.poll()
        assert watcher.ends == [JobState.CANCELLED]
        assert clients == []

    def test_while_the_worker_starts(self, jobs, watcher):
        job = jobs.submit(request(), watcher.on_update, watcher.on_end)
        jobs.poll()
        jobs.cancel(job)
        jobs.poll()
        assert watcher.ends == [JobState.CANCELLED]
        assert jobs.run(jobs.submit(request())).state is JobState.FINISHED

    def test_while_it_runs(self, jobs, watcher, clients):
        job = jobs.submit(request("slow"), watcher.on_update, watcher.on_end)
        poll_until(jobs, lambda: job.progress is not None)
        jobs.cancel(job)
        poll_until(jobs, lambda: job.ended)
        assert watcher.ends == [JobState.CANCELLED]
        assert clients[0].alive

    def test_finishing_early_keeps_the_result(self, jobs, watcher):
        job = jobs.submit(request("improving"), watcher.on_update, watcher.on_end)
        jobs.finish_early(job)  # it does not run yet: nothing to keep
        poll_until(jobs, lambda: job.progress is not None)
        jobs.finish_early(job)
        poll_until(jobs, lambda: job.ended)
        assert watcher.ends == [JobState.FINISHED]
        assert watcher.updates

    def test_nothing_is_shown_afterwards(self, jobs, watcher):
        job = jobs.submit(request(updates=50, vertices=50_000), watcher.on_update, watcher.on_end)
        poll_until(jobs, lambda: watcher.updates)
        jobs.cancel(job)
        shown = len(watcher.updates)
        poll_until(jobs, lambda: job.ended)
        assert len(watcher.updates) == shown
        assert watcher.ends == [JobState.CANCELLED]

    def test_a_worker_that_ignores_it_is_killed(self, jobs, watcher, monkeypatch):
        monkeypatch.setattr("levelform.addon.jobs.cancelling._PATIENCE", 0.2)
        job = jobs.submit(request("deaf"), watcher.on_update, watcher.on_end)
        poll_until(jobs, lambda: job.progress is not None)
        jobs.cancel(job)
        poll_until(jobs, lambda: job.ended)
        assert watcher.ends == [JobState.CANCELLED]
        assert jobs.run(jobs.submit(request())).state is JobState.FINISHED

    def test_a_job_that_ended_before_the_cancel_arrived_is_cancelled(self, jobs, watcher):
        job = jobs.submit(request(), watcher.on_update, watcher.on_end)
        poll_until(jobs, lambda: job.state is JobState.RUNNING)
        time.sleep(0.2)  # the worker has long finished
        jobs.cancel(job)
        poll_until(jobs, lambda: job.ended)
        assert watcher.ends == [JobState.CANCELLED]
        assert watcher.updates == []

    def test_from_within_an_update(self, jobs, watcher):
        job = jobs.submit(
            request(updates=50, vertices=50_000),
            lambda job, update: jobs.cancel(job),
            watcher.on_end,
        )
        jobs.run(job)
        assert watcher.ends == [JobState.CANCELLED]

    def test_an_interrupt_cancels_and_is_re_raised(self, jobs):
        def interrupt(job, update):
            if not job.cancelled_at:
                signal.raise_signal(signal.SIGINT)

        job = jobs.submit(request(updates=50, vertices=50_000), interrupt)
        # A process that was begun in the background may ignore the signal.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                jobs.run(job)
        finally:
            signal.signal(signal.SIGINT, before)
        assert job.state is JobState.CANCELLED


class TestFailure:
    @pytest.mark.parametrize(
        ("method", "message"),
        [
            ("refuse", "The moon is full."),
            ("crash", "ZeroDivisionError: seven by zero"),
            ("hungry", "not enough memory"),
            ("nothing", "without a result"),
        ],
    )
    def test_what_a_job_raises(self, jobs, method, message):
        job = jobs.run(jobs.submit(request(method)))
        assert job.state is JobState.FAILED
        assert message in job.failure.message
        assert "Traceback" in job.failure.detail

    def test_a_dead_worker_fails_its_job_and_the_next_one_gets_another(self, jobs, clients):
        many = [jobs.submit(request(method)) for method in ("die", "mesh", "die", "mesh")]
        jobs.run(many[-1])
        states = [job.state for job in many]
        assert states == [JobState.FAILED, JobState.FINISHED] * 2
        assert "killed" in many[0].failure.message
        assert "memory" in many[0].failure.hint
        assert "about to die" in many[0].log
        assert len(clients) == 3

    def test_a_worker_killed_from_outside(self, jobs, clients):
        job = jobs.submit(request("slow"))
        poll_until(jobs, lambda: job.progress is not None)
        os.kill(clients[0].pid, signal.SIGTERM)
        jobs.run(job)
        assert "SIGTERM" in job.failure.message

    def test_an_idle_worker_that_dies_is_replaced(self, jobs, clients):
        jobs.run(jobs.submit(request()))
        os.kill(clients[0].pid, signal.SIGKILL)
        poll_until(jobs, lambda: jobs.worker_state is WorkerState.OFF)
        assert "killed" in jobs.ending.message
        assert jobs.run(jobs.submit(request())).state is JobState.FINISHED

    def test_a_job_after_an_unnoticed_death_gets_a_new_worker(self, jobs, clients):
        for count in range(2, 6):
            jobs.run(jobs.submit(request()))
            os.kill(clients[-1].pid, signal.SIGKILL)
            assert jobs.run(jobs.submit(request())).state is JobState.FINISHED
            assert len(clients) == count

    def test_a_job_sent_to_a_dying_worker_is_repeated(self, jobs, clients):
        jobs.run(jobs.submit(request()))
        os.kill(clients[0].pid, signal.SIGSTOP)  # it takes the job and says nothing
        job = jobs.submit(request())
        poll_until(jobs, lambda: job.state is JobState.RUNNING)
        os.kill(clients[0].pid, signal.SIGKILL)
        jobs.run(job)
        assert (job.state, len(clients)) == (JobState.FINISHED, 2)

    def test_a_job_that_kills_twice_has_failed(self, jobs, clients):
        job = jobs.submit(request("die_at_once"))
        jobs.run(job)
        assert (job.state, len(clients)) == (JobState.FAILED, 2)

    def test_an_unresponsive_worker_is_reported_and_cancelled_early(
        self, jobs, clients, monkeypatch
    ):
        monkeypatch.setattr("levelform.addon.jobs.cancelling._PATIENCE", math.inf)
        monkeypatch.setattr("levelform.addon.jobs.queue.SILENCE", 0.3)
        monkeypatch.setattr("levelform.addon.jobs.queue._PING_INTERVAL", 0.1)
        job = jobs.submit(request("slow"))
        poll_until(jobs, lambda: job.progress is not None)
        assert jobs.silent_for == 0.0
        os.kill(clients[0].pid, signal.SIGSTOP)
        poll_until(jobs, lambda: jobs.silent_for > 0.3)
        jobs.cancel(job)
        jobs.run(job)
        assert job.state is JobState.CANCELLED
        assert jobs.run(jobs.submit(request())).state is JobState.FINISHED

    def test_a_busy_worker_answers_while_it_computes(self, jobs, monkeypatch):
        monkeypatch.setattr("levelform.addon.jobs.queue._PING_INTERVAL", 0.05)
        job = jobs.submit(request("deaf"))
        poll_until(jobs, lambda: job.progress is not None)
        before = jobs._client.heard_at
        poll_until(jobs, lambda: jobs._client.heard_at > before + 0.2)
        jobs.cancel(job)

    def test_it_computes_on_fewer_threads_while_blender_renders(self, jobs):
        job = jobs.submit(request("threads"))
        poll_until(jobs, lambda: job.progress is not None)
        for wanted in (1, 0, 1):
            jobs.limit_threads(wanted)
            poll_until(jobs, lambda wanted=wanted: job.progress.fraction == wanted / 10)
        jobs.cancel(job)
        assert jobs.run(job).state is JobState.CANCELLED

    def test_no_backend_fails_the_job_with_the_reason(self):
        def make():
            raise WorkError("There is no backend.", "Press Install backend.")

        jobs = Jobs(make)
        job = jobs.run(jobs.submit(request()))
        assert (job.failure.message, job.failure.hint) == (
            "There is no backend.",
            "Press Install backend.",
        )

    def test_an_invalid_python_fails_the_job(self, tmp_path):
        jobs = Jobs(lambda: Client(str(tmp_path / "python")))
        many = [jobs.submit(request()) for _ in range(2)]
        jobs.run(many[-1])
        assert [job.state for job in many] == [JobState.FAILED] * 2

    def test_a_request_that_cannot_be_sent_fails(self, jobs):
        job = jobs.run(jobs.submit(request(thing=object())))
        assert "can't be sent" in job.failure.message
        assert jobs.run(jobs.submit(request())).state is JobState.FINISHED

    def test_a_mesh_that_cannot_be_shown_fails_the_job(self, jobs, watcher):
        def refuse(job, update):
            raise WorkError("The object is locked.", "Unlock it.")

        job = jobs.submit(request(updates=50, vertices=50_000), refuse, watcher.on_end)
        jobs.run(job)
        assert watcher.ends == [JobState.FAILED]
        assert job.failure.message == "The object is locked."
        assert jobs.run(jobs.submit(request())).state is JobState.FINISHED

    def test_a_last_mesh_that_cannot_be_shown_fails_the_job_once(self, jobs, watcher):
        job = jobs.submit(request(updates=1), lambda job, update: 1 / 0, watcher.on_end)
        jobs.run(job)
        jobs.poll()
        assert watcher.ends == [JobState.FAILED]

    def test_an_error_in_an_end_handler_harms_no_other_job(self, jobs):
        first = jobs.submit(request(), on_end=lambda job: 1 / 0)
        jobs.run(jobs.submit(request()))
        assert first.state is JobState.FINISHED


class TestShutdown:
    def test_everything_ends(self, jobs, watcher, clients):
        many = [jobs.submit(request("slow"), on_end=watcher.on_end) for _ in range(3)]
        poll_until(jobs, lambda: many[0].progress is not None)
        jobs.shutdown()
        jobs.shutdown()
        assert [job.state for job in many] == [JobState.CANCELLED] * 3
        assert watcher.ends == [JobState.CANCELLED] * 3
        assert not clients[0].alive
        assert not jobs.poll()

    def test_it_can_be_used_again(self, jobs):
        jobs.run(jobs.submit(request()))
        jobs.shutdown()
        assert jobs.run(jobs.submit(request())).state is JobState.FINISHED


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no such signal")
def test_earlier_events_of_a_stopped_worker_are_not_a_sign_of_life(jobs, clients, monkeypatch):
    """Progress that waits in the channel is read after the cancel, and must not cost its time."""
    monkeypatch.setattr("levelform.addon.jobs.cancelling._PATIENCE", math.inf)
    job = jobs.submit(request("slow"))
    poll_until(jobs, lambda: job.progress is not None)
    time.sleep(0.3)  # more of it arrives, unread
    os.kill(clients[-1].pid, signal.SIGSTOP)
    jobs.cancel(job)
    poll_until(jobs, lambda: job.ended)
    assert jobs.run(jobs.submit(request())).state is JobState.FINISHED


def test_a_worker_that_was_killed_while_it_started_for_another_job_costs_nothing(jobs, clients):
    first = jobs.submit(request())
    jobs.poll()
    jobs.cancel(first)
    os.kill(clients[-1].pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    assert jobs.run(jobs.submit(request())).state is JobState.FINISHED
    assert len(clients) == 2
