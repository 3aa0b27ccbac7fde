"""The worker's process seen from Blender: it starts, answers, and never outlives its use."""

import math
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from levelform.addon.backend_setup.environment import clean_environment
from levelform.addon.jobs.client import Client, ClientState
from levelform.addon.jobs.worker_folder import LOG
from levelform.backend.contract import protocol
from levelform.backend.contract.errors import WorkError

STAND_IN = Path(__file__).parents[2] / "stand_in.py"
PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)


@pytest.fixture
def client(tmp_path):
    client = Client(PYTHON, str(tmp_path), script=STAND_IN)
    yield client
    client.stop()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def ready(client):
    client.start()
    poll_until(client, lambda events: client.state is not ClientState.STARTING)
    assert client.state is ClientState.READY
    return client


def poll_until(client, condition, seconds=120.0):
    """Poll until the condition holds of all events so far; return them."""
    events, end = [], time.monotonic() + seconds
    while not condition(events):
        assert time.monotonic() < end, "the worker takes too long"
        events += client.poll(0.05)
        client.wait(0.02)
    return events


def request(method, **options):
    return protocol.Reconstruct("job", method, (), np.eye(4), options=options)


def last_is(kind):
    return lambda events: bool(events) and isinstance(events[-1], kind)


def gone(pid):
    """Tell whether a process runs no more; a zombie that nobody waits for counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def script(tmp_path, text):
    path = tmp_path / "script.py"
    path.write_text(text)
    return path


class TestStart:
    def test_ready_tells_of_the_other_process(self, ready):
        assert ready.ready.pid == ready.pid != os.getpid()
        assert ready.alive

    def test_nobody_else_may_enter_the_folder(self, ready, tmp_path):
        (folder,) = tmp_path.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_no_tick_waits_while_the_worker_starts(self, client):
        client.start()
        slowest = 0.0
        while client.state is ClientState.STARTING:
            begun = time.process_time()
            client.poll(0.008)
            slowest = max(slowest, time.process_time() - begun)
            time.sleep(0.005)
        assert slowest < 0.1

    def test_a_folder_with_a_long_name_is_not_used_for_the_socket(self, tmp_path):
        folder = tmp_path / ("deep" * 30)
        folder.mkdir()
        client = Client(PYTHON, str(folder), script=STAND_IN)
        client.start()
        poll_until(client, lambda events: client.state is ClientState.READY)
        assert client.state is ClientState.READY
        client.stop()

    def test_the_environment_is_clean(self, monkeypatch):
        monkeypatch.setenv("PYTHONPATH", "/nowhere")
        monkeypatch.setenv("PYTHONHOME", "/nowhere")
        assert not [name for name in clean_environment() if name.startswith("PYTHON")]

    def test_a_path_to_a_foreign_levelform_leads_nowhere(self, client, tmp_path, monkeypatch):
        foreign = tmp_path / "foreign" / "levelform"
        foreign.mkdir(parents=True)
        (foreign / "__init__.py").write_text("raise SystemError('the wrong package')")
        monkeypatch.setenv("PYTHONPATH", str(foreign.parent))
        client.start()
        poll_until(client, lambda events: client.state is ClientState.READY)
        assert client.state is ClientState.READY
        client.stop()
        (foreign / "__init__.py").unlink()
        foreign.rmdir()
        foreign.parent.rmdir()

    def test_the_extension_may_be_in_any_folder(self, tmp_path):
        root = tmp_path / "my extensions" / "lf-1.0"
        hidden = shutil.ignore_patterns("__pycache__")
        shutil.copytree(STAND_IN.parents[1] / "backend", root / "backend", ignore=hidden)
        shutil.copy(STAND_IN.parents[1] / "__init__.py", root)
        (root / "tests").mkdir()
        client = Client(PYTHON, script=Path(shutil.copy(STAND_IN, root / "tests")))
        client.start()
        poll_until(client, lambda events: client.state is ClientState.READY)
        client.send(request("mesh"))
        events = poll_until(client, last_is(protocol.Status))
        client.stop()
        assert events[-2].stats["from"] == str(
            root / "backend" / "contract" / "protocol" / "__init__.py"
        )

    def test_no_interpreter(self, tmp_path):
        client = Client(str(tmp_path / "python"))
        with pytest.raises(WorkError, match="can't be run"):
            client.start()
        assert not client.alive
        assert list(tmp_path.iterdir()) == []

    def test_a_worker_that_ends_before_it_listens(self, tmp_path):
        text = "import sys; sys.exit('Python 2 is too old.')"
        client = Client(PYTHON, script=script(tmp_path, text))
        client.start()
        poll_until(client, lambda events: client.state is ClientState.ENDED)
        assert client.ending.message == "The backend could not be started: Python 2 is too old."
        assert "Install Backend" in client.ending.hint

    def test_a_worker_without_its_libraries(self, tmp_path):
        text = f"""
