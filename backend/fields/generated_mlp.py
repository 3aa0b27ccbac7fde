"""Networks whose weights a hypernetwork predicts: positional encoding, hidden layers, two heads.

The implicit function of SDF-SRN (Lin, Wang, Lucey, NeurIPS 2020, section 3.3): the encoded position
is injected into every hidden layer, features are normalised without affine and rectified, and two
linear heads read a level and a colour.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..geometry.frames import scale_of
from ..geometry.srgb import linear_from_srgb
from .field import Field


def encode_positions(points: Tensor, frequencies: int) -> Tensor:
    """Return (..., 6 L + 3): of each coordinate L sines, then L cosines; then the coordinates.

    The angles are pi, 2 pi, 4 pi, ... times the coordinate, for L = `frequencies` octaves.
    """
    octaves = torch.arange(frequencies, device=points.device, dtype=points.dtype)
    angles = points[..., None] * (2**octaves * math.pi)  # (..., 3, L)
    waves = torch.cat([angles.sin(), angles.cos()], -1).flatten(-2)
    return torch.cat([waves, points], -1)


def fold_positions(points: Tensor, axis: int | None) -> Tensor:
    """Return (..., 3): points mirrored to the positive half of `axis`; None: as they are."""
    if axis is None:
        return points
    return torch.where(torch.arange(3, device=points.device) == axis, points.abs(), points)


@dataclass(frozen=True)
class GeneratedMLP:
    """The networks of N objects, as training sees them.

    Attributes
    ----------
    layers : hidden layers, each (N, inputs + 1, width): row 0 is the bias. The first one reads the
        encoded position (6 L + 3 values), the others features followed by the encoded position
    level_head : (N, width + 1, 1)
    color_head : (N, width + 1, 3)
    frequencies : L
    mirror : axis of the method's frame along which an object is its own mirror image; None: no axis
    """

    layers: tuple[Tensor, ...]
    level_head: Tensor
    color_head: Tensor
    frequencies: int
    mirror: int | None = None

    def features(self, points: Tensor) -> Tensor:
        """Return (N, P, width) at points (N, P, 3), method frame."""
        encoded = encode_positions(fold_positions(points, self.mirror), self.frequencies)
        x = encoded
        for index, layer in enumerate(self.layers):
            x = torch.cat([x, encoded], -1) if index else x
            x = _linear(layer, x)
            x = F.layer_norm(x, x.shape[-1:]).relu()
        return x

    def level(self, features: Tensor) -> Tensor:
        """Return (N, P): the level from features."""
        return _linear(self.level_head, features)[..., 0]

    def color(self, features: Tensor) -> Tensor:
        """Return (N, P, 3): the sRGB colour from features, in [-1, 1]."""
        return _linear(self.color_head, features).tanh()

    def __call__(self, points: Tensor) -> Tensor:
        """Return (N, P): the level at points (N, P, 3), method frame."""
        return self.level(self.features(points))

    def expand(self, count: int) -> "GeneratedMLP":
        """Return the network of one object, repeated for `count` images of it."""
        layers = tuple(layer.expand(count, -1, -1) for layer in self.layers)
        level, color = (h.expand(count, -1, -1) for h in (self.level_head, self.color_head))
        return GeneratedMLP(layers, level, color, self.frequencies, self.mirror)


def _linear(layer: Tensor, x: Tensor) -> Tensor:
    return torch.baddbmm(layer[:, :1], x, layer[:, 1:])


class GeneratedField(Field):
    """One object's network, baked: a layer is two products summed in place, without concatenation.

    Parameters
    ----------
    network
        Of one object.
    method_from_volume
        (4, 4) a similarity: the frame that the network reads.
    occupancy
        The level is a logit, positive inside; else a signed distance in the method's unit.
    """

    def __init__(
        self, network: GeneratedMLP, *, method_from_volume: np.ndarray, occupancy: bool = False
    ) -> None:
        self.kind = "occupancy" if occupancy else "distance"
        self.device = network.level_head.device
        matrix = torch.tensor(method_from_volume, dtype=torch.float32, device=self.device)
        self._rotation, self._translation = matrix[:3, :3].T.contiguous(), matrix[:3, 3]
        self._factor = -1.0 if occupancy else 1.0 / scale_of(method_from_volume)
        self._frequencies, self._mirror = network.frequencies, network.mirror
        layers = [layer[0] for layer in network.layers]
        self._width = layers[0].shape[1]
        self.block = 2048 if self.device.type == "cpu" else None
        encoded = 6 * network.frequencies + 3
        self._bias = [layer[0].contiguous() for layer in layers]
        self._position = [layer[-encoded:].contiguous() for layer in layers]
        self._hidden = [layer[1:-encoded].contiguous() for layer in layers[1:]]
        self._level, self._color = network.level_head[0], network.color_head[0]

    def __call__(self, points: Tensor) -> Tensor:
        head = self._level
        return torch.addmm(head[0], self._features(points), head[1:])[:, 0] * self._factor

    def color(self, points: Tensor) -> Tensor:
        """Return (N, 4) linear RGBA, alpha 1, at `points`, (N, 3) volume frame."""
        head = self._color
        srgb = torch.addmm(head[0], self._features(points), head[1:]).tanh() / 2 + 0.5
        linear = linear_from_srgb(srgb)
        return torch.cat([linear, torch.ones_like(linear[:, :1])], 1)

    def _features(self, points: Tensor) -> Tensor:
        places = fold_positions(points @ self._rotation + self._translation, self._mirror)
        encoded = encode_positions(places, self._frequencies)
        x = None
        for index, (bias, weights) in enumerate(zip(self._bias, self._position, strict=True)):
            total = torch.addmm(bias, encoded, weights)
            if x is not None:
                total.addmm_(x, self._hidden[index - 1])
            x = F.layer_norm(total, (self._width,)).relu_()
        assert x is not None
        return x
