"""Exhibits as files: meshes, points with their numbers, images."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..contract.shows import Exhibit
from ..geometry.frames import apply
from ..geometry.mesh_files import to_srgb, write_mesh
from ..geometry.meshes import Mesh
from ..geometry.writing import written_whole


def write_exhibits(exhibits: Iterable[Exhibit], folder: Path) -> list[Path]:
    """Write each exhibit to a folder, which is made if needed; return the files.

    A mesh is a .glb (+Y up); with numbers of its vertices there is a .npz of the same name, with
    all arrays (+Z up). Points are a .ply whose vertices have the numbers as properties. Exhibits of
    a sequence are numbered.

    Raises
    ------
    LevelformError
        If a file can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for exhibit in exhibits:
        stem = folder / _file_name(exhibit)
        if exhibit.image is not None:
            files.append(_write_bytes(stem.with_name(f"{stem.name}.png"), exhibit.image.tobytes()))
        elif exhibit.faces is None:
            files.append(_write_points(exhibit, stem.with_name(f"{stem.name}.ply")))
        else:
            files += _write_mesh(exhibit, stem)
    return files


def _file_name(exhibit: Exhibit) -> str:
    name = re.sub(r"[^\w.=+-]+", "-", exhibit.name).strip("-").lower()
    return f"{exhibit.step:02d}-{name}" if exhibit.step >= 0 else name


def _write_bytes(path: Path, content: bytes) -> Path:
    with written_whole(path) as partial:
        partial.write_bytes(content)
    return path


def _in_world(exhibit: Exhibit) -> np.ndarray:
    assert exhibit.vertices is not None
    pose = np.eye(4) if exhibit.world_from_mesh is None else exhibit.world_from_mesh
    return apply(pose @ np.diag([*[exhibit.scale] * 3, 1.0]), exhibit.vertices)


def _write_mesh(exhibit: Exhibit, stem: Path) -> list[Path]:
    assert exhibit.faces is not None
    vertices = _in_world(exhibit)
    path = stem.with_name(f"{stem.name}.glb")
    write_mesh(Mesh(vertices, exhibit.faces, None, exhibit.colors), path)
    if exhibit.values is None:
        return [path]
    arrays = {"vertices": vertices, "faces": exhibit.faces}
    arrays |= dict(zip(exhibit.value_names, exhibit.values.T, strict=True))
    table = stem.with_name(f"{stem.name}.npz")
    with written_whole(table) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return [path, table]


def _write_points(exhibit: Exhibit, path: Path) -> Path:
    """Write points as a binary PLY with their colours, (sRGB bytes), and numbers, floats."""
    vertices = _in_world(exhibit)
    columns: list[tuple[str, str, np.ndarray]] = [
        (axis, "<f4", vertices[:, index]) for index, axis in enumerate("xyz")
    ]
    if exhibit.colors is not None:
        srgb = (to_srgb(exhibit.colors).clip(0, 1) * 255 + 0.5).astype(np.uint8)
        names = ("red", "green", "blue", "alpha")
        columns += [(name, "u1", srgb[:, index]) for index, name in enumerate(names)]
    if exhibit.values is not None:
        named = zip(exhibit.value_names, exhibit.values.T, strict=True)
        columns += [(name, "<f4", column) for name, column in named]
    table = np.zeros(len(vertices), [(name, kind) for name, kind, _ in columns])
    for name, _, column in columns:
        table[name] = column
    words = {"<f4": "float", "u1": "uchar"}
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {len(table)}"]
    head += [f"property {words[kind]} {name}" for name, kind, _ in columns]
    return _write_bytes(path, "\n".join([*head, "end_header\n"]).encode() + table.tobytes())