import runpy
stand_in = runpy.run_path({str(STAND_IN)!r})
def factory():
    import no_such_library
stand_in["LAUNCH"]["run"](factory)
"""
        client = Client(PYTHON, script=script(tmp_path, text))
        client.start()
        poll_until(client, lambda events: client.state is ClientState.ENDED)
        assert "can't import no_such_library" in client.ending.message
        assert "Traceback" in client.ending.log
        assert "no_such_library" in client.log_tail()

    def test_a_worker_that_never_listens_is_killed(self, tmp_path, monkeypatch):
        monkeypatch.setattr("levelform.addon.jobs.client._START_PATIENCE", 0.3)
        client = Client(PYTHON, script=script(tmp_path, "import time; time.sleep(60)"))
        client.start()
        poll_until(client, lambda events: client.state is ClientState.ENDED)
        assert "did not answer" in client.ending.message
        assert gone(client.pid)

    @pytest.mark.parametrize("says", ["nothing", "something"])
    def test_a_listener_without_a_handshake_does_not_block(self, tmp_path, monkeypatch, says):
        """A worker that was stopped between `listen` and `accept`, or a stranger at its socket."""
        monkeypatch.setattr("levelform.addon.jobs.client._START_PATIENCE", math.inf)
        text = f"""
import socket, sys, time
line = socket.socket(socket.AF_UNIX)
line.bind(sys.argv[1])
line.listen()
while {says!r} == "something":
    line.accept()[0].sendall(b"\\0\\0\\0\\x20who are you")
time.sleep(60)
"""
        client = Client(PYTHON, script=script(tmp_path, text))
        client.start()
        poll_until(client, lambda events: client._line or client._strangers)  # until it listens
        if says == "nothing":
            for _ in range(20):  # a poll that waited for an answer would not come back
                client.poll(0.0)
            assert client.state is ClientState.STARTING
            client._deadline = 0.0  # its patience is over
        poll_until(client, lambda events: client.state is ClientState.ENDED)
        assert "did not answer" in client.ending.message
        assert gone(client.pid)

    def test_a_silent_connection_to_its_socket_does_not_block_the_worker(
        self, tmp_path, monkeypatch
    ):
        text = f"""
import runpy, socket, sys
launch = runpy.run_path({str(STAND_IN.parents[1] / "backend" / "launch.py")!r})
launch["accept"].__globals__["HANDSHAKE_PATIENCE"] = 0.2
class Listener(launch["Listener"]):
    def accept(self):
        if not hasattr(self, "caller"):
            self.caller = socket.socket(socket.AF_UNIX)
            self.caller.connect(self.address)
        return super().accept()
launch["accept"].__globals__["Listener"] = Listener
sys.path.insert(0, {str(STAND_IN.parent)!r})
launch["accept"](sys.argv[1], launch["read_line"](0)).send_bytes(b"x" * 1000)
import time; time.sleep(60)
"""
        client = Client(PYTHON, script=script(tmp_path, text))
        client.start()
        poll_until(client, lambda events: client.state is ClientState.ENDED)
        assert "something other than messages" in client.ending.message  # it got through

    def test_a_process_with_another_protocol_is_killed(self, tmp_path):
        text = f"""
