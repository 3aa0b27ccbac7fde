"""Read mesh files of all kinds into one triangle mesh with a colour per vertex, +Z up."""

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from ...contract.errors import RequestError
from ...contract.srgb import linear_from_srgb
from ...geometry.array_files import read_npz
from ...geometry.frames import Z_UP_FROM_Y_UP, apply
from ...geometry.image_formats import allowed_formats_alone
from ...geometry.meshes import Mesh

# The up axis: by specification in glTF, by convention in OBJ; other formats are read unchanged.
Y_UP_SUFFIXES = (".glb", ".gltf", ".obj")
SUFFIXES = (*Y_UP_SUFFIXES, ".off", ".ply", ".stl")
ARRAYS = ".npz"  # Levelform's own; folders are not searched for it: not every .npz is a mesh
GLTF_SUFFIXES = (".glb", ".gltf")  # their vertex colours are linear; those of the others are sRGB
GREY = 0.8  # linear base colour of surfaces without one


class NoSurface(RequestError):  # noqa: N818 - a state of a mesh, named for what it is
    """A mesh without faces of positive area."""


@dataclass(frozen=True)
class Asset:
    """A mesh as stored in its file, with notes for people.

    mesh : +Z up, in the file's own units; normals None, colours (V, 4) linear RGBA or None
    source : the file it came from
    notes : sentences about missing or ignored parts
    """

    mesh: Mesh
    source: Path
    notes: tuple[str, ...] = ()


def find_assets(folder: str | Path) -> list[Path]:
    """Return the mesh files below `folder`, sorted by their path.

    Raises
    ------
    RequestError
        If there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise RequestError(f"The folder {root} does not exist.", "Check the path.")
    return sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)


def read_asset(path: str | Path, *, up: str = "auto") -> Asset:
    """Read a mesh file; the parts of its scene are transformed and joined.

    Parameters
    ----------
    path
        glTF (.glb, .gltf), OBJ, OFF, PLY, STL, or the .npz that Levelform writes.
    up
        "Y", "Z", or "auto": +Y for glTF and OBJ, +Z for the others.

    Raises
    ------
    RequestError
        If the file can't be read, has no faces, or holds a vertex that is not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise RequestError(f"The mesh file {path} does not exist.", "Check the path.")
    if path.suffix.lower() not in (*SUFFIXES, ARRAYS):
        raise RequestError(
            f"{path.name}: {path.suffix or 'no suffix'} is not a supported mesh format.",
            f"Use one of {', '.join((*SUFFIXES, ARRAYS))}.",
        )
    mesh = _read(path)
    check_numbers(mesh, path.name)
    if up == "Y" or (up == "auto" and path.suffix.lower() in Y_UP_SUFFIXES):
        mesh = Mesh(apply(Z_UP_FROM_Y_UP, mesh.vertices), mesh.faces, None, mesh.colors)
    return Asset(mesh, path, tuple(_lost(path)))


def check_numbers(mesh: Mesh, name: str) -> None:
    """Raise `RequestError` for invalid vertices or indices, `NoSurface` without faces."""
    if len(mesh.faces) == 0:
        raise NoSurface(
            f"{name} has no faces.", "Export the surface itself, not only points or curves."
        )
    bad = int((~np.isfinite(mesh.vertices).all(1)).sum())
    if bad:
        raise RequestError(
            f"{name}: {bad} of {len(mesh.vertices)} vertices are not finite numbers.",
            "Delete these vertices and export again.",
        )
    if mesh.faces.min() < 0 or mesh.faces.max() >= len(mesh.vertices):
        raise RequestError(
            f"{name}: a face names a vertex that does not exist.", "Export it again."
        )


def _lost(path: Path) -> list[str]:
    """Return a sentence for every missing image or material file that a mesh file refers to."""
    suffix, names = path.suffix.lower(), []
    if suffix == ".gltf":
        try:
            images = json.loads(path.read_text()).get("images", [])
        except (OSError, ValueError, AttributeError):
            return []  # what is wrong with the file itself is said where it is read
        names = [unquote(i["uri"]) for i in images if not i.get("uri", "data:").startswith("data:")]
    elif suffix == ".obj":
        lines = path.read_text(errors="replace").splitlines()
        names = [line[6:].strip() for line in lines if line.startswith("mtllib")]
    return [
        f"{path.name}: {name} is missing; what it would color is gray."
        for name in dict.fromkeys(names)
        if name and not (path.parent / name).is_file()
    ]


# What trimesh raises on files whose content does not match their suffix.
_UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def _read(path: Path) -> Mesh:
    """Return all pieces of a file as one mesh."""
    if path.suffix.lower() == ".gltf":
        _check_buffers(path)
    try:
        return _arrays(path) if path.suffix.lower() == ARRAYS else _join(list(_parts(path)))
    except _UNREADABLE as error:  # a part of another kind than declared
        raise RequestError(
            f"{path.name} can't be read: {type(error).__name__}: {error}.", "Export it again."
        ) from error


def _arrays(path: Path) -> Mesh:
    """Return the mesh of a .npz file by `write_mesh`."""
    arrays = read_npz(path)
    colors = arrays.get("colors")
    return Mesh(
        np.asarray(arrays["vertices"], np.float32).reshape(-1, 3),
        np.asarray(arrays["faces"], np.int32).reshape(-1, 3),
        None,
        None if colors is None else np.asarray(colors, np.float32).reshape(-1, 4),
    )


