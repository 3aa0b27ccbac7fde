"""Reads the uncompressed OpenEXR files that Blender writes render passes to, and writes PNG.

Blender's Python API does not expose the pixels of multi-layer images, and Blender's Python has no
library for either format; uncompressed scan lines are simple enough to parse here.
"""

import struct
import zlib
from pathlib import Path

import numpy as np

from ...backend.contract.errors import WorkError

MAGIC = 20000630
MULTI_PART = 0x1000
TYPES = {0: np.dtype("<u4"), 1: np.dtype("<f2"), 2: np.dtype("<f4")}


def read_exr(path: str | Path) -> dict[str, np.ndarray]:
    """Return the channels of an uncompressed OpenEXR file, (H, W) float32, by their full names.

    Raises
    ------
    WorkError
        If the file is not OpenEXR, or is compressed, tiled or truncated.
    """
    content = Path(path).read_bytes()
    try:
        magic, flags = struct.unpack_from("<II", content)
        if magic != MAGIC:
            raise WorkError(f"{path} is not an OpenEXR file.")
        several = bool(flags & MULTI_PART)
        headers, at = _headers(content, 8, several=several)
        return _pixels(content, headers, at, several=several)
    except (struct.error, ValueError, IndexError, KeyError) as error:
        raise WorkError(f"{path} can't be read: {error}.") from error


def write_png(path: str | Path, pixels: np.ndarray) -> None:
    """Write (H, W, 3 or 4) uint8, row 0 at the top, as a PNG file."""
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each row starts with filter 0
    rows[:, 1:] = pixels.reshape(height, -1)
    kind = {3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 6)
    chunks = [(b"IHDR", head), (b"IDAT", body), (b"IEND", b"")]
    Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


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
        if header["compression"] != b"\0":
            raise WorkError("The OpenEXR file is compressed.", "Render it with the codec NONE.")
        x0, y0, x1, y1 = struct.unpack("<4i", header["dataWindow"])
        width, height = x1 - x0 + 1, y1 - y0 + 1
        channels = _channels(header["channels"])
        planes = [np.zeros((height, width), np.float32) for _ in channels]
        offsets = struct.unpack_from(f"<{height}Q", content, at)
        at += 8 * height
        for offset in offsets:
            start = offset + (4 if several else 0)
            (y,) = struct.unpack_from("<i", content, start)
            start += 8
            for plane, (_, dtype) in zip(planes, channels, strict=True):
                plane[y - y0] = np.frombuffer(content, dtype, width, start)
                start += width * dtype.itemsize
        result |= {name: plane for (name, _), plane in zip(channels, planes, strict=True)}
    return result
