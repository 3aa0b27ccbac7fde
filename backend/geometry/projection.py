"""The one projection of points into images, for tensors of cameras of any leading shape."""

import torch
from torch import Tensor

NEAREST = 1e-6  # a depth nearer to 0 counts as this, so pixels are finite


def in_camera_axes(points: Tensor, extrinsics: Tensor) -> Tensor:
    """Return points in the axes of cameras: x right, y down, z forward.

    Parameters
    ----------
    points : (..., N, 3)
    extrinsics : (..., 3 or 4, 4) camera_from_points; leading axes broadcast with those of `points`

    Returns
    -------
    (..., N, 3)
    """
    return points @ extrinsics[..., :3, :3].mT + extrinsics[..., None, :3, 3]


def project(
    points: Tensor, extrinsics: Tensor, intrinsics: Tensor, *, orthographic: bool | Tensor = False
) -> tuple[Tensor, Tensor]:
    """Project points into images; differentiable in everything.

    Parameters
    ----------
    points, extrinsics : as `in_camera_axes` takes them
    intrinsics : (..., 4), fx fy cx cy in pixels; orthographic: pixels per unit of length
    orthographic : for all cameras, or (...) bool, for each

    Returns
    -------
    pixels : (..., N, 2), x right and y down from the top left corner, pixel centres at +0.5;
        meaningless but finite for points behind a pinhole
    depth : (..., N), along the optical axis
    """
    local = in_camera_axes(points, extrinsics)
    depth = local[..., 2]
    plane = local[..., :2]
    if orthographic is not True:
        safe = torch.where(depth.abs() < NEAREST, torch.full_like(depth, NEAREST), depth)
        if isinstance(orthographic, Tensor):
            safe = torch.where(orthographic[..., None], torch.ones_like(safe), safe)
        plane = plane / safe[..., None]
    return plane * intrinsics[..., None, :2] + intrinsics[..., None, 2:], depth
