"""Getting weights from Blender: a real process takes a tiny checkpoint, fails, and is stopped."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.data import terminal_process, weights_fetch  # noqa: E402
from levelform.addon.data.weights_fetch import WeightsFetch, problem, remove  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.weights import WEIGHTS_FOLDER, installed_weights  # noqa: E402

pytestmark = pytest.mark.bpy
PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)


@pytest.fixture(autouse=True)
def interpreter(monkeypatch, tmp_path):
    """Have the tests' interpreter, which has torch, do the work; nothing is installed."""

    class Found:
        python = PYTHON

    monkeypatch.setattr(terminal_process.here, "find", lambda: Found)
    monkeypatch.setenv(WEIGHTS_FOLDER, str(tmp_path / "weights"))


@pytest.fixture
def original(tmp_path):
    """A tiny network in the published layout."""
    torch = pytest.importorskip("torch")
    from levelform.backend.reconstructors.triposr import PAPER, TripoSR

    sizes = {"vision_width": 64, "vision_heads": 1, "vision_hidden": 32, "vision_layers": 1}
    sizes |= {"side": 2, "channels": 64, "heads": 1, "layers": 1, "decoder_layers": 1}
    torch.manual_seed(0)
    network = TripoSR(replace(PAPER, patch=64, positions=3, **sizes))
    torch.save(network.state_dict(), tmp_path / "model.ckpt")
    return str(tmp_path / "model.ckpt")


def test_a_file_becomes_installed_weights(original):
    fetch = WeightsFetch()
    fetch.begin("triposr", file=original, precision="int8")
    assert fetch.running
    fetch.wait()
    facts = fetch.facts
    assert not fetch.running
    assert facts["precision"] == "int8"
    assert installed_weights("triposr") == Path(facts["out"])
    assert fetch.progress > 0.9
    assert remove("triposr") == facts["bytes"]
    assert installed_weights("triposr") is None
    with pytest.raises(RequestError, match="No weights of triposr are installed"):
        remove("triposr")


def test_errors_are_the_commands_own_sentences(tmp_path):
    fetch = WeightsFetch()
    (tmp_path / "model.ckpt").write_bytes(b"not one")
    fetch.begin("triposr", file=str(tmp_path / "model.ckpt"))
    with pytest.raises(RequestError, match="is not a readable PyTorch checkpoint"):
        fetch.wait()
    assert fetch.facts == {}


def test_it_stops_when_it_is_asked_to(original):
    fetch = WeightsFetch()
    fetch.begin("triposr", file=original)
    fetch.stop()
    assert fetch.stopping
    fetch.wait()
    assert fetch.facts == {}
    assert fetch.failure is None
    assert installed_weights("triposr") is None


def test_what_prevents_it_is_said(monkeypatch):
    assert problem("disn") == ("Levelform can't fetch weights of 'disn'.", "Choose one of triposr.")
    assert problem("triposr", file="model.ckpt") == ("", "")
    if not bpy.app.online_access:
        assert problem("triposr")[0] == "Blender is not allowed to use the network."
        with pytest.raises(RequestError, match="Allow Online Access"):
            WeightsFetch().begin("triposr")
    busy = WeightsFetch()
    monkeypatch.setattr(busy, "_process", object())
    monkeypatch.setattr(weights_fetch, "fetching", busy)
    assert problem("triposr", file="model.ckpt")[0] == "Weights are being fetched already."
