"""Procedural shapes: parametric programs over signed-distance solids, batched in torch.

shape = sample_shape("chair", seed=7)           # parts, colours, box: normal in the object frame
batch = ShapeBatch([shape, ...], device)
values = batch.distance(points)                 # (B, P, 3) -> (B, P), negative inside
"""

from . import categories as categories_  # noqa: F401 - importing them registers them
from .animated import ANIMATED as ANIMATED
from .animated import Animated as Animated
from .animated import sample_animated as sample_animated
from .batch import ShapeBatch as ShapeBatch
from .registry import categories, sample_shape
from .sampling import near_surface_points as near_surface_points
from .sampling import surface_points as surface_points
from .sampling import uniform_points as uniform_points
from .shape import Shape as Shape

CATEGORIES = categories()

__all__ = [
    "ANIMATED",
    "CATEGORIES",
    "Animated",
    "Shape",
    "ShapeBatch",
    "near_surface_points",
    "sample_animated",
    "sample_shape",
    "surface_points",
    "uniform_points",
]
