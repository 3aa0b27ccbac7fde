"""Read the weights in an ONNX file: the few fields of its protocol buffers that hold tensors.

The `onnx` package would do the same, but brings a compiled protobuf of many megabytes. Field
numbers are those of onnx.proto: ModelProto.graph is 7, GraphProto.initializer 5, and of a
TensorProto dims are 1, data_type 2, name 8 and raw_data 9.
"""

import math
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..contract.errors import RequestError

GRAPH, INITIALIZER = 7, 5
DIMS, DATA_TYPE, NAME, RAW_DATA = 1, 2, 8, 9
FLOAT = 1
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5
LONGEST_VARINT = 10  # bytes


def read_initializers(path: Path) -> dict[str, np.ndarray]:
    """Return the float32 initialisers of an ONNX file by name, in the file's order.

    Raises
    ------
    RequestError
        If the file is missing, is not an ONNX file, or holds other tensors than float32.
    """
    try:
        return dict(_initializers(memoryview(path.read_bytes())))
    except OSError as error:
        raise RequestError(f"{path} can't be read: {error.strerror}.", "Fetch it again.") from error
    except (IndexError, ValueError, struct.error, UnicodeDecodeError) as error:
        raise RequestError(
            f"{path} is damaged or not an ONNX file: {error}.", "Delete it and fetch it again."
        ) from error


def _initializers(model: memoryview) -> Iterator[tuple[str, np.ndarray]]:
    for number, graph in _fields(model):
        if number == GRAPH:
            for inner, tensor in _fields(_block(graph)):
                if inner == INITIALIZER:
                    yield _tensor(_block(tensor))


def _tensor(message: memoryview) -> tuple[str, np.ndarray]:
    """Return the name and the values of a TensorProto."""
    shape: list[int] = []
    name, kind, raw = "", 0, memoryview(b"")
    for number, value in _fields(message):
        if number == DIMS:
            shape += [value] if isinstance(value, int) else _packed(value)
        elif number == DATA_TYPE:
            kind = int(value) if isinstance(value, int) else 0
        elif number == NAME:
            name = bytes(_block(value)).decode()
        elif number == RAW_DATA:
            raw = _block(value)
    if kind != FLOAT or len(raw) != 4 * math.prod(shape):
        raise ValueError(f"the tensor {name!r} does not hold {shape} float32 values")
    return name, np.frombuffer(raw, "<f4").reshape(shape)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of each field of a message."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == BYTES:
            length, place = _varint(message, place)
        elif kind in (FIXED_32, FIXED_64):
            length = 4 if kind == FIXED_32 else 8
        else:
            raise ValueError(f"a field has the unknown wire type {kind}")
        if place + length > len(message):
            raise ValueError("a field reaches beyond its end")
        yield number, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Return an integer of seven bits a byte, and the place after it."""
    value = 0
    for index in range(LONGEST_VARINT):
        byte = message[place + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, place + index + 1
    raise ValueError("an integer has too many bytes")


def _packed(message: memoryview) -> list[int]:
    values, place = [], 0
    while place < len(message):
        value, place = _varint(message, place)
        values.append(value)
    return values


def _block(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number stands where a message belongs")
    return value
