"""Write mesh files: .glb, .ply, .obj, .stl, .npz. `data.meshes.reading` reads them again.

Axes: a `Mesh` is +Z up. glTF is +Y up by its specification and OBJ by custom (as in Blender's own
importer and exporter), so these two are rotated on the way out; PLY, STL and NPZ keep +Z up.

Colours: glTF and NPZ hold linear RGBA as floats, PLY and OBJ sRGB (8 bits, and floats without
alpha), STL none.

A mesh far from the world's origin, as in map coordinates, has a local origin (`world_offset`),
because single precision would round its shape away. glTF stores it as its node's translation, which
readers apply; NPZ stores world vertices in double precision. PLY and OBJ name it in a comment and
STL in its header, `world_offset X Y Z` (+Z up): their vertices are local.
"""

import io
import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..contract.errors import RequestError, WorkError
from ..contract.srgb import srgb_from_linear
from .frames import Z_UP_FROM_Y_UP, apply
from .meshes import Mesh
from .writing import written_whole

_GL_FLOAT, _GL_UINT = 5126, 5125
_GL_VERTICES, _GL_INDICES = 34962, 34963
OBJ_ROWS = 50_000  # formatted at a time
Offset = tuple[float, ...]


def write_mesh(
    mesh: Mesh, path: str | Path, *, world_offset: Sequence[float] = (0.0, 0.0, 0.0)
) -> None:
    """Write a mesh, +Z up; the suffix says how.

    Parameters
    ----------
    world_offset
        Local origin of the mesh in the world: how each format has it is told above.

    Raises
    ------
    RequestError
        If the format is not known, or the file can't be written there.
    WorkError
        If the mesh has no faces or holds a number that is not finite, or the disk is full.
    """
    writer = _WRITERS[check_format(path)]
    if not len(mesh.faces):
        raise WorkError(
            f"The mesh has no faces, so {path} was not written.", "Check the volume and the level."
        )
    if not np.isfinite(mesh.vertices).all():
        raise WorkError(
            f"The mesh has a vertex that is not finite, so {path} was not written.",
            "Check the volume and the level.",
        )
    with written_whole(path) as partial, partial.open("wb") as file:
        writer(mesh, file, tuple(float(value) for value in world_offset))


def check_format(path: str | Path) -> str:
    """Return the suffix of a mesh file in lower case; refuse one that can't be written."""
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITERS:
        raise RequestError(
            f"{path}: {suffix or 'no suffix'} is not a supported mesh format.",
            f"Use one of {', '.join(_WRITERS)}.",
        )
    return suffix


def offset_remark(path: str | Path) -> str:
    """Return a sentence that says how a file has the local origin of its mesh."""
    ways = {
        ".glb": "has the local origin as the translation of its node, which readers apply",
        ".npz": "has the vertices in the world, in double precision",
    }
    suffix = check_format(path)
    way = ways.get(suffix, "has local vertices and names their origin in its header")
    return f"The {suffix} file {way}."


# ---------------------------------------------------------------- writers


def _write_glb(mesh: Mesh, file: BinaryIO, offset: Offset) -> None:
    attributes = {"POSITION": turned(mesh.vertices, to_y_up=True)}
    if mesh.normals is not None:
        attributes["NORMAL"] = turned(mesh.normals, to_y_up=True)
    if mesh.colors is not None:
        attributes["COLOR_0"] = mesh.colors
    arrays = [np.asarray(mesh.faces, "<u4").reshape(-1)]
    arrays += [np.asarray(values, "<f4") for values in attributes.values()]
    content = glb_header(list(attributes), arrays, offset)
    text = json.dumps(content, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    data = b"".join(array.tobytes() for array in arrays)  # multiples of four bytes all
    file.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(data)))
    file.write(struct.pack("<I4s", len(text), b"JSON") + text)
    file.write(struct.pack("<I4s", len(data), b"BIN\0") + data)


