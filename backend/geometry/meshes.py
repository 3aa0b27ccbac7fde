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
