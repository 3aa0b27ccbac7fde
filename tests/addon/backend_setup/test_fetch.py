"""Downloads from an index on this computer: by JSON or HTML, continued, and what goes wrong."""

import functools
import http.server
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from levelform.addon.backend_setup import fetch, uv
from levelform.backend.contract.errors import WorkError

CONTENT = bytes(range(256)) * 4000
NAME = "uv-1.0-py3-none-any.whl"


class Index(http.server.BaseHTTPRequestHandler):
    """A package index of one project."""

    asked: list = []
    as_json = True

    def do_GET(self):
        Index.asked.append((self.path, self.headers.get("Range")))
        if self.path == "/simple/uv/":
            self.page()
        elif self.path == f"/files/{NAME}":
            self.file()
        else:
            self.send_error(404)

    def page(self):
        if self.as_json:
            body = json.dumps({"files": [{"filename": NAME, "url": f"/files/{NAME}"}]}).encode()
            kind = fetch.JSON
        else:
            body = f'<a href="../../files/{NAME}#sha256=0">{NAME}</a>'.encode()
            kind = "text/html"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def file(self):
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=")[:-1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start:])

    def log_message(self, *_):
        pass


@pytest.fixture
def index():
    """Serve an index; give its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Index.asked, Index.as_json = [], True
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    thread.join()
    server.server_close()


def run(*words):
    line = [sys.executable, "-I", fetch.__file__, *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("as_json", [True, False])
def test_a_file_is_found_by_its_projects_page(index, tmp_path, as_json):
    Index.as_json = as_json
    done = run(index, "uv", NAME, tmp_path / "wheel")
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "wheel").read_bytes() == CONTENT
    told = json.loads(done.stdout.splitlines()[0])
    assert told["bytes"] == len(CONTENT)
    assert [path.name for path in tmp_path.iterdir()] == ["wheel"]


def test_a_part_is_continued(index, tmp_path):
    (tmp_path / "wheel.part").write_bytes(CONTENT[:5000])
    assert run(index, "uv", NAME, tmp_path / "wheel").returncode == 0
    assert Index.asked[-1][1] == "bytes=5000-"
    assert (tmp_path / "wheel").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("project", "file", "words"),
    [("uv", "uv-2.0.whl", "does not have uv-2.0.whl"), ("other", NAME, "HTTP Error 404")],
)
def test_what_is_not_there_is_an_error(index, tmp_path, project, file, words):
    done = run(index, project, file, tmp_path / "wheel")
    assert done.returncode == 1
    assert words in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_does_not_answer_is_an_error(tmp_path):
    done = run("http://127.0.0.1:9/simple", "uv", NAME, tmp_path / "wheel")
    assert done.returncode == 1
    assert "error: http://127.0.0.1:9/simple: <urlopen error" in done.stdout


@functools.cache
def pin():
    return uv.pinned()


def test_another_file_under_the_pinned_name_is_not_used(tmp_path):
    wheel = tmp_path / pin().file
    wheel.write_bytes(b"PK evil")
    with pytest.raises(WorkError, match="differs from the published file"):
        uv.unpack(wheel, tmp_path / "bin" / "uv")
    assert not (tmp_path / "bin").exists()


def test_a_wheel_without_the_program_is_refused(tmp_path):
    wheel = tmp_path / "uv-0.0.1-py3-none-any.whl"
    wheel.write_bytes(b"no zip")
    with pytest.raises(WorkError, match="holds no program"):
        uv.unpack(wheel, tmp_path / "bin" / "uv")
    assert not Path(tmp_path, "bin", "uv").exists()
