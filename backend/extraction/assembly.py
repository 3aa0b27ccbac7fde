"""Assembles the pieces of a level into one mesh, and tests whether it is watertight."""

from dataclasses import replace

import numpy as np
import torch

from ..geometry.meshes import Mesh
from .placing import Vertices

# Odd constants of the SplitMix64 hash.
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))


class Pieces:
    """The vertices and triangles of one level, in the order of their discovery.

    Parameters
    ----------
    blank_normals
        The vertices come without normals and get those of their triangles.
    """

    def __init__(self, *, blank_normals: bool = False) -> None:
        self._blank_normals = blank_normals
        self._vertices: list[tuple[np.ndarray | None, ...]] = []
        self._faces: list[np.ndarray] = []

    def add(self, vertices: Vertices, faces: torch.Tensor) -> None:
        """Add vertices and triangles; faces may reference any vertex added so far."""
        arrays = (vertices.positions, vertices.normals, vertices.colors)
        self._vertices.append(tuple(None if a is None else a.cpu().numpy() for a in arrays))
        self._faces.append(faces.cpu().numpy())

    def mesh(self) -> Mesh:
        """Return the mesh of all pieces."""
        parts = zip(*self._vertices, strict=True)
        positions, normals, colors = (
            None if any(p is None for p in part) else np.concatenate(part) for part in parts
        )
        assert positions is not None  # only normals and colours are optional
        mesh = Mesh(positions, np.concatenate(self._faces), normals, colors)
        if self._blank_normals:
            return replace(mesh, normals=face_normals(mesh))
        return _without_blank_normals(mesh)

    def last(self, mesh: Mesh) -> Mesh:
        """Return the triangles added last with their vertices; `mesh` is the whole mesh."""
        faces = self._faces[-1]
        # Their vertices are among the last ones: cut off the others before the search in `part`.
        first = faces.min(initial=len(mesh.vertices))
        normals, colors = (None if a is None else a[first:] for a in (mesh.normals, mesh.colors))
        return part(Mesh(mesh.vertices[first:], faces - first, normals, colors))


def part(mesh: Mesh, faces: np.ndarray | None = None) -> Mesh:
    """Return the triangles of a mesh selected by a (F,) mask (None: all) with their vertices."""
    kept = mesh.faces if faces is None else mesh.faces[faces]
    used = np.zeros(len(mesh.vertices), bool)  # (V,)
    used[kept.reshape(-1)] = True
    renumbered = np.cumsum(used, dtype=np.int32) - 1  # (V,) new number of each used vertex
    normals, colors = (None if a is None else a[used] for a in (mesh.normals, mesh.colors))
    return Mesh(mesh.vertices[used], renumbered[kept], normals, colors)


def joined(first: Mesh, second: Mesh) -> Mesh:
    """Concatenate two meshes without welding vertices."""
    normals, colors = (
        None if a is None or b is None else np.concatenate([a, b])
        for a, b in ((first.normals, second.normals), (first.colors, second.colors))
    )
    offset = np.int32(len(first.vertices))
    return Mesh(
        np.concatenate([first.vertices, second.vertices]),
        np.concatenate([first.faces, second.faces + offset]),
        normals,
        colors,
    )


def faces_past(mesh: Mesh, x: float) -> Mesh:
    """Return the triangles past the plane of cell borders at `x`; none crosses it."""
    return part(mesh, mesh.vertices[:, 0][mesh.faces].mean(axis=1) > x)


def face_normals(mesh: Mesh) -> np.ndarray:
    """Return (V, 3) unit vertex normals: area-weighted means over the adjacent triangles."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
    area = np.cross(b - a, c - a)  # (F, 3) normal times twice the area
    total = np.zeros((len(mesh.vertices), 3))  # sums over the triangles around each vertex
    for axis in range(3):
        for k in range(3):
            total[:, axis] += np.bincount(
                mesh.faces[:, k], weights=area[:, axis], minlength=len(total)
            )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return (total / np.where(length > 0, length, 1)).astype(np.float32)


def _without_blank_normals(mesh: Mesh) -> Mesh:
    """Give vertices with zero field gradient the normal of their adjacent triangles."""
    if mesh.normals is None:
        return mesh
    blank = ~mesh.normals.any(axis=1)
    if blank.any():
        mesh.normals[blank] = face_normals(mesh)[blank]
    return mesh


def is_watertight(faces: np.ndarray) -> bool:
    """Whether every directed edge of the triangles has its opposite.

    Each edge (a, b) gets a pseudo-random 64-bit number, negated where b < a. The sum is zero for
    closed, consistently oriented triangles, and otherwise with a probability of 2^-64. Sorting a
    million edges would take as long as the extraction.
    """
    total = 0
    for start in range(0, len(faces), 1 << 16):
        block = faces[start : start + (1 << 16)].astype(np.uint64)
        ends = np.roll(block, -1, axis=1)  # (F, 3) end of the edge from each corner
        # A hash of the undirected edge; the sign carries the direction.
        number = (np.minimum(block, ends) << np.uint64(32) | np.maximum(block, ends)) * _MIX[0]
        number = (number ^ number >> np.uint64(29)) * _MIX[1]
        number ^= number >> np.uint64(32)
        total += int(np.where(block < ends, number, -number).sum())
    return len(faces) > 0 and total % 2**64 == 0
