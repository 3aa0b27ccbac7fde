"""Perspective and orthographic projection of points, differentiable in everything.

`contract.cameras.project` is its twin for code without torch.
"""

import torch
from torch import Tensor

NEAREST = 1e-6  # depths closer to 0 than this are replaced, so that pixels stay finite


def to_pixels(
    local: Tensor, intrinsics: Tensor, orthographic: bool | Tensor
) -> tuple[Tensor, Tensor]:
    """Project points given in camera axes.

    Parameters
    ----------
    local : (..., 3), x right, y down, z forward
    intrinsics : broadcastable to (..., 4), fx fy cx cy in pixels
    orthographic : for all points, or broadcastable to (..., 1)

    Returns
    -------
    pixels : (..., 2), from the top left corner, pixel centres at +0.5
    depth : (...,), along the optical axis; not positive is behind a pinhole, where `pixels` are
        finite but meaningless
    """
    depth = local[..., 2:]
    plane = local[..., :2]
    if orthographic is not True:
        safe = torch.where(depth.abs() < NEAREST, torch.full_like(depth, NEAREST), depth)
        if isinstance(orthographic, Tensor):
            safe = torch.where(orthographic, torch.ones_like(depth), safe)
        plane = plane / safe
    return plane * intrinsics[..., :2] + intrinsics[..., 2:], depth[..., 0]


def project_points(
    points: Tensor,
    camera_from_points: Tensor,
    intrinsics: Tensor,
    *,
    orthographic: bool | Tensor = False,
) -> tuple[Tensor, Tensor]:
    """Project points into V images.

    Parameters
    ----------
    points : (..., N, 3)
    camera_from_points : (..., V, 4, 4), camera axes x right, y down, z forward
    intrinsics : (..., V, 4), fx fy cx cy in pixels
    orthographic : of all cameras, or (..., V) bool

    Returns
    -------
    pixels : (..., V, N, 2), from the top left corner, pixel centres at +0.5
    depth : (..., V, N), along the optical axis
    """
    rotation, translation = camera_from_points[..., :3, :3], camera_from_points[..., None, :3, 3]
    local = points[..., None, :, :] @ rotation.transpose(-1, -2) + translation  # (..., V, N, 3)
    flags = orthographic[..., None, None] if isinstance(orthographic, Tensor) else orthographic
    return to_pixels(local, intrinsics[..., None, :], flags)
