"""The sRGB transfer functions for tensors, as in `contract.srgb`, with finite gradients."""

import torch
from torch import Tensor


def linear_from_srgb(srgb: Tensor) -> Tensor:
    """Return linear light of sRGB values in [0, 1]; below 0 the linear part continues."""
    curve = ((srgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4
    return torch.where(srgb <= 0.04045, srgb / 12.92, curve)


def srgb_from_linear(linear: Tensor) -> Tensor:
    """Return sRGB values of linear light in [0, 1]; below 0 the linear part continues."""
    curve = 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, 12.92 * linear, curve)
