"""Real meshes: reading, repair, inside tests, and sampling of points."""

from .reading import SUFFIXES, Asset, NoSurface, find_assets, read_asset
from .repair import MeshReport, mend, usable
from .sampling import DISTRIBUTIONS, PointSet, grid_vertices, sample_points
from .solid import Solid, SurfaceSamples

__all__ = [
    "DISTRIBUTIONS",
    "SUFFIXES",
    "Asset",
    "MeshReport",
    "NoSurface",
    "PointSet",
    "Solid",
    "SurfaceSamples",
    "find_assets",
    "grid_vertices",
    "mend",
    "read_asset",
    "sample_points",
    "usable",
]
