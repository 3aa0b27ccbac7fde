"""Published checkpoints: tensors only, and nothing in them is ever run."""

import sys
import types

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors.published.files import (
    read_checkpoint,
    require,
    state_dict_in,
)


class Bomb:
    """What runs code when it is unpickled."""

    ran = False

    def __reduce__(self):
        return (setattr, (Bomb, "ran", True))


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_numbers_and_words(tmp_path, zipped):
    content = {
        "model": {"a": torch.ones(2, 3)},
        "optimizer": {"state": {0: {"step": 3}}},
        "epoch_it": 4,
        "loss_val_best": np.float64(0.57),
    }
    torch.save(content, tmp_path / "c.pt", _use_new_zipfile_serialization=zipped)
    read = read_checkpoint(tmp_path / "c.pt")
    assert torch.equal(read["model"]["a"], torch.ones(2, 3))
    assert read["epoch_it"] == 4
    assert read["loss_val_best"] == 0.57


def test_code_is_refused_and_never_run(tmp_path):
    torch.save({"a": torch.ones(2), "evil": Bomb()}, tmp_path / "c.pt")
    with pytest.raises(RequestError, match="more than tensors and numbers"):
        read_checkpoint(tmp_path / "c.pt")
    assert not Bomb.ran


def test_whole_modules_are_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "c.pt")
    with pytest.raises(RequestError, match="more than tensors and numbers"):
        read_checkpoint(tmp_path / "c.pt")


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "c.pt"
    torch.save({"a": torch.ones(1000)}, path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"not a checkpoint"):
        path.write_bytes(content)
        with pytest.raises(RequestError, match="not a readable PyTorch checkpoint"):
            read_checkpoint(path)
    with pytest.raises(RequestError, match="does not exist"):
        read_checkpoint(tmp_path / "missing.pt")
    torch.save(torch.ones(2), path)
    with pytest.raises(RequestError, match="holds a Tensor, not a state dict"):
        read_checkpoint(path)


def test_a_state_dict_may_be_nested():
    state = {"module.a": torch.ones(1), "epoch": 3}
    assert state_dict_in({"model": state, "b": torch.ones(1)}, "model").keys() == {"a"}
    assert state_dict_in(state, "model").keys() == {"a"}
    with pytest.raises(RequestError, match="no tensors"):
        state_dict_in({"epoch": 3})


def test_require_names_what_is_missing():
    require({"a": torch.ones(1)}, ["a"], what="DISN")
    with pytest.raises(RequestError, match="not a checkpoint of DISN: it lacks b"):
        require({"a": torch.ones(1)}, ["a", "b"], what="DISN")


class FakeReader:
    variables = {
        "net/w": np.ones((2, 3), np.float32),
        "global_step": np.array(7),
        "s": np.array("x"),
    }

    def get_variable_to_shape_map(self):
        return {name: list(value.shape) for name, value in self.variables.items()}

    def get_tensor(self, name):
        return self.variables[name]


def test_tensorflow_files_go_through_its_own_reader(tmp_path, monkeypatch):
    seen = []
    fake = types.ModuleType("tensorflow")
    fake.train = types.SimpleNamespace(load_checkpoint=lambda p: seen.append(p) or FakeReader())
    fake.errors = types.SimpleNamespace(OpError=RuntimeError)
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    (tmp_path / "best_val-0.index").touch()
    for name in ("best_val-0", "best_val-0.index"):
        read = read_checkpoint(tmp_path / name)
        assert read.keys() == {"net/w", "global_step"}
        assert read["net/w"].shape == (2, 3)
    assert seen == [str(tmp_path / "best_val-0")] * 2


def test_missing_tensorflow_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    (tmp_path / "best_val-0.index").touch()
    with pytest.raises(RequestError, match=r"TensorFlow is not installed.*pip install"):
        read_checkpoint(tmp_path / "best_val-0")
