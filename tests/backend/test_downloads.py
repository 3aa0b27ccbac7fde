"""Fetching a large file from a local server: ranges, breaks, hashes, redirects, a full disk."""

import errno
import hashlib
import random
import shutil
import ssl
from collections import namedtuple
from urllib.error import URLError

import pytest
from levelform.backend import downloads
from levelform.backend.contract.errors import JobCancelled, RequestError, WorkError
from levelform.backend.downloads import Download, fetch
from levelform.backend.ticket import Ticket

from .file_server import serving

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setattr(downloads, "CHUNK", 10_000)
    monkeypatch.setattr(downloads, "PATIENCE", (0.0,))
    with serving(CONTENT) as server:
        yield server


@pytest.fixture
def target(tmp_path):
    return tmp_path / "model.ckpt"


def wanted(hub, **changes):
    return Download(**{"url": hub.url, "size": len(CONTENT), "sha256": SHA256, **changes})


def partial_of(target):
    (found,) = target.parent.glob(".model.ckpt.*.part")
    return found


def test_a_file_is_fetched_through_a_redirect(hub, target):
    fractions = []
    fetch(wanted(hub), target, Ticket(lambda step: fractions.append(step.fraction)))
    assert target.read_bytes() == CONTENT
    assert [path for path, _ in hub.asked] == ["/resolve/model.ckpt", "/file"]
    assert fractions == sorted(fractions)
    assert len(fractions) > 20
    assert [path.name for path in target.parent.iterdir()] == ["model.ckpt"]
    fetch(wanted(hub), target, Ticket())
    assert len(hub.asked) == 2  # it is there


def test_a_connection_that_breaks_is_continued(hub, target):
    hub.breaks = [100_000, 50_000]
    fetch(wanted(hub), target, Ticket())
    assert target.read_bytes() == CONTENT
    ranges = [wish for path, wish in hub.asked if path == "/file"]
    assert ranges == [None, "bytes=100000-", "bytes=150000-"]


def test_a_server_without_ranges_sends_it_all_again(hub, target):
    hub.breaks, hub.ranges = [100_000], False
    fetch(wanted(hub), target, Ticket())
    assert target.read_bytes() == CONTENT


def test_what_has_come_stays_when_it_is_cancelled_and_is_continued(hub, target):
    seen = []
    ticket = Ticket(lambda step: seen.append(step.fraction), lambda: seen[-1:] > [0.5])
    with pytest.raises(JobCancelled):
        fetch(wanted(hub), target, ticket)
    assert not target.exists()
    size = partial_of(target).stat().st_size
    assert 150_000 < size < 200_000
    hub.asked.clear()
    fetch(wanted(hub), target, Ticket())
    assert target.read_bytes() == CONTENT
    assert hub.asked[-1] == ("/file", f"bytes={size}-")


def test_it_gives_up_after_some_tries_and_says_how_far_it_came(hub, target):
    hub.breaks = [200_000] + [0] * 20
    with pytest.raises(WorkError, match=r"broke 5 times in a row, after 0 MB of 0 MB") as caught:
        fetch(wanted(hub), target, Ticket())
    assert "continues where it stopped" in caught.value.hint
    assert partial_of(target).stat().st_size == 200_000
    assert len(hub.asked) == 2 * 6


def test_a_busy_server_is_asked_again(hub, target):
    hub.statuses = [503, 429]
    fetch(wanted(hub), target, Ticket())
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "words"), [(404, "has no such file any more"), (403, "refuses to send")]
)
def test_refusals_are_sentences(hub, target, status, words):
    hub.statuses = [status]
    with pytest.raises(WorkError, match=words) as caught:
        fetch(wanted(hub), target, Ticket())
    assert "download the file by hand and choose it" in caught.value.hint


def test_another_hash_that_the_hub_states_is_refused_before_anything_is_fetched(hub, target):
    hub.states["X-Linked-Etag"] = f'"{"0" * 64}"'
    with pytest.raises(
        WorkError, match=f"another file than expected there: the SHA-256 {'0' * 64}"
    ):
        fetch(wanted(hub), target, Ticket())
    assert [path for path, _ in hub.asked] == ["/resolve/model.ckpt"]
    hub.states = {"X-Linked-Size": "300001"}
    with pytest.raises(WorkError, match="300,001 bytes, not 300,000"):
        fetch(wanted(hub), target, Ticket())
    hub.states = {"X-Linked-Etag": '"not-a-hash"'}
    fetch(wanted(hub), target, Ticket())


