"""One owner of a folder at a time; the lock of a killed owner is taken over."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time

import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.folder_lock import (
    NAME,
    FolderLock,
    is_stale,
    process_lives,
    process_start,
)


def owner(**changes):
    here = {
        "purpose": "a training",
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": process_start(os.getpid()),
        "since": "now",
    }
    return {**here, **changes}


def ended():
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-I", "-c", ""])
    process.wait()
    return process.pid


def test_the_second_is_told_who_the_first_is(tmp_path):
    with FolderLock(tmp_path, "a training"):
        with pytest.raises(RequestError) as caught:
            FolderLock(tmp_path, "another").acquire()
        assert "in use by a training" in caught.value.message
        assert f"process {os.getpid()} on {socket.gethostname()}" in caught.value.message
    assert list(tmp_path.iterdir()) == []
    with FolderLock(tmp_path, "another"):
        pass


def test_a_refused_lock_leaves_the_owners_alone(tmp_path):
    with FolderLock(tmp_path, "a training"):
        refused = FolderLock(tmp_path, "another")
        with pytest.raises(RequestError):
            refused.acquire()
        refused.release()
        assert (tmp_path / NAME).exists()


@pytest.mark.parametrize(
    "text",
    [
        lambda: json.dumps(owner(pid=ended())),
        lambda: json.dumps(owner(pid="x")),
        lambda: json.dumps(owner(pid=-1)),
        lambda: json.dumps(owner(pid=10**30)),
    ],
)
def test_a_lock_of_a_process_that_has_ended_is_taken_over(tmp_path, text):
    (tmp_path / NAME).write_text(text())
    with FolderLock(tmp_path, "a training"):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not process_start(os.getpid()), reason="the system does not tell")
def test_a_number_given_to_another_process_does_not_keep_a_lock(tmp_path):
    assert not is_stale(owner())
    assert is_stale(owner(started="1"))


def test_a_lock_of_another_machine_is_believed(tmp_path):
    (tmp_path / NAME).write_text(json.dumps(owner(host="elsewhere", pid=ended())))
    with pytest.raises(RequestError, match="on elsewhere") as caught:
        FolderLock(tmp_path, "a training").acquire()
    assert NAME in caught.value.hint


def test_a_lock_that_says_nothing_is_a_leftover_after_a_while(tmp_path):
    (tmp_path / NAME).write_text("")
    long_ago = time.time() - 60
    os.utime(tmp_path / NAME, (long_ago, long_ago))
    with FolderLock(tmp_path, "a training"):
        pass


def test_processes_that_run_and_that_do_not():
    assert process_lives(os.getpid())
    assert not process_lives(ended())
    assert not process_lives(0)


def count(folder, results):
    for _ in range(15):
        try:
            with FolderLock(folder, "a race"):
                path = folder / "inside"
                path.touch(exist_ok=False)
                path.unlink()
                results.put("in")
        except RequestError:
            results.put("refused")
        except FileExistsError:
            results.put("two at once")


@pytest.mark.skipif(os.name == "nt", reason="starts processes by forking")
def test_of_many_at_once_one_is_inside(tmp_path):
    (tmp_path / NAME).write_text(json.dumps(owner(pid=ended())))
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=count, args=(tmp_path, results)) for _ in range(4)]
    for process in processes:
        process.start()
    seen = [results.get(timeout=120) for _ in range(60)]
    for process in processes:
        process.join(120)
    assert "two at once" not in seen
    assert "in" in seen
