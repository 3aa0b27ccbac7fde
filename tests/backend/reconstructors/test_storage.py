"""Files of tensors: round trips, hashes, and refusals in one sentence."""

import os

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors.storage import (
    content_hash,
    pack,
    read_tensors,
    unpack,
    write_tensors,
)
from safetensors.torch import save_file

TENSORS = {"w": torch.randn(4, 3, 2), "b": torch.randn(4), "n": torch.tensor(7)}


def test_round_trip(tmp_path):
    path = tmp_path / "a.safetensors"
    digest = write_tensors(path, TENSORS, {"kind": "test", "list": [1, 2]})
    tensors, header, read = read_tensors(path)
    assert header == {"kind": "test", "list": [1, 2]}
    assert read == digest
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_hash_depends_on_every_part():
    base = content_hash(TENSORS, "{}")
    changed = [
        ({**TENSORS, "b": TENSORS["b"] + 1e-6}, "{}"),
        ({**TENSORS, "w": TENSORS["w"].reshape(3, 4, 2)}, "{}"),
        ({("v" if k == "w" else k): t for k, t in TENSORS.items()}, "{}"),
        (TENSORS, "{} "),
    ]
    assert base == content_hash(dict(reversed(TENSORS.items())), "{}")
    assert len({base, *(content_hash(*arguments) for arguments in changed)}) == 5


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "does not exist"),
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "truncated"),
        (lambda path: path.write_bytes(b"hello"), "truncated"),
        (lambda path: save_file(TENSORS, path), "not one of Levelform's"),
        (
            lambda path: save_file(TENSORS, path, {"levelform": "{}", "sha256": "0"}),
            "damaged",
        ),
    ],
)
def test_refusals(tmp_path, damage, message):
    path = tmp_path / "a.safetensors"
    write_tensors(path, TENSORS, {})
    damage(path)
    with pytest.raises(RequestError, match=message):
        read_tensors(path)


def test_nothing_is_left_where_the_file_can_t_be_written(tmp_path):
    with pytest.raises(RequestError, match="can't be written"):
        write_tensors(tmp_path / "missing" / "a.safetensors", TENSORS, {})


@pytest.mark.parametrize(
    ("precision", "error"), [("float32", 0.0), ("float16", 1e-3), ("int8", 8e-3)]
)
def test_packing(precision, error):
    restored = unpack(pack(TENSORS, precision))
    assert restored.keys() == TENSORS.keys()
    assert restored["w"].dtype == torch.float32
    assert (restored["w"] - TENSORS["w"]).abs().max() <= error * TENSORS["w"].abs().max()
    assert torch.equal(restored["b"], TENSORS["b"])
    assert restored["n"].dtype == torch.int64


def test_int8_is_a_quarter_of_the_size():
    tensors = {"w": torch.randn(64, 256)}
    small = sum(t.numel() * t.element_size() for t in pack(tensors, "int8").values())
    assert small < 0.27 * 64 * 256 * 4


@pytest.mark.skipif(os.name == "nt", reason="no such permissions there")
def test_a_file_may_be_read_by_whom_any_file_of_the_user_may(tmp_path):
    (tmp_path / "any").touch()
    write_tensors(tmp_path / "w.safetensors", {"a": torch.zeros(2)}, {})
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1
