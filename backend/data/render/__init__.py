"""A fast renderer that needs no display: shapes and meshes to RGBA, depth, normals and albedo.

cameras = sample_cameras("r2n2", 24, seed=0, size=128, extents=shape.extents)
images = render_shapes(ShapeBatch([shape]), cameras, sample_lights(24, seed=0), of=[0] * 24)
"""

from .augment import AUGMENTATIONS as AUGMENTATIONS
from .cameras import RANGE_NAMES as RANGE_NAMES
from .cameras import look_at as look_at
from .cameras import sample_cameras as sample_cameras
from .lights import Lights as Lights
from .lights import sample_lights as sample_lights
from .render import RenderedViews as RenderedViews
from .render import render_mesh as render_mesh
from .render import render_shapes as render_shapes
