"""Mesh files with a texture: .glb with the image inside, .obj with .mtl and .png beside it.

Axes and the local origin are those of `mesh_files`.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..contract.errors import RequestError
from ..contract.materials import material_text
from .mesh_files import Offset, glb_header, named, turned, write_rows
from .meshes import Mesh
from .writing import written_whole

FORMATS = (".glb", ".obj")


@dataclass(frozen=True)
class TexturedMesh:
    """A mesh with UVs and a texture.

    Attributes
    ----------
    mesh : +Z up
    uvs : (F, 3, 2) of the corners of its triangles, in [0, 1], v upwards
    png : the texture, bytes of a PNG file
    """

    mesh: Mesh
    uvs: np.ndarray
    png: bytes


def check_texture_format(path: str | Path) -> None:
    """Raise `RequestError` if files of a suffix hold no texture."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise RequestError(
            f"{Path(path).name}: a {suffix or 'suffix-less'} file does not hold a texture.",
            f"Use one of {', '.join(FORMATS)}, or leave the texture out.",
        )


def write_textured(
    textured: TexturedMesh, path: str | Path, *, world_offset: Sequence[float] = (0.0, 0.0, 0.0)
) -> None:
    """Write a mesh with its texture; the suffix says how.

    Raises
    ------
    RequestError
        If the format holds no texture, or a file can't be written there.
    WorkError
        If the disk is full.
    """
    check_texture_format(path)
    path, offset = Path(path), tuple(float(value) for value in world_offset)
    if path.suffix.lower() == ".glb":
        with written_whole(path) as partial, partial.open("wb") as file:
            _write_glb(textured, file, offset)
        return
    image, material = path.with_suffix(".png"), path.with_suffix(".mtl")
    with written_whole(image) as partial:
        partial.write_bytes(textured.png)
    with written_whole(material) as partial:
        partial.write_text(material_text(path.stem, image.name), encoding="utf-8")
    with written_whole(path) as partial, partial.open("wb") as file:
        _write_obj(textured, file, offset, material.name)


def _write_glb(textured: TexturedMesh, file: BinaryIO, offset: Offset) -> None:
    mesh, indices, uvs = _split(textured)
    attributes = {"POSITION": turned(mesh.vertices, to_y_up=True)}
    if mesh.normals is not None:
        attributes["NORMAL"] = turned(mesh.normals, to_y_up=True)
    attributes["TEXCOORD_0"] = np.stack([uvs[:, 0], 1 - uvs[:, 1]], 1)  # v downwards
    arrays = [np.asarray(indices, "<u4").reshape(-1)]
    arrays += [np.asarray(values, "<f4") for values in attributes.values()]
    content = glb_header(list(attributes), arrays, offset)
    start = content["buffers"][0]["byteLength"]
    image = textured.png + b"\0" * (-len(textured.png) % 4)
    content["buffers"][0]["byteLength"] = start + len(image)
    content["bufferViews"].append(
        {"buffer": 0, "byteOffset": start, "byteLength": len(textured.png)}
    )
    content["images"] = [{"bufferView": len(content["bufferViews"]) - 1, "mimeType": "image/png"}]
    content["samplers"] = [{"magFilter": 9729, "minFilter": 9987}]  # linear, with mipmaps
    content["textures"] = [{"source": 0, "sampler": 0}]
    content["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"] = {"index": 0}
    text = json.dumps(content, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    data = b"".join(array.tobytes() for array in arrays) + image
    file.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(data)))
    file.write(struct.pack("<I4s", len(text), b"JSON") + text)
    file.write(struct.pack("<I4s", len(data), b"BIN\0") + data)


def _split(textured: TexturedMesh) -> tuple[Mesh, np.ndarray, np.ndarray]:
    """Return the mesh with a vertex for each pair of vertex and UV, its indices and their UVs."""
    mesh, uvs = textured.mesh, np.ascontiguousarray(textured.uvs, np.float32).reshape(-1, 2)
    bits = uvs.view(np.int32).astype(np.int64)
    keys = np.stack([mesh.faces.reshape(-1).astype(np.int64), bits[:, 0], bits[:, 1]], 1)
    _, first, index = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    origin = mesh.faces.reshape(-1)[first]
    normals = None if mesh.normals is None else mesh.normals[origin]
    indices = index.reshape(-1, 3).astype(np.int32)
    return Mesh(mesh.vertices[origin], indices, normals), indices, uvs[first]


def _write_obj(textured: TexturedMesh, file: BinaryIO, offset: Offset, material: str) -> None:
    mesh, uvs = textured.mesh, textured.uvs.reshape(-1, 2)
    file.write(b"# Levelform, +Y up\n")
    if any(offset):
        file.write(f"# {named(offset)} (+Z up)\n".encode())
    name = Path(material).stem
    file.write(f"mtllib {material}\n".encode())
    write_rows(file, "v %.7g %.7g %.7g\n", turned(mesh.vertices, to_y_up=True))
    write_rows(file, "vt %.6g %.6g\n", uvs)
    corners = [mesh.faces.astype(np.int64) + 1, np.arange(len(uvs)).reshape(-1, 3) + 1]
    corner = " %d/%d"
    if mesh.normals is not None:
        write_rows(file, "vn %.5g %.5g %.5g\n", turned(mesh.normals, to_y_up=True))
        corners.append(corners[0])
        corner = " %d/%d/%d"
    file.write(f"usemtl {name}\n".encode())
    rows = np.stack(corners, 2).reshape(len(mesh.faces), -1)
    write_rows(file, f"f{corner * 3}\n", rows)
