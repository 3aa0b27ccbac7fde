"""The queue: a job requested while another runs begins after it."""

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.jobs.requests import order_of  # noqa: E402

pytestmark = pytest.mark.bpy


def ask(extension):
    order = order_of(bpy.context.scene)
    extension.enqueue(order.name, order.begin)


def end(extension, puppet):
    puppet.send(32)
    puppet.finish()
    for _ in range(3):
        extension.step()


def test_waiting_jobs_keep_the_settings_they_were_asked_with(extension, puppet, ball_stage):
    scene = ball_stage(3)
    for preset in ("DRAFT", "FINE", "BALANCED"):
        scene.levelform.preset = preset
        ask(extension)
    assert [job.request.resolution for job in puppet.submitted] == [64]
    assert [waiting.name for waiting in extension.waiting] == ["fit 256", "fit 128"]
    for _ in range(3):
        end(extension, puppet)
    assert [job.request.resolution for job in puppet.submitted] == [64, 256, 128]
    assert extension.running is None
    assert not extension.waiting


def test_a_cancel_ends_only_the_running_job(extension, puppet, ball_stage):
    ball_stage(3)
    ask(extension)
    ask(extension)
    extension.cancel()
    extension.step()
    assert len(puppet.submitted) == 2
    assert extension.running.job is puppet.job


def test_one_that_cannot_begin_is_told_and_does_not_stop_the_others(
    extension, puppet, ball_stage, monkeypatch
):
    from levelform.backend.contract.errors import RequestError

    def refuse():
        raise RequestError("The moon is full.", "Wait.")

    ball_stage(3)
    ask(extension)
    extension.enqueue("refused", refuse)
    ask(extension)
    end(extension, puppet)
    assert extension.running.job is puppet.job
    assert len(puppet.submitted) == 2
    assert "moon" in str(extension.failure)


def test_loading_a_file_empties_the_queue(extension, puppet, ball_stage):
    ball_stage(3)
    ask(extension)
    ask(extension)
    extension.after_load()
    assert not extension.waiting


def test_a_failure_is_told_until_its_inputs_change(extension, puppet, ball_stage):
    scene = ball_stage(3)
    ask(extension)
    puppet.fail("The moon is full.", "Wait.")
    extension.step()
    assert "moon" in str(extension.told_failure())
    scene.levelform.tolerance = 0.25
    assert extension.told_failure() is None
