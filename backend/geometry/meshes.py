"""The mesh type, made by extraction and read by everything else."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

EDGE_BLOCK = 200_000  # corners whose edges are sorted at once, a few hundredths of a second


@dataclass(frozen=True)
class Mesh:
    """Triangles in the volume's frame.

    Attributes
    ----------
    vertices : (V, 3) float32, volume frame
    faces : (F, 3) int32, counter-clockwise as seen from outside
    normals : (V, 3) float32, unit length, pointing outwards; None if not requested
    colors : (V, 4) float32, linear RGBA; None if the field has no colour
    seen : (V,) float32 in [0, 1]: 1 where images say the colour, 0 where it is filled in; None when
        nobody knows
    """

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray | None = None
    colors: np.ndarray | None = None
    seen: np.ndarray | None = None

    @classmethod
    def empty(cls) -> "Mesh":
        """Return the mesh without vertices."""
        return cls(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))


def mesh_edges(
    faces: np.ndarray, check: Callable[[], None] = lambda: None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of triangles, and the edge that starts at each corner.

    Parameters
    ----------
    faces : (F, 3) int32
    check : called between parts of the work; may raise to cancel it

    Returns
    -------
    edges : (E, 2) int32, each once, the smaller vertex first, in ascending order
    corner_edges : (3 F,) int32, index of the edge from a corner to the next one of its triangle
    """
    after = np.roll(faces, -1, axis=1)
    low, high = np.minimum(faces, after).reshape(-1), np.maximum(faces, after).reshape(-1)
    corner_edges = np.zeros(len(low), np.int32)
    edges: list[np.ndarray] = [np.zeros((0, 2), np.int32)]
    count = 0
    # Parts by the smaller vertex have disjoint edges, and each is sorted quickly.
    parts = len(low) // EDGE_BLOCK + 1
    borders = np.linspace(0, int(low.max(initial=0)) + 1, parts + 1).astype(np.int64)
    for start, stop in pairwise(borders):
        check()
        here = np.flatnonzero((low >= start) & (low < stop))
        keys = (low[here].astype(np.int64) << 32) | high[here]
        unique, index = np.unique(keys, return_inverse=True)
        edges.append(np.stack([unique >> 32, unique & 0xFFFFFFFF], axis=1).astype(np.int32))
        corner_edges[here] = index.reshape(-1) + count
        count += len(unique)
    return np.concatenate(edges), corner_edges
