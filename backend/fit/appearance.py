"""Appearance model of a fit: albedo per point, second-order harmonic light, one highlight.

    colour = albedo(x) * (Y(n) . light) + exp(a) * exp(exp(b) * (r . l - 1))

with n the normal, Y its nine second-order harmonics, r the view's reflection at n and l the mean
direction of the light's linear part. The diffuse part is Ramamoorthi and Hanrahan's: An Efficient
Representation for Irradiance Environment Maps, 2001. Colours are linear until `encoded`.
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

HARMONICS = 9
GLOBALS = 3 * HARMONICS + 2  # light, then the highlight's a and b
HIGHLIGHT = (-3.0, 2.0)  # a and b at first: faint and broad
GAMMA = 1.0 / 2.2
DARKEST = 1e-4  # linear; below it the encoding is linear, so that its slope stays bounded


def harmonics(normals: Tensor) -> Tensor:
    """Return (N, 9) the second-order harmonics, unnormalised, of unit `normals`, (N, 3)."""
    x, y, z = normals.unbind(-1)
    ones = torch.ones_like(x)
    return torch.stack([ones, x, y, z, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], -1)


def first_globals(device: torch.device) -> Tensor:
    """Return (GLOBALS,) even white light and a faint highlight."""
    values = torch.zeros(GLOBALS, device=device)
    values[:3] = 1.0
    values[-2], values[-1] = HIGHLIGHT
    return values


def shade(albedo: Tensor, normals: Tensor, directions: Tensor, shared: Tensor) -> Tensor:
    """Return (N, 3) linear colours.

    Parameters
    ----------
    albedo : (N, 3) in [0, 1]
    normals : (N, 3) unit, outwards
    directions : (N, 3) unit, from the camera to the point
    shared : (GLOBALS,) light and highlight
    """
    light = shared[:-2].view(HARMONICS, 3)
    towards = normalize(light[1:4].detach().sum(1), dim=0, eps=1e-3)
    along = directions @ towards
    reflected = along - 2.0 * (directions * normals).sum(1) * (normals @ towards)
    highlight = torch.exp(shared[-2] + torch.exp(shared[-1]) * (reflected - 1.0))
    return albedo * (harmonics(normals) @ light) + highlight[:, None]


def encoded(linear: Tensor) -> Tensor:
    """Return encoded colours, by a power law instead of sRGB's two pieces."""
    return linear.clamp_min(DARKEST) ** GAMMA
