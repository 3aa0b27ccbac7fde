"""Representations of rotations that networks predict."""

import torch
from torch import Tensor


def rotation_from_6d(numbers: Tensor) -> Tensor:
    """Return rotations from six numbers each, a continuous representation.

    x = N(b[:3]), z = N(x cross b[3:]), y = z cross x are the *rows* of the rotation (Zhou et al.,
    "On the Continuity of Rotation Representations in Neural Networks", CVPR 2019; DISN, Eq. 1).

    Parameters
    ----------
    numbers : (..., 6)

    Returns
    -------
    (..., 3, 3), orthonormal with determinant 1
    """
    x = _unit(numbers[..., :3])
    z = _unit(torch.linalg.cross(x, numbers[..., 3:]))
    return torch.stack([x, torch.linalg.cross(z, x), z], dim=-2)


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-8)
