"""One shard: a safetensors file that concatenates the arrays of its shapes.

The container is safetensors' own (8 bytes of header length, a JSON header, raw little-endian
arrays), so any reader of that format can open it. A JSON text in its metadata assigns rows to
shapes and holds a checksum of every array.
"""

import json
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.errors import WorkError
from ...geometry.writing import written_whole
from .record import Record

VERSION = 1
ALIGN = 64  # bytes; arrays start at multiples of it, for aligned vector loads
DTYPES = {"<f4": "F32", "<f8": "F64", "<f2": "F16", "<i4": "I32", "|u1": "U8", "|i1": "I8"}
NUMPY = {name: dtype for dtype, name in DTYPES.items()}
PADDING = ".pad."  # names of padding arrays
MAX_HEADER = 100_000_000


@dataclass(frozen=True)
class ShardShape:
    """One shape of a shard: its rows in each array, and its facts."""

    id: str
    category: str
    rows: dict[str, tuple[int, int]]
    info: dict[str, Any]


@dataclass(frozen=True)
class ShardHeader:
    """The head of a shard: its shapes, and the dtype, shape and first byte of every array.

    `head` is the CRC-32 of the head itself.
    """

    shapes: tuple[ShardShape, ...]
    arrays: dict[str, tuple[str, tuple[int, ...], int]]
    checksums: dict[str, int]
    size: int
    head: int


def write_shard(path: Path, records: list[Record]) -> None:
    """Write records as one shard, moved into place once it is complete and on disk.

    Raises
    ------
    WorkError
        If writing fails, for instance on a full disk; nothing is left behind.
    """
    columns, shapes = _columns(records)
    sums = {name: _crc(parts) for name, parts in columns.items()}
    header = _header(columns, shapes, sums)
    try:
        with written_whole(path) as partial, open_new(partial) as file:
            file.write(len(header).to_bytes(8, "little"))
            file.write(header)
            for parts in columns.values():
                written = 0
                for part in parts:
                    written += file.write(part.tobytes())
                file.write(bytes(-written % ALIGN))
            file.flush()
            os.fsync(file.fileno())
    except WorkError as error:
        raise WorkError(
            error.message, "Free some space and run the same command again: the rest is kept."
        ) from error


def open_new(path: Path):
    """Open a file for writing; a function of its own so that tests can simulate failures."""
    return open(path, "wb")


