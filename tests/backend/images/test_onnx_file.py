"""The reader of ONNX weights, against messages that the test encodes itself."""

from contextlib import suppress

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.images.onnx_file import read_initializers


def varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low]) if not rest else bytes([low | 0x80]) + varint(rest)


def block(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def tensor(name: str, values: np.ndarray, *, packed: bool = False, kind: int = 1) -> bytes:
    shape = (
        block(1, b"".join(map(varint, values.shape)))
        if packed
        else b"".join(number(1, side) for side in values.shape)
    )
    return shape + number(2, kind) + block(8, name.encode()) + block(9, values.tobytes())


def model(*tensors: bytes) -> bytes:
    node = block(1, block(4, b"Conv"))
    graph = node + b"".join(block(5, each) for each in tensors) + block(2, b"graph")
    return number(1, 6) + block(2, b"pytorch") + varint(3 << 3 | 5) + b"abcd" + block(7, graph)


@pytest.mark.parametrize("packed", [False, True])
def test_initializers_come_back_in_the_order_of_the_file(tmp_path, packed):
    rng = np.random.default_rng(0)
    values = {
        name: rng.normal(size=shape).astype("<f4")
        for name, shape in {"b": (300, 2), "a": (1, 3, 5), "c": ()}.items()
    }
    path = tmp_path / "m.onnx"
    path.write_bytes(model(*(tensor(n, v, packed=packed) for n, v in values.items())))
    read = read_initializers(path)
    assert list(read) == ["b", "a", "c"]
    for name, value in values.items():
        assert read[name].shape == value.shape
        assert (read[name] == value).all()


def test_every_cut_of_a_file_is_refused_or_lacks_tensors(tmp_path):
    whole = model(tensor("a", np.ones((2, 2), "<f4")), tensor("b", np.ones(3, "<f4")))
    path = tmp_path / "m.onnx"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with suppress(RequestError):
            assert len(read_initializers(path)) < 2


@pytest.mark.parametrize("kind", [7, 10])
def test_tensors_of_other_types_are_refused(tmp_path, kind):
    path = tmp_path / "m.onnx"
    path.write_bytes(model(tensor("a", np.ones(2, "<f4"), kind=kind)))
    with pytest.raises(RequestError, match="'a' does not hold"):
        read_initializers(path)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(RequestError, match="can't be read"):
        read_initializers(tmp_path / "none.onnx")
