"""Standard streams that are closed or full: one sentence, the right status, whole JSON."""

import json
import os
import subprocess
import sys

import pytest
from levelform.backend.contract import streams
from levelform.backend.contract.errors import WorkError

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
OWN = ("Traceback", "Exception ignored", "own", "Error:")
# Commands without torch, whose import takes seconds.
GOOD, BAD = ["--version"], ["weights", "get", "nothing"]


def run(words, redirections):
    """Run the command through a shell; return status, standard output, standard error."""
    command = f'exec "$0" -m levelform.backend {" ".join(words)} {redirections}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert not [word for word in OWN if word in done.stderr], done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full", "<&- 2>&-"])
def test_json_is_whole_where_standard_error_takes_nothing(closed):
    status, out, _ = run([*BAD, "--json"], closed)
    assert (status, json.loads(out)["status"]) == (2, 2)
    status, out, _ = run(["methods", "--json"], closed)
    assert status == 0
    assert json.loads(out)["methods"]


@pytest.mark.parametrize(
    ("closed", "reason"),
    [(">&-", "standard output is closed"), (">/dev/full", "No space left on device")],
)
@pytest.mark.parametrize("words", [["weights", "list"], ["weights", "list", "--json"], GOOD])
def test_a_result_that_nobody_takes_is_said_in_one_sentence(closed, reason, words):
    status, out, error = run(words, closed)
    assert (status, out) == (1, "")
    assert error.count("\n") == 1
    assert reason in error


@pytest.mark.parametrize("closed", [">&- 2>&- <&-", ">/dev/full 2>/dev/full"])
def test_the_status_is_right_where_nothing_can_be_said(closed):
    assert run(BAD, closed)[0] == 2
    assert run([*BAD, "--json"], closed)[0] == 2


def test_no_file_takes_the_number_of_a_closed_stream(tmp_path):
    """What a library prints on stream 2 must not end in a file that was opened later."""
    code = (
        "import os; from levelform.backend.contract.streams import mend_streams; mend_streams();"
        f"file = open({str(tmp_path / 'mesh')!r}, 'wb'); os.write(1, b'x'); os.write(2, b'x')"
    )
    words = ["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, code]
    assert subprocess.run(words, timeout=60).returncode == 0
    assert (tmp_path / "mesh").read_bytes() == b""


def test_a_mesh_beyond_what_the_disk_takes(tmp_path):
    code = (
        "import resource, numpy as np; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000));"
        "from levelform.backend.geometry.mesh_files import write_mesh;"
        "from levelform.backend.geometry.meshes import Mesh;"
        "from levelform.backend.contract.errors import WorkError\n"
        "points, faces = np.random.rand(999, 3), np.arange(999, dtype='i4').reshape(-1, 3)\n"
        "mesh = Mesh(points.astype('f4'), faces, None)\n"
        "for suffix in ('npz', 'glb', 'ply', 'obj', 'stl'):\n"
        "    try: write_mesh(mesh, 'a.' + suffix)\n"
        "    except WorkError as error: print(error.message)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert done.stderr == ""
    assert done.stdout.count("could not be written: File too large.") == 5
    assert list(tmp_path.iterdir()) == []


class Replaced:
    """What a program that embeds Python may put in a stream's place."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


def test_streams_without_methods_are_no_terminals(monkeypatch):
    assert not streams.is_terminal(None)
    assert not streams.is_terminal(Replaced())
    monkeypatch.setattr(sys, "stderr", Replaced())
    streams.complain("a line")
    assert sys.stderr.text == "a line\n"
    monkeypatch.setattr(sys, "stderr", None)
    streams.complain("nobody hears it")
    streams.Forgiving().write("nor this")


def test_an_output_without_flush_still_takes_the_answer(monkeypatch):
    replaced = Replaced()
    monkeypatch.setattr(sys, "stdout", replaced)
    streams.answer(lambda: print("an answer"))
    assert replaced.text == "an answer\n"


def test_an_answer_that_fails_is_work_that_is_done(monkeypatch):
    def fails():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(streams, "close_output", lambda _: None)
    with pytest.raises(WorkError, match="The work is done, but its result could not be printed"):
        streams.answer(fails)


def test_json_is_what_every_reader_takes():
    import numpy as np

    inner = (np.arange(2), {"d": -float("inf")})
    value = {"a": float("nan"), "b": np.float32(2), "c": inner, 1: None}
    assert json.loads(streams.json_text(value)) == {
        "a": None,
        "b": 2.0,
        "c": [[0, 1], {"d": None}],
        "1": None,
    }
