"""Depth maps from the relative depth that a depth network predicts, and back."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..contract.errors import RequestError

BACKGROUND = 0.99  # relative depth above which a pixel shows no object


@dataclass(frozen=True)
class DepthRange:
    """The range of a depth network, in volume units.

    The network sees every object as from a training distance. Where a camera is nearer or farther
    than all training cameras, the difference is added to the depth.

    Attributes
    ----------
    nearest, farthest : depths of the relative depths 0 and 1
    near, far : least and greatest distance of the training cameras from the volume's centre
    """

    nearest: float
    farthest: float
    near: float
    far: float

    def depths(self, relative: Tensor, distance: Tensor) -> Tensor:
        """Return depth maps, (N, h, h), infinite at the background.

        Parameters
        ----------
        relative : (N, h, h) in (0, 1)
        distance : (N,), of the volume's centre from each camera, along its axis
        """
        depth = self.nearest + relative * (self.farthest - self.nearest)
        depth = depth + self.excess(distance)[:, None, None]
        return torch.where(relative > BACKGROUND, torch.inf, depth)

    def relative(self, depth: Tensor, distance: Tensor) -> Tensor:
        """Return the relative depth in [0, 1], which the network learns, of maps (N, h, h)."""
        depth = depth - self.excess(distance)[:, None, None]
        return ((depth - self.nearest) / (self.farthest - self.nearest)).clamp(0, 1)

    def excess(self, distance: Tensor) -> Tensor:
        """Return the excess of distances over those of the training cameras; negative if nearer."""
        return distance - distance.clamp(self.near, self.far)


def no_depth_network(title: str) -> RequestError:
    """Return the error of weights without a depth network, asked for a depth map."""
    return RequestError(
        f"These weights of {title} have no depth network, so every image needs its depth.",
        "Use weights that can estimate it.",
    )
