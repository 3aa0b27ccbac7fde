"""Pictures lifted to grids in object space: UCLID-Net's section 3.1.

Features are looked up where a grid's points project; a depth map becomes a point cloud and the
voxels that it falls in. Both meet in grids over the cube [-1, 1]^3 of the method's frame, where
views of any camera can be fused.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

STRAY_RANK, STRAY_REACH = 5, 2 / 28  # a depth point's 5th neighbour is nearer than this


def grid_points(count: int, like: Tensor) -> Tensor:
    """Return (count^3, 3) corner-aligned grid points of [-1, 1]^3, x slowest."""
    axis = torch.linspace(-1, 1, count, device=like.device, dtype=like.dtype)
    return torch.cartesian_prod(axis, axis, axis)


def lift_features(
    maps: Tensor,
    count: int,
    camera_from_method: Tensor,
    intrinsics: Tensor,
    *,
    picture: int,
    legacy: bool = False,
    orthographic: bool = False,
) -> Tensor:
    """Return (V, C, N, N, N): maps sampled where the grid's points project, 0 beyond (Eq. 1).

    Parameters
    ----------
    maps : (V, C, h, w)
    count : N
    camera_from_method : (V, 4, 4); `intrinsics` (V, 4), pixels of a picture of `picture` squared
    legacy : the picture's borders are the outer pixels' centres
    """
    seen = grid_points(count, maps) @ camera_from_method[:, :3, :3].mT
    seen = seen + camera_from_method[:, None, :3, 3]  # (V, N^3, 3)
    depth = seen[..., 2:]
    plane = seen[..., :2] if orthographic else seen[..., :2] / depth.clamp_min(1e-6)
    pixels = plane * intrinsics[:, None, :2] + intrinsics[:, None, 2:]
    grid = torch.where(depth > 0, 2 * pixels / picture - 1, 2.0)[:, None]  # (V, 1, N^3, 2)
    lifted = F.grid_sample(maps, grid.to(maps), padding_mode="zeros", align_corners=legacy)
    return lifted[:, :, 0].unflatten(2, (count,) * 3)


def lift_depth(
    depth: Tensor,
    camera_from_method: Tensor,
    intrinsics: Tensor,
    *,
    picture: int,
    legacy: bool = False,
    orthographic: bool = False,
) -> Tensor:
    """Return (K, 3) points, method frame, of one depth map's finite pixels, cleaned (section 3.1).

    Parameters
    ----------
    depth : (h, w) along the optical axis, method units; not finite where there is nothing
    camera_from_method : (4, 4); `intrinsics` (4,), pixels of a picture of `picture` squared
    legacy : mirrored along the viewing axis, as the authors' code has it
    """
    size = depth.shape[0]
    centers = (torch.arange(size, device=depth.device) + 0.5) * (picture / size)
    if legacy:
        centers = torch.linspace(0, picture, size, device=depth.device)
    v, u = torch.meshgrid(centers, centers, indexing="ij")
    valid = depth.isfinite()
    pixels, z = torch.stack([u, v], -1)[valid], depth[valid][:, None]
    plane = (pixels - intrinsics[2:]) / intrinsics[:2]
    turn, shift = camera_from_method[:3, :3], camera_from_method[:3, 3]
    across = plane if orthographic else plane * z
    seen = torch.cat([across, z], 1) - shift
    if legacy:
        seen = torch.cat([across, -z], 1) + shift
    return without_strays(seen @ turn)  # the inverse of a rotation, by its transpose


def without_strays(points: Tensor) -> Tensor:
    """Return the points in the cube whose fifth nearest neighbour is near."""
    from scipy.spatial import KDTree

    points = points[(points.abs() <= 1).all(1)]
    if len(points) <= STRAY_RANK:
        return points
    cloud = points.detach().cpu().numpy()
    distance, _ = KDTree(cloud).query(cloud, k=STRAY_RANK + 1)  # the nearest is itself
    return points[torch.from_numpy(distance[:, -1] < STRAY_REACH).to(points.device)]


def voxels_of(points: Tensor, count: int) -> Tensor:
    """Return (count, count, count) float: 1 where a point, (K, 3) in [-1, 1]^3, falls."""
    index = ((count + count * points) / 2).floor().long()
    index = index[((index >= 0) & (index < count)).all(1)]
    grid = torch.zeros((count,) * 3, device=points.device)
    grid[tuple(index.unbind(1))] = 1.0
    return grid