def read_header(path: Path) -> ShardHeader:
    """Read the head of a shard and check the file's length against it.

    Raises
    ------
    WorkError
        If the file is missing, truncated or not a shard.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            first = file.read(8)
            length = int.from_bytes(first, "little")
            text = file.read(length) if length < MAX_HEADER else b""
        head = json.loads(text)
        inner = json.loads(head.pop("__metadata__")["levelform"])
        arrays = {
            name: _located(entry, 8 + length)
            for name, entry in head.items()
            if not name.startswith(PADDING)
        }
        shapes = tuple(_shape(entry) for entry in inner["shapes"])
        sums = {name: int(value) for name, value in inner["checksums"].items()}
        _check_rows(arrays, shapes)
    except FileNotFoundError as error:
        raise WorkError(f"The shard {path.name} is missing.", _AGAIN) from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise WorkError(f"{path.name} is not a shard, or its head is damaged.", _AGAIN) from error
    for name, (dtype, shape, start) in arrays.items():
        if start + np.dtype(dtype).itemsize * math.prod(shape) > size:
            raise WorkError(f"The shard {path.name} is truncated: {name} ends beyond it.", _AGAIN)
    return ShardHeader(shapes, arrays, sums, size, zlib.crc32(first + text))


def _check_rows(
    arrays: dict[str, tuple[str, tuple[int, ...], int]], shapes: tuple[ShardShape, ...]
) -> None:
    """Refuse a head whose shapes claim rows past the end of an array."""
    for name, (_, shape, start) in arrays.items():
        if start < 0 or any(side < 0 for side in shape):
            raise ValueError(f"{name} has no place")
    for shape in shapes:
        for name, (start, stop) in shape.rows.items():
            if not 0 <= start <= stop <= arrays[name][1][0]:
                raise ValueError(f"{shape.id} has no rows of {name}")


_AGAIN = "Run the command that made the data set again: it makes what is damaged anew."


def map_array(path: Path, header: ShardHeader, name: str) -> np.ndarray:
    """Return an array of a shard, memory-mapped and read-only."""
    dtype, shape, start = header.arrays[name]
    if math.prod(shape) == 0:
        return np.zeros(shape, dtype)
    return np.memmap(path, dtype, "r", start, shape)


def check_array(path: Path, header: ShardHeader, name: str) -> None:
    """Read a whole array and verify its checksum.

    Raises
    ------
    WorkError
        If its checksum does not match.
    """
    dtype, shape, start = header.arrays[name]
    left, value = np.dtype(dtype).itemsize * math.prod(shape), 0
    try:
        with path.open("rb") as file:
            file.seek(start)
            while left and (part := file.read(min(left, 1 << 20))):
                value, left = zlib.crc32(part, value), left - len(part)
    except OSError as error:
        raise WorkError(f"{path} can't be read: {error.strerror or error}.", _AGAIN) from error
    if left or value != header.checksums.get(name):
        raise WorkError(f"The shard {path.name} is damaged: bytes changed in {name}.", _AGAIN)


def damaged(path: Path, header: ShardHeader) -> list[str]:
    """Return the names of the arrays whose checksum does not match."""
    return [
        name
        for name in header.arrays
        if _crc([map_array(path, header, name)]) != header.checksums.get(name)
    ]


def _crc(parts: list[np.ndarray]) -> int:
    """Return the CRC-32 of the concatenated arrays."""
    value = 0
    for part in parts:
        flat = part.reshape(-1).view(np.uint8)
        for start in range(0, len(flat), 1 << 24):
            value = zlib.crc32(flat[start : start + (1 << 24)].data, value)
    return value


def _columns(
    records: list[Record],
) -> tuple[dict[str, list[np.ndarray]], list[dict[str, Any]]]:
    """Return the arrays by name, in pieces, and the table of shapes."""
    columns: dict[str, list[np.ndarray]] = {}
    ends: dict[str, int] = {}
    shapes = []
    for record in records:
        rows = {}
        for name, array in sorted(record.arrays.items()):
            start = ends.get(name, 0)
            ends[name] = start + len(array)
            rows[name] = [start, ends[name]]
            columns.setdefault(name, []).append(np.ascontiguousarray(array))
        shapes.append(
            {"id": record.id, "category": record.category, "rows": rows, "info": record.info}
        )
    return dict(sorted(columns.items())), shapes


def _header(
    columns: dict[str, list[np.ndarray]], shapes: list[dict[str, Any]], sums: dict[str, int]
) -> bytes:
    inner = {"version": VERSION, "shapes": shapes, "checksums": sums}
    head: dict[str, Any] = {"__metadata__": {"levelform": json.dumps(inner, sort_keys=True)}}
    start = 0
    for name, parts in columns.items():
        length = sum(part.nbytes for part in parts)
        head[name] = {
            "dtype": DTYPES[parts[0].dtype.str],
            "shape": [sum(len(part) for part in parts), *parts[0].shape[1:]],
            "data_offsets": [start, start + length],
        }
        start += length + (-length % ALIGN)
        if -length % ALIGN:  # safetensors allows no gaps, so padding is stored as arrays
            head[PADDING + name] = {
                "dtype": "U8",
                "shape": [-length % ALIGN],
                "data_offsets": [start - (-length % ALIGN), start],
            }
    text = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    return text + b" " * (-(len(text) + 8) % ALIGN)


def _located(entry: dict[str, Any], base: int) -> tuple[str, tuple[int, ...], int]:
    return NUMPY[entry["dtype"]], tuple(entry["shape"]), base + int(entry["data_offsets"][0])


def _shape(entry: dict[str, Any]) -> ShardShape:
    rows = {name: (int(start), int(stop)) for name, (start, stop) in entry["rows"].items()}
    return ShardShape(entry["id"], entry["category"], rows, entry["info"])
