"""Reads the OpenEXR files that Blender writes render passes to, and writes PNG.

Blender's Python API does not expose the pixels of multi-layer images.
"""

import struct
import zlib
from pathlib import Path

import numpy as np

from ...backend.contract.exr import read_exr as read_exr


def write_png(path: str | Path, pixels: np.ndarray) -> None:
    """Write (H, W, 1, 3 or 4) uint8, row 0 at the top, as a PNG file."""
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each row starts with filter 0
    rows[:, 1:] = pixels.reshape(height, -1)
    kind = {1: 0, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 6)
    chunks = [(b"IHDR", head), (b"IDAT", body), (b"IEND", b"")]
    Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
