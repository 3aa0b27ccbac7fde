"""A shape: parts in the object frame, to be evaluated, meshed and rendered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...contract.camera_ranges import LONGEST_SIDE
from ...contract.errors import WorkError
from ...geometry.meshes import Mesh
from .parts import Body, Part

if TYPE_CHECKING:
    from .batch import ShapeBatch
    from .surface import ShapeSurface


@dataclass(frozen=True, eq=False)
class Shape:
    """Bodies made of parts, in the object frame (+Z up, front -Y, inside [-0.9, 0.9]^3).

    The shape is the sharp union of its bodies; a body is the union of its parts minus its cuts.

    Attributes
    ----------
    name : the category
    parts : in order of creation
    bodies : indexed by `Part.body`
    extents : (3,) float64, sides of the bounding box; the box is centred on the origin
    """

    name: str
    parts: tuple[Part, ...]
    bodies: tuple[Body, ...]
    extents: np.ndarray

    @cached_property
    def batch(self) -> "ShapeBatch":
        """The shape as a batch of one, on the CPU."""
        from .batch import ShapeBatch

        return ShapeBatch([self])

    @cached_property
    def surface(self) -> "ShapeSurface":
        """Triangles of the visible surface with sharp edges; may overlap inside."""
        from .surface import surface_of

        return surface_of(self)

    @property
    def diagonal(self) -> float:
        """Length of the bounding box's diagonal."""
        return float(np.linalg.norm(self.extents))

    def distance(self, points: Tensor) -> Tensor:
        """Return signed distances, (P,) float32, at (P, 3) points."""
        return self.batch.distance(points[None].float())[0]

    def color(self, points: Tensor) -> Tensor:
        """Return the colour of the nearest part, (P, 4) float32 linear RGBA, at (P, 3) points."""
        return self.batch.color(points[None].float())[0]

    def mesh(self, resolution: int = 128) -> Mesh:
        """Return one closed mesh by marching cubes, `resolution` cells along the cube's side."""
        return self.batch.meshes(resolution)[0]

    def tobytes(self) -> bytes:
        """Serialise all numbers of the shape; equal shapes have equal bytes."""
        chunks = [self.name.encode(), np.asarray(self.extents, np.float64).tobytes()]
        for body in self.bodies:
            chunks.append(np.array([body.blend, body.cut_blend], np.float64).tobytes())
        for part in self.parts:
            role = np.array([part.kind, part.body, part.cut, len(part.numbers)], np.int64)
            look = np.array([*part.material.color, part.material.gloss], np.float64)
            chunks += [a.tobytes() for a in (role, part.numbers, part.frame, look)]
        return b"".join(chunks)


def placed(
    name: str, parts: Sequence[Part], bodies: Sequence[Body], lower: np.ndarray, upper: np.ndarray
) -> Shape:
    """Return a shape translated and scaled so that the box (lower, upper) is normalised.

    Normalised: centred at the origin with a longest side of 1.8.
    """
    size = upper - lower
    if not (np.isfinite(size).all() and size.max() > 0):
        raise WorkError(f"The shape {name} has no size: its box is {lower} to {upper}.")
    scale = LONGEST_SIDE / float(size.max())
    translation = -scale * (lower + upper) / 2
    return Shape(
        name,
        tuple(part.moved(scale, translation) for part in parts),
        tuple(replace(b, blend=b.blend * scale, cut_blend=b.cut_blend * scale) for b in bodies),
        size * scale,
    )


def normalized(name: str, parts: Sequence[Part], bodies: Sequence[Body]) -> Shape:
    """Return the shape in the object frame, from parts in any unit."""
    from .bounds import bounds_of

    # The search for the box has tolerances in object units, so scale the parts roughly first.
    corners = [part.bounds() for part in parts if not part.cut]
    lower = np.min([low for low, _ in corners], axis=0)
    upper = np.max([high for _, high in corners], axis=0)
    rough = placed(name, parts, bodies, lower, upper)
    return placed(name, rough.parts, rough.bodies, *bounds_of(rough))


def torch_points(points: np.ndarray) -> Tensor:
    """Return (N, 3) float32 points for a shape's methods."""
    return torch.from_numpy(np.ascontiguousarray(points, np.float32))