def test_another_length_is_refused(hub, target):
    hub.states = {}
    with pytest.raises(WorkError, match="300,000 bytes, not 300,100"):
        fetch(wanted(hub, size=300_100), target, Ticket())


def test_a_wrong_hash_is_refused_and_the_file_deleted(hub, target):
    hub.states = {}
    hub.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    with pytest.raises(WorkError, match=rf"has the SHA-256 \w+, not {SHA256}, so it was deleted"):
        fetch(wanted(hub), target, Ticket())
    assert list(target.parent.iterdir()) == []


def test_a_partial_file_of_another_file_is_not_continued(hub, target):
    target.with_name(f".model.ckpt.{'a' * 12}.part").write_bytes(b"other")
    fetch(wanted(hub), target, Ticket())
    assert target.read_bytes() == CONTENT


def test_a_damaged_partial_file_is_found_by_the_hash(hub, target):
    partial = target.with_name(f".model.ckpt.{SHA256[:12]}.part")
    partial.write_bytes(b"x" * 1000)
    with pytest.raises(WorkError, match="so it was deleted"):
        fetch(wanted(hub), target, Ticket())
    fetch(wanted(hub), target, Ticket())
    assert target.read_bytes() == CONTENT


def test_redirects_never_leave_the_secure_web(hub, target):
    hub.redirect = "file:///etc/passwd"
    with pytest.raises(WorkError, match=r"refuses to send the file .status 302"):
        fetch(wanted(hub), target, Ticket())
    handler = downloads._Redirects(wanted(hub))
    secure = downloads.Request("https://hub.example/model.ckpt")
    with pytest.raises(WorkError, match=r"not secure, http://cdn\.example"):
        handler.redirect_request(secure, None, 302, "", {}, "http://cdn.example/model.ckpt")


def test_endless_redirects_end(hub, target):
    hub.redirect = "/resolve/model.ckpt"
    with pytest.raises(WorkError, match=r"refuses to send the file .status 302"):
        fetch(wanted(hub), target, Ticket())


def test_other_addresses_are_refused(hub, target):
    with pytest.raises(RequestError, match="is not an address of http or https"):
        fetch(wanted(hub, url="file:///etc/passwd"), target, Ticket())


def test_space_is_looked_at_first(hub, target, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(RequestError, match=r"are needed in .*, and 1 MB are free"):
        fetch(wanted(hub), target, Ticket(), more=10**9)
    assert hub.asked == []


def test_a_full_disk_is_a_sentence_and_what_came_stays(hub, target, monkeypatch):
    append = downloads._append

    def full(response, file, download, have, ticket):
        class Disk:
            def write(self, chunk):
                if file.tell() > 100_000:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return file.write(chunk)

        append(response, Disk(), download, have, ticket)

    monkeypatch.setattr(downloads, "_append", full)
    with pytest.raises(WorkError, match=r"The disk of .* is full") as caught:
        fetch(wanted(hub), target, Ticket())
    assert "continues where it stopped" in caught.value.hint
    assert partial_of(target).stat().st_size > 100_000
    monkeypatch.setattr(downloads, "_append", append)
    fetch(wanted(hub), target, Ticket())
    assert target.read_bytes() == CONTENT


def test_a_folder_that_can_t_be_written_is_a_sentence(hub, target, monkeypatch):
    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(downloads, "_append", denied)
    with pytest.raises(WorkError, match=r"can't be written to: Permission denied"):
        fetch(wanted(hub), target, Ticket())


def test_an_unknown_host_is_a_sentence(hub, target):
    with pytest.raises(WorkError, match=r"The host nowhere\.invalid can't be found"):
        fetch(wanted(hub, url="http://nowhere.invalid/model.ckpt"), target, Ticket())


def test_a_replaced_certificate_is_a_sentence(hub, target, monkeypatch):
    error = ssl.SSLCertVerificationError()
    error.verify_message = "self-signed certificate in certificate chain"

    class Opener:
        def open(self, *_, **__):
            raise URLError(error)

    monkeypatch.setattr(downloads, "build_opener", lambda *_: Opener())
    with pytest.raises(WorkError, match=r"can't be verified \(self-signed certificate"):
        fetch(wanted(hub), target, Ticket())


def test_a_server_that_is_off_is_tried_again(hub, target):
    with pytest.raises(WorkError, match=r"broke 5 times in a row.*refused"):
        fetch(wanted(hub, url="http://127.0.0.1:9/model.ckpt"), target, Ticket())
