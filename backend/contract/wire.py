"""Serialises dataclasses to frames and back: the type definition is the wire format.

A frame is a fixed prefix (magic, protocol version, header length, body length), a JSON header (the
message's type, its fields, dtype and shape of each array) and a body, the concatenated raw bytes of
the arrays. Every length is checked against a limit and against the others before allocation.
Nothing is unpickled: a frame can only become one of the dataclasses in the reader's registry.

Imports numpy and the standard library alone: Blender's side and the worker's share this file.
"""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from .errors import WorkError

HEADER_LIMIT = (
    4 << 20
)  # bytes of JSON; a header with a thousand cameras takes a few hundred thousand
BODY_LIMIT = 2 << 30  # bytes of arrays in one message
_DIMENSIONS = 8
_ARRAYS = 4096
_DTYPES = frozenset({"|b1", "|u1", "<i4", "<i8", "<f4", "<f8"})
_MAGIC = b"LVLF"
_PREFIX = struct.Struct("<4sIIxxxxQ")
PREFIX_SIZE = _PREFIX.size

Registry = Mapping[str, type]


class ProtocolError(WorkError):
    """A received frame is not a valid message, or a message can't be sent."""

    def __init__(self, message: str, hint: str = "Restart Blender.") -> None:
        super().__init__(message, hint)


@dataclass(frozen=True)
class FrameHeader:
    """A checked header: type and fields of the message, and the arrays that follow.

    kind : name of the message's type
    tree : its fields as JSON, each array replaced by its index
    arrays : dtype and shape of each array, in the body's order
    """

    kind: str
    tree: Any
    arrays: tuple[tuple[np.dtype, tuple[int, ...]], ...]


# ---------------------------------------------------------------- writing


def pack(message: Any, *, version: int) -> list[memoryview]:
    """Return a frame as buffers to be written in order.

    Contiguous little-endian arrays are not copied: don't modify them before they are sent.

    Raises
    ------
    ProtocolError
        If the type of a value differs from its field's declaration, or the frame is over a limit.
    """
    arrays: list[np.ndarray] = []
    tree = _encode(type(message), message, arrays, type(message).__name__)
    table = [(array.dtype.str, array.shape) for array in arrays]
    header = json.dumps([type(message).__name__, tree, table], separators=(",", ":")).encode()
    body = sum(array.nbytes for array in arrays)
    _check_lengths(len(header), body, BODY_LIMIT)
    prefix = _PREFIX.pack(_MAGIC, version, len(header), body)
    return [memoryview(prefix + header), *(bytes_of(array) for array in arrays if array.nbytes)]


def bytes_of(array: np.ndarray) -> memoryview:
    """Return the bytes of a contiguous, non-empty array without a copy."""
    return array.reshape(-1).view(np.uint8).data


def _encode(kind: Any, value: Any, arrays: list[np.ndarray], where: str) -> Any:
    """Convert a value to JSON by its declared type, moving arrays into `arrays`."""
    if get_origin(kind) in (Union, UnionType):
        return None if value is None else _encode(_not_none(kind), value, arrays, where)
    if kind is np.ndarray:
        return _encode_array(value, arrays, where)
    if is_dataclass(kind) and isinstance(kind, type):
        _expect(isinstance(value, kind), where, kind, value)
        return {
            name: _encode(hint, getattr(value, name), arrays, f"{where}.{name}")
            for name, hint in _hints(kind).items()
        }
    if get_origin(kind) is tuple:
        _expect(isinstance(value, Sequence) and not isinstance(value, str), where, kind, value)
        hints = _item_hints(kind, len(value), where)
        return [
            _encode(hint, item, arrays, f"{where}[{i}]")
            for i, (hint, item) in enumerate(zip(hints, value, strict=True))
        ]
    plain = _plain(value, where)
    _expect(_fits(kind, plain), where, kind, value)
    return plain


def _encode_array(value: Any, arrays: list[np.ndarray], where: str) -> int:
    _expect(isinstance(value, np.ndarray), where, np.ndarray, value)
    dtype = value.dtype.newbyteorder("<")
    if dtype.str not in _DTYPES:
        raise ProtocolError(f"{where} is an array of {value.dtype}, which can't be sent.")
    # Not ascontiguousarray, which makes 0-d arrays 1-d.
    arrays.append(np.asarray(value, dtype, order="C"))
    return len(arrays) - 1


