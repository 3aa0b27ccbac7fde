"""Without a Python, the real uv downloads one, here from a local server."""

import functools
import hashlib
import http.server
import io
import json
import platform
import subprocess
import sys
import tarfile
import threading

import pytest
from levelform.addon.backend_setup import requirements
from levelform.addon.backend_setup.install import Installation, InstallPlan
from levelform.backend.contract.errors import WorkError

from .test_install import REQUIRED, UV, make_wheel

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="the archive is made for one platform",
)
MINOR = f"3.{sys.version_info.minor}"


def archive():
    """Return a distribution of Python for uv to unpack; its program starts this Python."""
    start = f'#!/bin/sh\nexec "{sys._base_executable}" "$@"\n'.encode()
    built = (
        b"# system configuration generated and used by the sysconfig module\nbuild_time_vars = {}\n"
    )
    library = f"python/lib/python{MINOR}"
    files = {
        f"python/bin/python{MINOR}": start,
        f"{library}/_sysconfigdata__linux_x86_64-linux-gnu.py": built,
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
        for name in ("python", "python3"):
            link = tarfile.TarInfo(f"python/bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, f"python{MINOR}"
            tar.addfile(link)
    return packed.getvalue()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serve a Python and an index of small wheels; give the folder that is served."""
    served = tmp_path / "served"
    served.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=served)
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{running.server_port}"
    for name in REQUIRED:
        page = served / "simple" / name
        page.mkdir(parents=True)
        make_wheel(page, name)
        (wheel,) = page.glob("*.whl")
        (page / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    packed = archive()
    (served / "python.tar.gz").write_bytes(packed)
    version = platform.python_version()
    entry = {
        "name": "cpython", "arch": {"family": "x86_64", "variant": None}, "os": "linux",
        "libc": "gnu", "major": 3, "minor": sys.version_info.minor,
        "patch": sys.version_info.micro, "prerelease": "", "url": f"{url}/python.tar.gz",
        "sha256": hashlib.sha256(packed).hexdigest(), "variant": None, "build": "20260101",
    }  # fmt: skip
    listed = tmp_path / "pythons.json"
    listed.write_text(json.dumps({f"cpython-{version}-linux-x86_64-gnu": entry}))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", str(listed))
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{url}/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    yield served, url
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def plan(tmp_path, server, monkeypatch):
    """Return a plan on a computer without any Python, which wants this one's version."""
    monkeypatch.setattr(requirements, "known_pythons", lambda _: [])
    monkeypatch.setattr(requirements, "PREFERRED", sys.version_info[:2])
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("".join(f"{name}==1.0\n" for name in REQUIRED))
    return InstallPlan(
        tmp_path / "user", online_access=True, index=f"{server[1]}/simple", uv=UV,
        requirements=wanted, required=REQUIRED,
    )  # fmt: skip


def test_the_environment_is_made_of_the_downloaded_python(plan):
    installation = Installation(plan)
    messages = []
    installation.start()
    while installation.poll():
        messages.append(installation.message)
    assert installation.failure is None, installation.log()
    assert f"Downloading Python {MINOR}" in messages
    home = (plan.environment / "pyvenv.cfg").read_text()
    assert str(plan.folder / "python") in home or sys.base_prefix in home
    assert list((plan.folder / "python").glob("cpython-*"))
    said = subprocess.run(
        [plan.python, "-c", "import torch; print(torch.__version__)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.strip() == "1.0"


def test_a_python_that_was_changed_on_its_way_is_refused(plan, server):
    (server[0] / "python.tar.gz").write_bytes(archive() + b"x")
    with pytest.raises(WorkError) as failed:
        Installation(plan).run()
    assert f"Python {MINOR} could not be downloaded" in failed.value.message
    assert "differs" in str(failed.value)
    assert not plan.environment.exists()


def test_a_host_that_does_not_answer_is_named(plan, server):
    (server[0] / "python.tar.gz").unlink()
    with pytest.raises(WorkError, match="could not be downloaded") as failed:
        Installation(plan).run()
    assert "Install Python 3.11 to 3.14" in failed.value.hint