import runpy, sys, time
launch = runpy.run_path({str(STAND_IN.parents[1] / "backend" / "launch.py")!r})
connection = launch["accept"](sys.argv[1], launch["read_line"](0))
connection.send_bytes(b"x" * 1000)
time.sleep(60)
"""
        client = Client(PYTHON, script=script(tmp_path, text))
        client.start()
        poll_until(client, lambda events: client.state is ClientState.ENDED)
        assert "something other than messages" in client.ending.message
        assert gone(client.pid)


class TestMessages:
    def test_a_mesh_comes_back(self, ready):
        ready.send(request("mesh", updates=3, vertices=1000))
        events = poll_until(ready, last_is(protocol.Status))
        meshes = [event for event in events if isinstance(event, protocol.MeshUpdate)]
        assert [mesh.resolution for mesh in meshes] == [32, 64, 128]
        assert [bool((mesh.vertices == i).all()) for i, mesh in enumerate(meshes)] == [True] * 3
        assert isinstance(events[-2], protocol.Finished)

    def test_large_images_are_sent_in_parts(self, ready):
        image = np.full((2000, 2000, 4), 3, np.uint8)
        views = tuple(protocol.ViewData(image, None, str(i)) for i in range(4))
        ready.send(protocol.Reconstruct("job", "views", views, np.eye(4)))
        events = poll_until(ready, last_is(protocol.Status))
        assert events[-2].stats["sums"] == [48_000_000] * 4

    def test_a_worker_that_stops_within_a_mesh_does_not_block(self, ready):
        ready.send(request("mesh", updates=1, vertices=1_000_000))
        while ready._channel._views[0].nbytes < 1000:  # until an array is being filled
            early = ready.poll(0.0)
            assert not any(isinstance(event, protocol.MeshUpdate) for event in early)
        os.kill(ready.pid, signal.SIGSTOP)
        events = []  # the rest of the mesh may be on its way already
        for _ in range(5):
            events += ready.poll(0.008)  # would wait for the rest of the mesh, which does not come
        os.kill(ready.pid, signal.SIGCONT)
        events += poll_until(ready, last_is(protocol.Status))
        (mesh,) = [event for event in events if isinstance(event, protocol.MeshUpdate)]
        assert not mesh.faces.any()
        assert len(mesh.vertices) == 1_000_000

    def test_a_message_that_cannot_be_sent_says_so(self, ready):
        with pytest.raises(protocol.ProtocolError, match="can't be sent"):
            ready.send(request("mesh", thing=object()))
        ready.send(request("mesh"))
        poll_until(ready, last_is(protocol.Status))

    def test_nothing_can_be_sent_before_it_is_ready(self, client):
        with pytest.raises(WorkError, match="not ready"):
            client.send(protocol.ListMethods())


class TestEnd:
    def test_stop_leaves_nothing(self, ready, tmp_path):
        pid = ready.pid
        ready.stop()
        ready.stop()
        assert gone(pid)
        assert list(tmp_path.iterdir()) == []
        assert ready.state is ClientState.ENDED
        assert ready.ending is None
        assert ready.poll() == []

    def test_stop_ends_an_unresponsive_job(self, ready):
        ready.send(request("deaf"))
        poll_until(ready, last_is(protocol.Progress))
        ready.stop()
        assert gone(ready.pid)

    def test_stop_ends_a_stopped_process(self, ready):
        os.kill(ready.pid, signal.SIGSTOP)
        ready.stop()
        assert gone(ready.pid)

    def test_a_stop_before_it_is_ready(self, client):
        client.start()
        client.stop()
        assert gone(client.pid)

    def test_a_death_is_explained(self, ready):
        ready.send(request("die"))
        poll_until(ready, lambda events: not ready.alive)
        assert ready.ending.message == "The backend ended unexpectedly: it was killed."
        assert "memory" in ready.ending.hint
        assert "about to die" in ready.ending.log
        assert "about to die" in ready.log_tail()

    def test_a_long_log_is_shortened(self, ready, tmp_path, monkeypatch):
        monkeypatch.setattr("levelform.addon.jobs.worker_folder._LOG_LIMIT", 300_000)
        monkeypatch.setattr("levelform.addon.jobs.worker_folder.LOG_KEPT", 100_000)
        (folder,) = tmp_path.iterdir()
        ready.send(request("chatty"))  # two megabytes
        poll_until(ready, last_is(protocol.Status))
        ready.poll()
        assert 0 < (folder / LOG).stat().st_size <= 300_000


ORPHAN = """
import os, sys, time
import numpy as np
from pathlib import Path
from levelform.addon.jobs.client import Client, ClientState
from levelform.backend.contract import protocol
client = Client({python!r}, {folder!r}, script=Path({script!r}))
client.start()
while {early} and client.state is not ClientState.READY:
    client.poll()
    client.wait(0.01)
if {method!r}:
    client.send(protocol.Reconstruct("job", {method!r}, (), np.eye(4)))
    while not client.poll(0.01):
        pass
print(client.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize(
    ("early", "method"), [(False, ""), (True, ""), (True, "deaf"), (True, "slow")]
)
def test_no_worker_outlives_a_killed_blender(tmp_path, early, method):
    """Also while it starts, while a job computes, and while a job ignores everything."""
    code = ORPHAN.format(
        python=PYTHON, folder=str(tmp_path), script=str(STAND_IN), early=early, method=method
    )
    blender = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(blender.stdout.readline())
    assert not gone(pid)
    blender.kill()
    blender.wait()
    blender.stdout.close()
    end = time.monotonic() + 120.0
    while not gone(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert gone(pid)
    assert list(tmp_path.iterdir()) == []


def test_a_blender_that_exits_leaves_nothing(tmp_path):
    code = ORPHAN.format(
        python=PYTHON, folder=str(tmp_path), script=str(STAND_IN), early=True, method=""
    )
    code = code.replace("time.sleep(60)", "")
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0
    assert gone(int(done.stdout))
    assert list(tmp_path.iterdir()) == []
