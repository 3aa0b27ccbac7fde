"""Writes triangles as a binary PLY file, without Blender's exporter and its selection."""

import os
from pathlib import Path

import numpy as np

_HEADER = """ply
format binary_little_endian 1.0
element vertex {vertices}
property double x
property double y
property double z
element face {faces}
property list uchar int vertex_indices
end_header
"""
_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def write_ply(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Write vertices (V, 3) and triangles (F, 3), completely or not at all.

    Raises
    ------
    OSError
        If the file can't be written.
    """
    rows = np.zeros(len(faces), _FACE)
    rows["count"], rows["corners"] = 3, faces
    header = _HEADER.format(vertices=len(vertices), faces=len(faces)).encode()
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(header + vertices.astype("<f8").tobytes() + rows.tobytes())
    os.replace(partial, path)
