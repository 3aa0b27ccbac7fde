"""The mesh that extraction makes and everything else reads."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mesh:
    """Triangles in the volume's frame.

    Attributes
    ----------
    vertices : (V, 3) float32, volume frame
    faces : (F, 3) int32, counter-clockwise seen from outside
    normals : (V, 3) float32, unit length, pointing outside; None when not asked for
    colors : (V, 4) float32, linear RGBA; None when the field has no colour
    """

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray | None = None
    colors: np.ndarray | None = None

    @classmethod
    def empty(cls) -> "Mesh":
        """Return the mesh without vertices."""
        return cls(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))


def mesh_edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of triangles, and which of them follows each corner.

    Parameters
    ----------
    faces : (F, 3) int32

    Returns
    -------
    edges : (E, 2) int32, each once, the smaller vertex first, in ascending order
    corner_edges : (3 F,) int32, index of the edge from a corner to the next one of its triangle
    """
    pairs = np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2)
    keys = (pairs.min(1).astype(np.int64) << 32) | pairs.max(1)
    unique, corner_edges = np.unique(keys, return_inverse=True)
    edges = np.stack([unique >> 32, unique & 0xFFFFFFFF], axis=1)
    return edges.astype(np.int32), corner_edges.reshape(-1).astype(np.int32)
