"""Several views made into one: sample features where points project, then reduce over views."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from .contract.errors import RequestError
from .geometry.cameras import Camera
from .geometry.projection import project

Fusion = Literal["mean", "sum", "max", "union", "intersection"]
"""How several views are combined; `reduce_views` knows the first three, methods the others."""


def reduce_views(
    values: Tensor, rule: Fusion = "mean", *, weights: Tensor | None = None, dim: int = 0
) -> Tensor:
    """Reduce over the views.

    Parameters
    ----------
    values : (..., V, ...), V along `dim`
    rule
        "mean" (V equal views are one view), "sum" or "max".
    weights
        Broadcastable to `values`, not negative; for "mean" and "sum". Where all weights are 0 the
        mean is unweighted.
    """
    if rule == "max":
        return values.amax(dim)
    if rule not in ("mean", "sum"):
        raise RequestError(f"Views can't be fused by {rule!r}.", "Choose one of mean, sum, max.")
    if weights is None:
        return values.mean(dim) if rule == "mean" else values.sum(dim)
    if rule == "sum":
        return (values * weights).sum(dim)
    total = weights.sum(dim, keepdim=True)
    safe_weights = torch.where(total > 0, weights, torch.ones_like(weights))
    return (values * safe_weights).sum(dim) / safe_weights.expand_as(values).sum(dim)


def project_points(
    points: Tensor, camera_from_points: Tensor, intrinsics: Tensor, *, orthographic: bool = False
) -> tuple[Tensor, Tensor]:
    """Project the points of B objects into the V images of each; see `geometry.projection`.

    Parameters
    ----------
    points : (B, N, 3)
    camera_from_points : (B, V, 4, 4), camera axes x right, y down, z forward
    intrinsics : (B, V, 4), fx fy cx cy in pixels

    Returns
    -------
    pixels : (B, V, N, 2), from the top left corner, pixel centres at +0.5
    depth : (B, V, N), along the optical axis
    """
    return project(points[:, None], camera_from_points, intrinsics, orthographic=orthographic)


def camera_tensors(cameras: Sequence[Camera], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return `camera_from_points` (V, 4, 4) and `intrinsics` (V, 4) of cameras, float32."""
    poses = np.stack([camera.camera_from_world for camera in cameras]).astype(np.float32)
    intrinsics = np.array([[c.fx, c.fy, c.cx, c.cy] for c in cameras], np.float32)
    return torch.from_numpy(poses).to(device), torch.from_numpy(intrinsics).to(device)


def sample_maps(maps: Tensor, pixels: Tensor, *, image_size: tuple[int, int]) -> Tensor:
    """Sample feature maps bilinearly where points project; positions are clamped to the image.

    Parameters
    ----------
    maps : (V, C, h, w), of any size
    pixels : (V, N, 2) in the image that the maps were made of
    image_size : its (width, height) in pixels

    Returns
    -------
    (V, N, C)
    """
    size = torch.tensor(image_size, dtype=pixels.dtype, device=pixels.device)
    grid = 2 * pixels / size - 1
    taken = F.grid_sample(
        maps, grid[:, :, None].to(maps), padding_mode="border", align_corners=False
    )
    return taken[..., 0].transpose(1, 2)


def inside_image(pixels: Tensor, depth: Tensor, *, image_size: tuple[int, int]) -> Tensor:
    """Return which points, (..., N), a camera sees: in front of it, within its (width, height)."""
    size = torch.tensor(image_size, dtype=pixels.dtype, device=pixels.device)
    return ((pixels >= 0) & (pixels <= size)).all(-1) & (depth > 0)
