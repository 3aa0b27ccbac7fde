"""Real meshes: read them, mend them, tell inside from outside, draw points from them."""

from .reading import SUFFIXES, Asset, NoSurface, find_assets, read_asset
from .repair import MeshReport, mend, usable
from .sampling import DISTRIBUTIONS, PointSet, sample_points
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
    "mend",
    "read_asset",
    "sample_points",
    "usable",
]
