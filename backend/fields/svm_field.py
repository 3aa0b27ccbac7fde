"""A solved kernel SVM in a warped space as a field: TDGN's, baked."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .field import Field
from .mlp import affine_bounds
from .rbf import rbf_bounds

LIFT = 4.0  # above every coordinate of the volume


class SVMField(Field):
    """bias + sum_i weights_i exp(-|z_i - z(p)|^2), z(p) = straight(p) + warp(p).

    The sum is a matrix product, exp(2 z_i.z - |z_i|^2 - |z|^2).

    Parameters
    ----------
    straight : (3, 3) and (3,): z = p @ matrix + offset, for points p in the volume's frame
    warp : layers (in, out) and (out,) of a network with ReLUs between them, from p to an offset
        that is added to z; empty for no warp
    support : (N, 3) the points z_i
    weights, bias : (N,) and ()
    """

    kind = "occupancy"

    def __init__(
        self,
        *,
        straight: tuple[Tensor, Tensor],
        warp: Sequence[tuple[Tensor, Tensor]],
        support: Tensor,
        weights: Tensor,
        bias: Tensor,
    ) -> None:
        self.device = support.device
        # Layers 256 wide need smaller blocks than the device's rule to fit in a cache.
        self.block = 2048 if support.device.type == "cpu" else None
        self.straight = straight[0].contiguous(), straight[1]
        self.warp = [(weight.detach().contiguous(), bias.detach()) for weight, bias in warp]
        self.support, self.weights, self.bias = support, weights, bias
        self._centers = (2 * support).T.contiguous()  # (3, N)
        self._norms = -support.square().sum(1)

    def embed(self, points: Tensor) -> Tensor:
        """Return z, (P, 3), of points (P, 3), volume frame."""
        matrix, offset = self.straight
        straight = torch.addmm(offset, points, matrix)
        if not self.warp:
            return straight
        x = points
        for weight, bias in self.warp[:-1]:
            x = torch.addmm(bias, x, weight).relu_()
        weight, bias = self.warp[-1]
        return torch.addmm(straight + bias, x, weight)

    def __call__(self, points: Tensor) -> Tensor:
        z = self.embed(points)
        exponent = torch.addmm(self._norms, z, self._centers) - z.square().sum(1, keepdim=True)
        return exponent.exp_() @ self.weights + self.bias

    def bounds(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
        """Return sound bounds over (N, 3) boxes: affine for the warp, exact for each bump."""
        low, high = affine_bounds(self._lifted(), lower, upper, activation="relu")
        low, high = rbf_bounds(low, high, self.support, self.weights, scale=1.0)
        return low + self.bias, high + self.bias

    def _lifted(self) -> list[tuple[Tensor, Tensor]]:
        """Return `embed` as one network of linear layers, (out, in) weights and biases.

        The point passes the ReLUs beside the hidden neurons, lifted above 0, so the affine form
        keeps the correlation of warp and point.
        """
        matrix, offset = self.straight
        if not self.warp:
            return [(matrix.T, offset)]
        eye, lift = torch.eye(3).to(matrix), torch.full_like(offset, LIFT)
        (first, bias), *hidden, (last, end) = self.warp
        lifted = [(torch.cat([first.T, eye]), torch.cat([bias, lift]))]
        for weight, bias in hidden:
            lifted.append((torch.block_diag(weight.T, eye), torch.cat([bias, 0 * lift])))
        lifted.append((torch.cat([last.T, matrix.T], 1), end + offset - lift @ matrix))
        return lifted
