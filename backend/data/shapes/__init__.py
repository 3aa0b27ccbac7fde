"""Procedural shapes: parametric programs over signed-distance solids, batched in torch.

shape = sample_shape("chair", seed=7)           # parts, colours, box: normal in the object frame
batch = ShapeBatch([shape, ...], device)
values = batch.distance(points)                 # (B, P, 3) -> (B, P), negative inside
"""

from .batch import ShapeBatch as ShapeBatch
from .registry import categories as categories
from .registry import sample_shape as sample_shape
from .sampling import near_surface_points as near_surface_points
from .sampling import surface_points as surface_points
from .sampling import uniform_points as uniform_points
from .shape import Shape as Shape