def _check_buffers(path: Path) -> None:
    """Refuse a .gltf with missing or truncated buffers, which the reader does not name."""
    try:
        buffers = json.loads(path.read_text())["buffers"]
        wanted = {unquote(b["uri"]): int(b["byteLength"]) for b in buffers if "uri" in b}
    except (OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return  # what is wrong with the file itself is said where it is read
    for name, length in wanted.items():
        if name.startswith("data:"):
            continue
        try:
            held = (path.parent / name).stat().st_size
        except (OSError, ValueError) as error:
            raise RequestError(
                f"{path.name}: its buffer {name} is missing.", "Copy it beside the file."
            ) from error
        if held < length:
            raise RequestError(
                f"{path.name}: its buffer {name} is cut short, {held:,} of {length:,} bytes.",
                "Export or copy it again.",
            )


def _parts(path: Path) -> Iterator[Mesh]:
    """Yield every piece of the file's scene, in the scene's frame."""
    import trimesh

    try:
        with allowed_formats_alone():
            scene = trimesh.load_scene(path, process=False, maintain_order=True)
    except _UNREADABLE as error:
        raise RequestError(
            f"{path.name} can't be read: {type(error).__name__}: {error}.",
            "Export it again, with its buffers and textures beside it.",
        ) from error
    for node in sorted(scene.graph.nodes_geometry):
        matrix, name = scene.graph[node]
        piece = scene.geometry[name]
        if not isinstance(piece, trimesh.Trimesh) or len(piece.faces) == 0:
            continue
        vertices = apply(np.asarray(matrix, np.float64), np.asarray(piece.vertices, np.float64))
        faces = np.asarray(piece.faces, np.int32)
        if np.linalg.det(matrix[:3, :3]) < 0:  # a reflection turns faces inside out
            faces = faces[:, ::-1]
        linear = path.suffix.lower() in GLTF_SUFFIXES
        yield Mesh(vertices.astype(np.float32), faces, None, _colors(piece, linear=linear))


def _join(parts: list[Mesh]) -> Mesh:
    if not parts:
        return Mesh.empty()
    starts = np.cumsum([0, *[len(part.vertices) for part in parts[:-1]]])
    grey = np.array([GREY, GREY, GREY, 1.0], np.float32)
    painted = any(part.colors is not None for part in parts)
    colors = [
        part.colors if part.colors is not None else np.tile(grey, (len(part.vertices), 1))
        for part in parts
    ]
    return Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([p.faces + s for p, s in zip(parts, starts, strict=True)]).astype(np.int32),
        None,
        np.concatenate(colors) if painted else None,
    )


def _colors(piece: Any, *, linear: bool) -> np.ndarray | None:
    """Return (V, 4) linear RGBA of a trimesh piece: its texture, its vertex colours, or both.

    `linear`: the file's vertex colours are linear and multiply the material's, as in glTF.
    """
    visual, count = piece.visual, len(piece.vertices)
    if visual.kind == "texture":
        painted = _painted(visual, count) if linear else None
        if painted is None:
            return _textured(visual, count)
        return painted * _textured(visual, count, bare=1.0)
    if visual.kind in ("vertex", "face"):
        colors = np.asarray(visual.vertex_colors, np.float32) / 255
        return colors if linear else _linear(colors)
    return None


def _painted(visual: Any, count: int) -> np.ndarray | None:
    """Return the vertex colours beside a material, (V, 4) linear RGBA; None: there are none."""
    colors = getattr(visual, "vertex_attributes", {}).get("color")
    if colors is None or len(colors) != count:
        return None
    colors = np.asarray(colors)
    full = 1.0 if colors.dtype.kind == "f" else float(np.iinfo(colors.dtype).max)
    rgba = np.ones((count, 4), np.float32)
    rgba[:, : colors.shape[1]] = colors / full
    return rgba


def _textured(visual: Any, count: int, *, bare: float = GREY) -> np.ndarray:
    """Return the base colour at each vertex by glTF's rule: texture (sRGB) x factor (linear).

    `bare` is the brightness of a material without either.
    """
    material = visual.material
    factor = np.array(_base_factor(material, bare), np.float32)
    texture = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    if texture is None or visual.uv is None or len(visual.uv) != count:
        return np.tile(factor, (count, 1))
    pixels = np.asarray(texture.convert("RGBA"))
    height, width = pixels.shape[:2]
    uv = np.nan_to_num(np.asarray(visual.uv, np.float64)) % 1.0
    column = np.minimum((uv[:, 0] * width).astype(int), width - 1)
    row = np.minimum(((1 - uv[:, 1]) * height).astype(int), height - 1)
    return _linear(pixels[row, column].astype(np.float32) / 255) * factor


def _base_factor(material: Any, bare: float) -> tuple[float, float, float, float]:
    """Return the linear RGBA factor of a material; trimesh keeps it as bytes or not at all."""
    factor = getattr(material, "baseColorFactor", None)
    if factor is not None:
        values = np.asarray(factor, np.float64)
        values = values / 255 if np.asarray(factor).dtype.kind in "iu" else values
        return tuple(values[:4]) if len(values) >= 4 else (*values[:3], 1.0)
    if getattr(material, "baseColorTexture", None) is not None:
        return (1.0, 1.0, 1.0, 1.0)
    if getattr(material, "image", None) is not None:
        return (1.0, 1.0, 1.0, 1.0)
    diffuse = getattr(material, "diffuse", None)
    if diffuse is not None:
        red, green, blue, alpha = np.asarray(diffuse, np.float64)[:4] / 255
        linear = _linear(np.array([red, green, blue, alpha], np.float32))
        return tuple(float(value) for value in linear)  # type: ignore[return-value]
    return (bare, bare, bare, 1.0)


def _linear(rgba: np.ndarray) -> np.ndarray:
    """Return sRGB colours, (..., 4) in [0, 1], as linear ones; alpha stays as it is."""
    return np.concatenate([linear_from_srgb(rgba[..., :3]), rgba[..., 3:]], -1).astype(np.float32)
