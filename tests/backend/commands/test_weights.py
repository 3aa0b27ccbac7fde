"""`levelform weights`: a tiny checkpoint, from a local server and from a file, to a network."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from levelform.backend.cli import main
from levelform.backend.commands import weights
from levelform.backend.contract import weights as contract
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.weights import (
    PUBLISHED,
    installed_weights,
    weights_folder,
    weights_path,
)
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.reconstructors.triposr import TripoSR

from ..file_server import serving
from ..reconstructors.triposr_formulas import TINY


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The tiny network's file in the published layout."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("hub") / "model.ckpt"
    torch.save(TripoSR(replace(TINY, patch=64)).state_dict(), path)
    return path


@pytest.fixture
def hub(original, tmp_path, monkeypatch):
    """A local server of it, known by its size and hash; nothing is installed."""
    content = original.read_bytes()
    monkeypatch.setenv(contract.WEIGHTS_FOLDER, str(tmp_path / "weights"))
    with serving(content) as server:
        known = replace(
            PUBLISHED["triposr"],
            url=server.url,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            needs=10**6,
        )
        monkeypatch.setitem(PUBLISHED, "triposr", known)
        yield server


def run(capsys, *words):
    status = main(["weights", *words, "--json"])
    out, err = capsys.readouterr()
    return status, json.loads(out), err


def test_weights_are_fetched_imported_and_found(hub, capsys, tmp_path):
    assert installed_weights("triposr") is None
    status, got, said = run(capsys, "get", "triposr", "--progress", str(tmp_path / "told.json"))
    assert status == 0
    for words in ("MIT", "Tripo AI & Stability AI", "Apache-2.0", PUBLISHED["triposr"].sha256):
        assert words in said
    assert installed_weights("triposr") == weights_path("triposr")
    assert [path.name for path in weights_folder().iterdir()] == ["triposr.safetensors"]
    assert 0 < got["change"]["rms"] < 0.02 * got["change"]["std"]
    assert json.loads((tmp_path / "told.json").read_text())["overall"] == pytest.approx(1.0)
    model = load_reconstructor("triposr", None, "cpu")
    assert str(model.weights) == f"installed {got['hash'][:12]}"
    assert model.weights.training == {"imported": ["triposr-model.ckpt"]}
    assert run(capsys, "get", "triposr")[1]["already"]
    (entry,) = (e for e in run(capsys, "list")[1]["weights"] if e["method"] == "triposr")
    assert entry["out"] == str(weights_path("triposr"))
    assert run(capsys, "remove", "triposr")[1]["bytes"] == got["bytes"]
    assert installed_weights("triposr") is None
    assert run(capsys, "remove", "triposr")[0] == 2


def test_a_chosen_file_is_taken_and_a_strange_one_remarked_upon(hub, original, capsys, tmp_path):
    words = ("--file", str(original), "--precision", "int8")
    status, got, _ = run(capsys, "get", "triposr", *words)
    assert (status, len(got["remarks"]), got["precision"]) == (0, 1, "int8")
    assert hub.asked == []
    assert original.is_file()
    content = torch.load(original, weights_only=True)
    other = tmp_path / "other.ckpt"
    torch.save({**content, "epoch": 3}, other)
    status, got, _ = run(capsys, "get", "triposr", "--file", str(other), "--again")
    assert status == 0
    assert "The file is not the one that is known: its SHA-256 is" in got["remarks"][0]
    status, got, _ = run(
        capsys, "get", "triposr", "--file", str(other), "--again", "--sha256", "0" * 64
    )
    assert (status, "has the SHA-256" in got["error"]) == (2, True)


def test_a_person_reads_what_came(hub, capsys):
    assert main(["weights", "get", "triposr"]) == 0
    out = capsys.readouterr().out
    assert "On a test image, the stored weights change the field by" in out
    assert main(["weights", "list"]) == 0
    out = capsys.readouterr().out
    assert "triposr: installed" in out
    assert PUBLISHED["triposr"].sha256 in out


def test_a_failed_download_installs_nothing(hub, capsys):
    hub.statuses = [404]
    status, got, _ = run(capsys, "get", "triposr")
    assert (status, "no such file any more" in got["error"]) == (1, True)
    assert installed_weights("triposr") is None


def test_a_file_that_is_no_checkpoint_installs_nothing(hub, capsys, tmp_path):
    torch.save({"a": torch.zeros(3)}, tmp_path / "a.ckpt")
    status, got, _ = run(capsys, "get", "triposr", "--file", str(tmp_path / "a.ckpt"))
    assert (status, "not a checkpoint of TripoSR" in got["error"]) == (2, True)
    assert installed_weights("triposr") is None


def test_an_import_without_an_output_installs(hub, original, capsys):
    assert main(["import", "triposr", str(original), "--precision", "int8"]) == 0
    out = capsys.readouterr().out
    assert "parameters in int8, from model.ckpt" in out
    assert "on a test image, the stored weights change the field by" in out
    assert installed_weights("triposr") is not None
    assert main(["import", "disn", str(original)]) == 2
    assert "The output file is missing" in capsys.readouterr().err


def test_unknown_names_are_refused(hub, capsys):
    status, got, _ = run(capsys, "get", "disn")
    assert (status, got["error"]) == (2, "Levelform can't fetch weights of 'disn'.")


def test_it_stops_when_its_input_ends(original, tmp_path):
    """As Blender stops it: the received part is kept."""
    script = (
        "import sys; from levelform.backend.contract import weights as w; from dataclasses import"
        " replace; w.PUBLISHED['triposr'] = replace(w.PUBLISHED['triposr'], url=sys.argv[1],"
        " size=int(sys.argv[2]), sha256='a' * 64); from levelform.backend import downloads;"
        " downloads.PATIENCE = (60.0,); from levelform.backend.cli import main;"
        " sys.exit(main(sys.argv[3:]))"
    )
    content = original.read_bytes()
    with serving(content) as hub:
        hub.states, hub.breaks = {}, [50_000] + [0] * 9
        words = ["weights", "get", "triposr", "--until-input-ends", "--json"]
        process = subprocess.Popen(
            [sys.executable, "-c", script, hub.url, str(len(content)), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, contract.WEIGHTS_FOLDER: str(tmp_path)},
        )
        while len(hub.asked) < 4:  # it waits for another try now
            assert process.poll() is None
        out, _ = process.communicate(timeout=120)
    assert json.loads(out)["stopped"]
    (partial,) = tmp_path.glob(".triposr-model.ckpt.*.part")
    assert partial.stat().st_size == 50_000


def test_the_folder_is_the_users_or_the_one_that_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv(contract.WEIGHTS_FOLDER, "relative")
    with pytest.raises(RequestError, match="not an absolute path"):
        weights_folder()
    assert installed_weights("triposr") is None
    monkeypatch.delenv(contract.WEIGHTS_FOLDER)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert weights_folder() == tmp_path / "levelform" / "weights"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert weights_folder() == tmp_path / "local" / "levelform" / "weights"


def test_every_entry_says_what_a_person_is_told():
    for known in PUBLISHED.values():
        assert known.url.startswith("https://")
        assert known.sentence.count(known.sha256) == 1
        assert weights._line({**vars(known), "out": None}).count(known.license) == 1


def test_the_mattes_weights_come_from_a_package(capsys, tmp_path, monkeypatch):
    from levelform.backend.images import matte_install

    monkeypatch.setenv(contract.WEIGHTS_FOLDER, str(tmp_path / "weights"))
    content = tmp_path / "u2netp.onnx"
    content.write_bytes(b"weights")
    monkeypatch.setattr(matte_install, "SHA256", hashlib.sha256(b"weights").hexdigest())
    status, got, _ = run(capsys, "get", "u2netp", "--file", str(content))
    assert (status, got["bytes"]) == (0, 7)
    assert run(capsys, "get", "u2netp")[1]["already"]
    (listed,) = (e for e in run(capsys, "list")[1]["weights"] if e["method"] == "u2netp")
    assert listed["out"] == got["out"]
    assert run(capsys, "remove", "u2netp")[1]["bytes"] == 7
    status, answer, _ = run(capsys, "remove", "u2netp")
    assert (status, "No weights of u2netp" in json.dumps(answer)) == (2, True)
