"""What a mesh file holds."""

from pathlib import Path

from levelform.backend.data.meshes import read_asset
from levelform.backend.geometry.meshes import Mesh


def read_mesh(path: str | Path) -> Mesh:
    """Return the mesh of a file, +Z up."""
    return read_asset(path).mesh
