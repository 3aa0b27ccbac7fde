"""Reads OpenEXR files: Blender's render passes, and depth maps of scanners and renderers.

Scan lines, uncompressed or compressed by ZIP; Blender's Python has no library for the format.
Imports numpy and the standard library alone: both halves use it.
"""

import struct
import zlib
from pathlib import Path

import numpy as np

from .errors import WorkError
from .image_files import MOST_PIXELS

MAGIC = 20000630
MULTI_PART = 0x1000
HEAD = 1 << 16  # bytes of a file that hold the names of its channels
TYPES = {0: np.dtype("<u4"), 1: np.dtype("<f2"), 2: np.dtype("<f4")}
LINES = {0: 1, 2: 1, 3: 16}  # scan lines of a block: uncompressed, ZIPS, ZIP


def read_exr(path: str | Path) -> dict[str, np.ndarray]:
    """Return the channels of an uncompressed OpenEXR file, (H, W) float32, by their full names.

    Raises
    ------
    WorkError
        If the file is not OpenEXR, is compressed by another codec than ZIP, tiled or truncated.
    """
    content = Path(path).read_bytes()
    try:
        magic, flags = struct.unpack_from("<II", content)
        if magic != MAGIC:
            raise WorkError(f"{path} is not an OpenEXR file.", "Save it as OpenEXR.")
        several = bool(flags & MULTI_PART)
        headers, at = _headers(content, 8, several=several)
        return _pixels(content, headers, at, several=several)
    except (struct.error, ValueError, IndexError, KeyError, OverflowError) as error:
        raise WorkError(f"{path} can't be read: {error}.", "Save it again.") from error


def channel_names(path: str | Path) -> list[str]:
    """Return the names of a file's channels, read from its head; none if it is not OpenEXR."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(HEAD)
        magic, flags = struct.unpack_from("<II", content)
        if magic != MAGIC:
            return []
        headers, _ = _headers(content, 8, several=bool(flags & MULTI_PART))
        return [name for header in headers for name, _ in _channels(header["channels"])]
    except (OSError, struct.error, ValueError, IndexError, KeyError):
        return []


def _text(content: bytes, at: int) -> tuple[str, int]:
    end = content.index(b"\0", at)
    return content[at:end].decode(), end + 1


def _headers(content: bytes, at: int, *, several: bool) -> tuple[list[dict[str, bytes]], int]:
    """Return the attributes of every part, and the position of the offset tables."""
    headers = []
    while True:
        attributes: dict[str, bytes] = {}
        while content[at]:
            name, at = _text(content, at)
            _, at = _text(content, at)
            (size,) = struct.unpack_from("<I", content, at)
            attributes[name] = content[at + 4 : at + 4 + size]
            at += 4 + size
        at += 1
        if attributes:
            headers.append(attributes)
        if not several or not attributes:
            return headers, at


def _channels(data: bytes) -> list[tuple[str, np.dtype]]:
    channels, at = [], 0
    while data[at]:
        name, at = _text(data, at)
        (kind,) = struct.unpack_from("<I", data, at)
        channels.append((name, TYPES[kind]))
        at += 16
    return channels


def _pixels(
    content: bytes, headers: list[dict[str, bytes]], at: int, *, several: bool
) -> dict[str, np.ndarray]:
    result: dict[str, np.ndarray] = {}
    for header in headers:
        kind = header["compression"][0]
        if kind not in LINES or "tiles" in header:
            raise WorkError(
                "The OpenEXR file is tiled or has a compression other than ZIP.",
                "Save it in scan lines with the codec ZIP or NONE.",
            )
        x0, y0, x1, y1 = struct.unpack("<4i", header["dataWindow"])
        width, height = x1 - x0 + 1, y1 - y0 + 1
        if width < 1 or height < 1 or width * height > MOST_PIXELS:
            raise ValueError(f"its data window is {width} by {height} pixels")
        channels = _channels(header["channels"])
        planes = [np.zeros((height, width), np.float32) for _ in channels]
        blocks = -(-height // LINES[kind])
        offsets = struct.unpack_from(f"<{blocks}Q", content, at)
        at += 8 * blocks
        line = sum(width * dtype.itemsize for _, dtype in channels)
        for offset in offsets:
            start = offset + (4 if several else 0)
            y, size = struct.unpack_from("<ii", content, start)
            count = min(LINES[kind], y1 + 1 - y)
            if not y0 <= y <= y1:
                raise ValueError(f"it has a line {y} outside its data window")
            data = content[start + 8 : start + 8 + size]
            if size < line * count:
                data = _unzipped(data, line * count)
            _fill(planes, channels, data, y - y0, count)
        result |= {name: plane for (name, _), plane in zip(channels, planes, strict=True)}
    return result


def _fill(
    planes: list[np.ndarray],
    channels: list[tuple[str, np.dtype]],
    data: bytes,
    row: int,
    count: int,
) -> None:
    """Copy the scan lines of a block, each with its channels one after the other."""
    start = 0
    for y in range(row, row + count):
        for plane, (_, dtype) in zip(planes, channels, strict=True):
            plane[y] = np.frombuffer(data, dtype, plane.shape[1], start)
            start += plane.shape[1] * dtype.itemsize


def _unzipped(data: bytes, size: int) -> bytes:
    """Undo OpenEXR's ZIP: deflate, differences of bytes, even and odd bytes apart.

    Parameters
    ----------
    size
        Bytes of the result; a block that claims more is not expanded further.
    """
    try:
        deltas = np.frombuffer(zlib.decompressobj().decompress(data, size), np.uint8)
    except zlib.error as error:
        raise ValueError(f"a block is damaged ({error})") from error
    sums = np.cumsum(deltas.astype(np.int64)) - 128 * np.arange(len(deltas))
    plain = (sums & 0xFF).astype(np.uint8)
    joined = np.zeros_like(plain)
    half = (len(plain) + 1) // 2
    joined[::2], joined[1::2] = plain[:half], plain[half:]
    return joined.tobytes()