def glb_header(names: list[str], arrays: list[np.ndarray], offset: Offset) -> dict[str, Any]:
    """Return the JSON of a file with one mesh: indices first, then the attributes by name."""
    kinds = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
    views, accessors, start = [], [], 0
    for index, array in enumerate(arrays):
        target = _GL_VERTICES if index else _GL_INDICES
        views.append(
            {"buffer": 0, "byteOffset": start, "byteLength": array.nbytes, "target": target}
        )
        accessors.append(
            {
                "bufferView": index,
                "componentType": _GL_FLOAT if index else _GL_UINT,
                "count": len(array),
                "type": kinds[array.shape[1] if array.ndim == 2 else 1],
            }
        )
        start += array.nbytes
    accessors[1]["min"] = arrays[1].min(0).astype(float).tolist()
    accessors[1]["max"] = arrays[1].max(0).astype(float).tolist()
    primitive = {
        "attributes": {name: index for index, name in enumerate(names, start=1)},
        "indices": 0,
        "material": 0,
    }
    x, y, z = offset
    node = {"mesh": 0, "name": "Levelform"}
    if any(offset):
        node["translation"] = [x, z, -y]  # +Y up
    surface = {"metallicFactor": 0.0, "roughnessFactor": 0.8}
    return {
        "asset": {"version": "2.0", "generator": "Levelform"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [node],
        "meshes": [{"primitives": [primitive]}],
        "materials": [{"pbrMetallicRoughness": surface}],
        "buffers": [{"byteLength": start}],
        "bufferViews": views,
        "accessors": accessors,
    }


def _write_ply(mesh: Mesh, file: BinaryIO, offset: Offset) -> None:
    names, columns = ["x", "y", "z"], [mesh.vertices]
    if mesh.normals is not None:
        names, columns = [*names, "nx", "ny", "nz"], [*columns, mesh.normals]
    layout = [(name, "<f4") for name in names]
    lines = [f"property float {name}" for name in names]
    if mesh.colors is not None:
        layout += [(name, "u1") for name in ("red", "green", "blue", "alpha")]
        lines += [f"property uchar {name}" for name in ("red", "green", "blue", "alpha")]
    rows = np.zeros(len(mesh.vertices), layout)
    for name, values in zip(names, np.concatenate(columns, axis=1).T, strict=True):
        rows[name] = values
    if mesh.colors is not None:
        bytes_ = np.rint(to_srgb(mesh.colors) * 255).astype(np.uint8)
        for name, values in zip(("red", "green", "blue", "alpha"), bytes_.T, strict=True):
            rows[name] = values
    faces = np.zeros(len(mesh.faces), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, mesh.faces
    head = ["ply", "format binary_little_endian 1.0"]
    head += [f"comment {named(offset)}"] if any(offset) else []
    head += [f"element vertex {len(rows)}", *lines]
    head += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    file.write(("\n".join(head) + "\n").encode())
    file.write(rows.tobytes())
    file.write(faces.tobytes())


def _write_obj(mesh: Mesh, file: BinaryIO, offset: Offset) -> None:
    vertices = turned(mesh.vertices, to_y_up=True)
    if mesh.colors is not None:
        vertices = np.concatenate([vertices, to_srgb(mesh.colors)[:, :3]], axis=1)
    file.write(b"# Levelform, +Y up\n")
    if any(offset):
        file.write(f"# {named(offset)} (+Z up)\n".encode())
    write_rows(file, "v" + " %.7g" * vertices.shape[1] + "\n", vertices)
    corner = " %d"
    if mesh.normals is not None:
        write_rows(file, "vn %.5g %.5g %.5g\n", turned(mesh.normals, to_y_up=True))
        corner = " %d//%d"
    faces = mesh.faces.astype(np.int64) + 1
    write_rows(file, f"f{corner * 3}\n", np.repeat(faces, corner.count("%"), axis=1))


def write_rows(file: BinaryIO, pattern: str, rows: np.ndarray) -> None:
    """Write rows of numbers as lines, each formatted by `pattern`."""
    for start in range(0, len(rows), OBJ_ROWS):
        part = rows[start : start + OBJ_ROWS]
        file.write((pattern * len(part) % tuple(part.ravel().tolist())).encode())


def _write_stl(mesh: Mesh, file: BinaryIO, offset: Offset) -> None:
    corners = mesh.vertices[mesh.faces]  # (F, 3, 3)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(across, axis=1, keepdims=True)
    layout = [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")]
    rows = np.zeros(len(corners), layout)
    rows["normal"], rows["corners"] = across / np.maximum(length, 1e-30), corners
    words = f"Levelform, +Z up{f', {named(offset)}' if any(offset) else ''}"
    file.write(words.encode()[:80].ljust(80) + struct.pack("<I", len(rows)))
    file.write(rows.tobytes())


def _write_npz(mesh: Mesh, file: BinaryIO, offset: Offset) -> None:
    named = {"normals": mesh.normals, "colors": mesh.colors, "seen": mesh.seen}
    extra = {name: values for name, values in named.items() if values is not None}
    vertices = mesh.vertices
    if any(offset):
        vertices = vertices.astype(np.float64) + offset
    packed = io.BytesIO()  # an archive that its disk cuts short complains once more when it goes
    np.savez_compressed(packed, vertices=vertices, faces=mesh.faces, **extra)
    file.write(packed.getbuffer())


def named(offset: Offset) -> str:
    """Return how a comment names the local origin."""
    return "world_offset " + " ".join(f"{value:.12g}" for value in offset)


_WRITERS: dict[str, Callable[[Mesh, BinaryIO, Offset], None]] = {
    ".glb": _write_glb,
    ".ply": _write_ply,
    ".obj": _write_obj,
    ".stl": _write_stl,
    ".npz": _write_npz,
}
FORMATS = tuple(_WRITERS)


# ---------------------------------------------------------------- axes and colours


def turned(vectors: np.ndarray, *, to_y_up: bool) -> np.ndarray:
    """Return vectors, (N, 3), from +Z up to +Y up, or back."""
    return apply(Z_UP_FROM_Y_UP.T if to_y_up else Z_UP_FROM_Y_UP, vectors)


def to_srgb(rgba: np.ndarray) -> np.ndarray:
    """Return linear RGBA, (N, 4), as sRGB in [0, 1]; alpha stays as it is."""
    color = srgb_from_linear(rgba[:, :3].clip(0.0, 1.0))
    return np.concatenate([color, rgba[:, 3:].clip(0.0, 1.0)], axis=1).astype(np.float32)
