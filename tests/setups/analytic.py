"""Fields with a formula, for tests and benches."""

import math
from collections.abc import Sequence

import torch
from levelform.backend.fields import Field
from torch import Tensor


class Sphere(Field):
    """A ball's signed distance.

    Parameters
    ----------
    radius
        In volume units.
    center
        Volume frame.
    """

    lipschitz = 1.0

    def __init__(self, radius: float = 0.7, center: Sequence[float] = (0.0, 0.0, 0.0)) -> None:
        self.radius, self.center = radius, tuple(center)

    def __call__(self, points: Tensor) -> Tensor:
        """Return |p - center| - radius."""
        return (
            torch.linalg.vector_norm(points - points.new_tensor(self.center), dim=1) - self.radius
        )


class Torus(Field):
    """The signed distance of a ring around the z axis; radii in volume units."""

    lipschitz = 1.0

    def __init__(self, ring: float = 0.6, tube: float = 0.2) -> None:
        self.ring, self.tube = ring, tube

    def __call__(self, points: Tensor) -> Tensor:
        """Return the distance to the ring's centre line, less the tube's radius."""
        out = torch.hypot(points[:, 0], points[:, 1]) - self.ring
        return torch.hypot(out, points[:, 2]) - self.tube


class Gyroid(Field):
    """Schoen's gyroid, which divides space into two congruent labyrinths; the solid is one of them.

    sin kx cos ky + sin ky cos kz + sin kz cos kx has a slope of at most sqrt(3) k, by which it is
    divided: values are at most the distance.

    Parameters
    ----------
    period
        Volume units after which it repeats.
    offset
        Added to the values: positive makes the labyrinth thinner.
    """

    lipschitz = 1.0

    def __init__(self, period: float = 1.0, offset: float = 0.0) -> None:
        self.wave, self.offset = 2 * math.pi / period, offset

    def __call__(self, points: Tensor) -> Tensor:
        """Return the scaled sum of products."""
        sine, cosine = torch.sin(self.wave * points), torch.cos(self.wave * points)
        total = (sine * cosine.roll(-1, dims=1)).sum(dim=1)
        return total / (math.sqrt(3) * self.wave) + self.offset


class Boxes(Field):
    """A union of axis-aligned boxes: the exact distance outside, a bound of it inside.

    Parameters
    ----------
    lower, upper
        (B, 3) corners, volume frame.
    """

    lipschitz = 1.0

    def __init__(self, lower: Sequence[Sequence[float]], upper: Sequence[Sequence[float]]) -> None:
        low, high = torch.tensor(lower), torch.tensor(upper)
        self.center, self.half = (low + high) / 2, (high - low) / 2

    def __call__(self, points: Tensor) -> Tensor:
        """Return the least of the boxes' distances."""
        nearest = points.new_full((len(points),), torch.inf)
        for center, half in zip(self.center.to(points), self.half.to(points), strict=True):
            out = (points - center).abs() - half
            distance = torch.linalg.vector_norm(out.clamp(min=0), dim=1)
            distance = distance + out.amax(dim=1).clamp(max=0)
            nearest = torch.minimum(nearest, distance)
        return nearest


class Rods(Field):
    """A union of round-ended rods (capsules): their signed distance.

    Parameters
    ----------
    start, end
        (R, 3) end points of the axes, volume frame.
    radius
        In volume units.
    """

    lipschitz = 1.0

    def __init__(
        self, start: Sequence[Sequence[float]], end: Sequence[Sequence[float]], radius: float
    ) -> None:
        self.start, self.end, self.radius = torch.tensor(start), torch.tensor(end), radius

    def __call__(self, points: Tensor) -> Tensor:
        """Return the least distance to an axis, less the radius."""
        nearest = points.new_full((len(points),), torch.inf)
        for start, end in zip(self.start.to(points), self.end.to(points), strict=True):
            axis = end - start
            along = ((points - start) @ axis / (axis @ axis)).clamp(0, 1)
            away = points - start - along[:, None] * axis
            distance = torch.linalg.vector_norm(away, dim=1) - self.radius
            nearest = torch.minimum(nearest, distance)
        return nearest
