"""Reflection in the volume's plane x = 0, in which most objects are symmetric."""

import torch
from torch import Tensor

from .field import Field


def mirror(points: Tensor) -> Tensor:
    """Return points, (..., 3), reflected in x = 0."""
    return points * points.new_tensor([-1.0, 1.0, 1.0])


def likelier_voxels(voxels: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each voxel the likelier one of itself and its reflection.

    Parameters
    ----------
    voxels : (P, 3) indices
    logits : (n, n, n) of the probability that a voxel is occupied

    Returns
    -------
    (P, 3) indices, and (P,) bool: it is the reflection.
    """
    mirrored = (logits.flip(0) > logits)[tuple(voxels.unbind(1))]
    opposite = torch.cat([len(logits) - 1 - voxels[:, :1], voxels[:, 1:]], 1)
    return torch.where(mirrored[:, None], opposite, voxels), mirrored


class _OfAnother(Field):
    """A field made of another one's values, with its properties."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.kind, self.device, self.block = field.kind, field.device, field.block
        self.lipschitz = field.lipschitz


class MirroredField(_OfAnother):
    """A field averaged with its reflection in x = 0.

    For a symmetric object these are two estimates of one value whose errors are only partly
    correlated, so the mean is better.

    Parameters
    ----------
    field
        Any field.
    """

    def __call__(self, points: Tensor) -> Tensor:
        return (self.field(points) + self.field(mirror(points))) / 2

    def color(self, points: Tensor) -> Tensor | None:
        """Return the mean of both colours, (N, 4); None where there is none."""
        here, there = self.field.color(points), self.field.color(mirror(points))
        return None if here is None or there is None else (here + there) / 2


class ReflectedField(_OfAnother):
    """A field reflected in x = 0, as one of a reflected image has to be.

    Parameters
    ----------
    field
        Any field.
    """

    def __call__(self, points: Tensor) -> Tensor:
        return self.field(mirror(points))

    def color(self, points: Tensor) -> Tensor | None:
        """Return the colour of the reflected point, (N, 4); None where there is none."""
        return self.field.color(mirror(points))
