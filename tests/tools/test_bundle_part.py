"""One trained part of a method put into its bundled weights."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from levelform.backend.reconstructors.levelform import COMPACT, Levelform
from levelform.backend.reconstructors.storage import read_tensors

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from bundle_part import bundle

TINY = replace(
    COMPACT,
    framing=replace(COMPACT.framing, size=32),
    stem=4,
    widths=(4, 6),
    blocks=1,
    hidden_width=8,
    camera_stem=4,
    camera_widths=(4, 6),
    several=0,
)


def save(path, seed, *, precision, **changes):
    torch.manual_seed(seed)
    parts = {"main": {"data": {}}, "camera": {"steps": seed}}
    parts |= {"unposed": {"steps": seed}} if changes.get("unposed") else {}
    results = {f"validation {part} validation_loss": float(seed) for part in parts}
    model = Levelform(replace(TINY, **changes))
    model.save(path, training={"parts": parts}, results=results, precision=precision)
    return path


def test_the_part_is_the_runs_and_all_else_stays(tmp_path):
    bundled = save(tmp_path / "a.safetensors", 1, precision="int8", unposed=False)
    run = save(tmp_path / "b.safetensors", 2, precision="float32", unposed=True)
    out = tmp_path / "c.safetensors"
    count = bundle(run, bundled, "unposed", "int8", out)
    before, after, trained = (read_tensors(path)[0] for path in (bundled, out, run))
    for name, tensor in before.items():
        assert torch.equal(after[name], tensor)
    assert count == sum(name.startswith("unposed.") for name in trained)
    assert after["unposed.writer.change.weight"].dtype == torch.int8
    model = Levelform.load(out)
    wanted = trained["unposed.writer.change.weight"]
    torch.testing.assert_close(model.unposed.writer.change.weight, wanted, atol=5e-4, rtol=0)
    assert model.weights.training["parts"]["unposed"] == {"steps": 2}
    assert model.weights.training["parts"]["camera"] == {"steps": 1}
    assert model.weights.results["validation unposed validation_loss"] == 2
    assert model.weights.results["validation camera validation_loss"] == 1


def test_a_part_is_replaced(tmp_path):
    bundled = save(tmp_path / "a.safetensors", 1, precision="int8", unposed=True)
    run = save(tmp_path / "b.safetensors", 2, precision="float32", unposed=True)
    bundle(run, bundled, "camera", "int8", bundled)
    model, trained = Levelform.load(bundled), read_tensors(run)[0]
    torch.testing.assert_close(
        model.camera.head.weight, trained["camera.head.weight"], atol=5e-4, rtol=0
    )
    assert model.weights.results["validation camera validation_loss"] == 2
    assert model.weights.results["validation unposed validation_loss"] == 1


def test_a_run_without_the_part_is_refused(tmp_path):
    one = save(tmp_path / "a.safetensors", 1, precision="int8", unposed=False)
    with pytest.raises(SystemExit, match="has no part unposed"):
        bundle(one, one, "unposed", "int8", tmp_path / "c.safetensors")
    with pytest.raises(SystemExit, match="has no part main"):
        bundle(one, one, "main", "int8", tmp_path / "c.safetensors")
    assert not (tmp_path / "c.safetensors").exists()
