"""`levelform import` from the terminal: what it prints, and what it refuses."""

import json
from dataclasses import replace

import pytest
import torch
from levelform.backend.cli import main
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.reconstructors.occupancy_network import PAPER, OccupancyNetwork


@pytest.fixture
def checkpoint(tmp_path):
    """A small checkpoint in the published layout, with random values."""
    torch.manual_seed(0)
    model = OccupancyNetwork(replace(PAPER, width=4, features=8, hidden=16))
    torch.save({"model": model.state_dict(), "epoch_it": 7}, tmp_path / "onet.pt")
    return tmp_path / "onet.pt"


def test_a_checkpoint_becomes_weights(checkpoint, tmp_path, capsys):
    out = tmp_path / "onet.safetensors"
    status = main(["import", "occupancy-network", str(checkpoint), "-o", str(out), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert status == 0
    assert result["checkpoint"] == ["onet.pt"]
    model = load_reconstructor("occupancy-network", str(out), "cpu")
    assert model.weights.hash == result["hash"]
    assert model.weights.training == {"imported": ["onet.pt"]}
    assert result["parameters"] == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:500]), "not a readable PyTorch"),
        (lambda path: path.unlink(), "does not exist"),
        (lambda path: torch.save({"model": {"a": torch.ones(1)}}, path), "it lacks decoder.fc_p"),
    ],
)
def test_what_is_no_checkpoint_is_refused_in_one_line(checkpoint, tmp_path, capsys, damage, words):
    damage(checkpoint)
    out = tmp_path / "onet.safetensors"
    assert main(["import", "occupancy-network", str(checkpoint), "-o", str(out)]) == 2
    printed = capsys.readouterr()
    assert words in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert printed.out == ""
    assert not out.exists()


def test_a_diverged_checkpoint_is_refused(checkpoint, tmp_path, capsys):
    content = torch.load(checkpoint, weights_only=True)
    content["model"]["decoder.fc_out.bias"].fill_(float("nan"))
    torch.save(content, checkpoint)
    out = tmp_path / "onet.safetensors"
    assert main(["import", "occupancy-network", str(checkpoint), "-o", str(out)]) == 2
    assert "not finite, in decoder.fc_out.bias" in capsys.readouterr().err