def _plain(value: Any, where: str) -> Any:
    """Return `value` in JSON types: numpy scalars as Python's, tuples as lists."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)  # an enumeration's member becomes its value
    if isinstance(value, Mapping):
        _expect(all(isinstance(key, str) for key in value), where, dict[str, Any], value)
        return {key: _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    raise ProtocolError(f"{where} is a {type(value).__name__}, which can't be sent.")


# ---------------------------------------------------------------- reading


def read_prefix(prefix: bytes | bytearray, *, version: int, limit: int) -> tuple[int, int]:
    """Return the lengths of header and body that a prefix declares.

    Raises
    ------
    ProtocolError
        If the magic or the version differs, or a length exceeds its limit.
    """
    magic, sent_version, header, body = _PREFIX.unpack(prefix)
    if magic != _MAGIC:
        raise ProtocolError(
            f"The channel carries something other than messages ({bytes(magic)!r})."
        )
    if sent_version != version:
        raise ProtocolError(
            f"The other side speaks version {sent_version} of the protocol, not {version}."
        )
    _check_lengths(header, body, limit)
    return header, body


def read_header(data: bytes | bytearray, body: int) -> FrameHeader:
    """Parse a header and check its arrays against the size of the body in bytes.

    Raises
    ------
    ProtocolError
        If it is malformed, or its arrays have an unknown dtype or don't fill the body exactly.
    """
    try:
        kind, tree, table = json.loads(data)
        if not isinstance(table, list) or len(table) > _ARRAYS:
            raise ValueError("its table of arrays is not a list, or too long")
        arrays = tuple(_declared(entry) for entry in table)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise ProtocolError(f"The header of a message can't be read ({error}).") from error
    declared = sum(math.prod(shape) * dtype.itemsize for dtype, shape in arrays)
    if declared != body:
        raise ProtocolError(
            f"A message declares {len(arrays)} arrays of {declared} bytes in a body of {body}."
        )
    return FrameHeader(str(kind), tree, arrays)


def _declared(entry: Any) -> tuple[np.dtype, tuple[int, ...]]:
    name, shape = entry
    if name not in _DTYPES:
        raise ValueError(f"arrays of {name!r} are not accepted")
    if len(shape) > _DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"{shape!r} is not a shape of an array")
    # With one zero the array is empty, but numpy still multiplies the other sizes.
    if math.prod(n for n in shape if n) > BODY_LIMIT:
        raise ValueError(f"an array of shape {shape!r} is too large")
    return np.dtype(name), tuple(shape)


def unpack(header: FrameHeader, arrays: Sequence[np.ndarray], registry: Registry) -> Any:
    """Build a message from its header and its filled arrays.

    Raises
    ------
    ProtocolError
        If its type or a field is unknown or missing, a value is of the wrong type, or an array is
        not used exactly once.
    """
    if header.kind not in registry:
        raise ProtocolError(f"A message of the unknown type {header.kind!r} came over the channel.")
    unused = list(reversed(arrays))
    message = _decode(registry[header.kind], header.tree, unused, len(arrays), header.kind)
    if unused:
        raise ProtocolError(f"{header.kind} came with {len(unused)} arrays that no field uses.")
    return message


def _decode(kind: Any, tree: Any, unused: list[np.ndarray], count: int, where: str) -> Any:
    """Convert JSON to a value of the declared type, popping arrays from the end of `unused`."""
    if get_origin(kind) in (Union, UnionType):
        return None if tree is None else _decode(_not_none(kind), tree, unused, count, where)
    if kind is np.ndarray:
        _expect(type(tree) is int and tree == count - len(unused) and unused, where, kind, tree)
        return unused.pop()
    if is_dataclass(kind) and isinstance(kind, type):
        _expect(isinstance(tree, dict), where, kind, tree)
        _check_names(kind, tree, where)
        return kind(
            **{
                name: _decode(hint, tree[name], unused, count, f"{where}.{name}")
                for name, hint in _hints(kind).items()
                if name in tree
            }
        )
    if get_origin(kind) is tuple:
        _expect(isinstance(tree, list), where, kind, tree)
        hints = _item_hints(kind, len(tree), where)
        return tuple(
            _decode(hint, item, unused, count, f"{where}[{i}]")
            for i, (hint, item) in enumerate(zip(hints, tree, strict=True))
        )
    _expect(_fits(kind, tree), where, kind, tree)
    return _float(tree, where) if kind is float else tree


def _float(value: int | float, where: str) -> float:
    """Return a JSON number as a float; an integer may be too large for one."""
    try:
        return float(value)
    except OverflowError as error:
        raise ProtocolError(f"{where} is a number too large for a float.") from error


def _check_names(kind: Any, tree: Mapping[str, Any], where: str) -> None:
    required = {
        f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING
    }
    if unknown := set(tree) - set(_hints(kind)):
        raise ProtocolError(f"{where} came with the unknown field {min(unknown)!r}.")
    if missing := required - set(tree):
        raise ProtocolError(f"{where} came without its field {min(missing)!r}.")


# ---------------------------------------------------------------- both ways


def _check_lengths(header: int, body: int, limit: int) -> None:
    if header > HEADER_LIMIT or body > limit:
        raise ProtocolError(
            f"A message of {header} + {body} bytes is over the limit ({HEADER_LIMIT} + {limit}).",
            "Use fewer or smaller images, or a lower resolution.",
        )


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _not_none(kind: Any) -> Any:
    (kind,) = (arg for arg in get_args(kind) if arg is not NoneType)
    return kind


def _item_hints(kind: Any, count: int, where: str) -> tuple[Any, ...]:
    """Return the types of a tuple's items: one each, or one type for all (`...`)."""
    args = get_args(kind)
    if len(args) == 2 and args[1] is Ellipsis:
        return (args[0],) * count
    if len(args) != count:
        raise ProtocolError(f"{where} has {count} items instead of {len(args)}.")
    return args


def _fits(kind: Any, value: Any) -> bool:
    """Tell whether a plain JSON value is valid for the declared type."""
    if kind is Any:
        return True
    if get_origin(kind) is dict:
        return isinstance(value, dict)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def _expect(holds: Any, where: str, kind: Any, value: Any) -> None:
    if not holds:
        name = getattr(kind, "__name__", str(kind))
        raise ProtocolError(f"{where} is a {type(value).__name__}, not a {name}.")
