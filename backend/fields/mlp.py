"""A multi-layer perceptron of the point as a field, with sound bounds over boxes.

The bounds are affine arithmetic (Comba and Stolfi 1993; for networks, Sharp and Jacobson,
"Spelunking the Deep", 2022, section 4): over a box each neuron is c + A x + e, with x in [-1, 1]^3
the position in the box and e an error of bounded size. Linear layers keep that form up to rounding;
an activation is replaced by a line and the greatest distance from it. One box costs about as much
as five points.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from .field import Field, FieldKind

Activation = Literal["elu", "relu", "tanh"]
Layer = tuple[Tensor, Tensor]
"""(out, in) weight and (out,) bias."""

_FUNCTIONS = {"elu": functional.elu, "relu": torch.relu, "tanh": torch.tanh}
_ROUNDING = 2 * torch.finfo(torch.float32).eps
"""Error of a float32 sum of products, relative to the sum of their magnitudes, for each term: the
field's own rounding and that of the bounds."""


class MlpField(Field):
    """A network of linear layers with an activation between them.

    Parameters
    ----------
    layers
        (weight (out, in), bias (out,)) of each layer; the first takes 3 numbers, the last gives 1.
    activation
        Between the layers.
    kind
        What the values mean.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        activation: Activation = "elu",
        kind: FieldKind = "occupancy",
    ) -> None:
        if layers[0][0].shape[1] != 3 or layers[-1][0].shape[0] != 1:
            shapes = [tuple(weight.shape) for weight, _ in layers]
            raise ValueError(f"the first layer takes 3 numbers, the last gives 1; got {shapes}")
        self.layers, self.kind = list(layers), kind
        self.activation: Activation = activation
        self.device = layers[0][0].device

    def __call__(self, points: Tensor) -> Tensor:
        """Evaluate the network: (N, 3) to (N,)."""
        function = _FUNCTIONS[self.activation]
        hidden = points
        for weight, bias in self.layers[:-1]:
            hidden = function(torch.addmm(bias, hidden, weight.T))
        weight, bias = self.layers[-1]
        return torch.addmm(bias, hidden, weight.T)[:, 0]

    def bounds(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
        """Return sound bounds over (N, 3) boxes."""
        low, high = affine_bounds(self.layers, lower, upper, activation=self.activation)
        return low[:, 0], high[:, 0]


def affine_bounds(
    layers: Sequence[Layer], lower: Tensor, upper: Tensor, *, activation: Activation
) -> tuple[Tensor, Tensor]:
    """Return bounds of a network's outputs over boxes of its inputs, by affine arithmetic.

    Parameters
    ----------
    layers
        (weight (out, in), bias (out,)); the activation stands between them, not after the last.
    lower, upper
        (N, D) corners of the boxes.
    activation
        Between the layers.

    Returns
    -------
    low, high : (N, out)
    """
    form = _Affine.over(lower, upper)
    for weight, bias in layers[:-1]:
        form = form.linear(weight, bias).activated(activation)
    form = form.linear(*layers[-1])
    return form.range()


class _Affine:
    """Neurons over boxes as center + slopes . x + error, x in [-1, 1]^D.

    center : (N, W)    slopes : (N, D, W)    error : (N, W), not negative
    """

    def __init__(self, center: Tensor, slopes: Tensor, error: Tensor) -> None:
        self.center, self.slopes, self.error = center, slopes, error

    @classmethod
    def over(cls, lower: Tensor, upper: Tensor) -> "_Affine":
        """Return the boxes' own coordinates."""
        return cls((lower + upper) / 2, torch.diag_embed((upper - lower) / 2), 0 * lower)

    def range(self) -> tuple[Tensor, Tensor]:
        """Return the least and the greatest value, (N, W) each."""
        reach = self.slopes.abs().sum(dim=1) + self.error
        return self.center - reach, self.center + reach

    def linear(self, weight: Tensor, bias: Tensor) -> "_Affine":
        """Return the neurons after a linear layer: exact up to the error's signs and rounding."""
        fraction = _ROUNDING * weight.shape[1]
        size = self.center.abs() + self.slopes.abs().sum(dim=1) + self.error
        error = (self.error + fraction * size) @ weight.abs().T + fraction * bias.abs()
        center = torch.addmm(bias, self.center, weight.T)
        return _Affine(center, self.slopes @ weight.T, error)

    def activated(self, activation: Activation) -> "_Affine":
        """Return the neurons after an activation, each replaced by the line slope x + middle."""
        low, high = self.range()
        slope, middle, reach = _line(activation, low, high)
        return _Affine(
            slope * self.center + middle,
            slope[:, None] * self.slopes,
            slope * self.error + reach,
        )


def _line(activation: Activation, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return (slope, middle, reach): |activation(x) - slope x - middle| <= reach on [low, high]."""
    function = _FUNCTIONS[activation]
    if activation == "tanh":  # the flatter end's slope: what remains rises from end to end
        at_low, at_high = function(low), function(high)
        slope = torch.minimum(1 - at_low**2, 1 - at_high**2)
        bottom, top = at_low - slope * low, at_high - slope * high
    else:  # convex: the chord lies above, the parallel tangent below
        at_low, at_high = function(low), function(high)
        width = high - low
        slope = torch.where(width > 1e-6, (at_high - at_low) / width.clamp(min=1e-6), 0.0)
        slope = slope.clamp(0.0, 1.0)
        touch = torch.zeros_like(low) if activation == "relu" else slope.clamp(min=1e-30).log()
        touch = touch.clamp(min=low, max=high)
        bottom = function(touch) - slope * touch
        top = torch.maximum(at_low - slope * low, at_high - slope * high)
    return slope, (top + bottom) / 2, (top - bottom).clamp(min=0) / 2
