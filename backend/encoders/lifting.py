"""Images lifted to grids in object space: UCLID-Net's section 3.1.

Features are looked up where a grid's points project; a depth map becomes a point cloud and the
voxels that it falls in. Both meet in grids over the cube [-1, 1]^3 of the method's frame, where
views of any camera can be fused.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

STRAY_RANK, STRAY_REACH = 5, 2 / 28  # a depth point's 5th neighbour is nearer than this
DEPTH_PIXELS = 112  # a side of a published depth map; coarser ones are made finer
SLOPE_PIXELS = 4.0  # in those, neighbours on one surface are at most so many pixels apart


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
    image_size: int,
    legacy: bool = False,
    orthographic: bool = False,
) -> Tensor:
    """Return (V, C, N, N, N): maps sampled where the grid's points project, 0 beyond (Eq. 1).

    Parameters
    ----------
    maps : (V, C, h, w)
    count : N
    camera_from_method : (V, 4, 4); `intrinsics` (V, 4), pixels of an image of `image_size` squared
    legacy : the image's borders are the outer pixels' centres
    """
    seen = grid_points(count, maps) @ camera_from_method[:, :3, :3].mT
    seen = seen + camera_from_method[:, None, :3, 3]  # (V, N^3, 3)
    depth = seen[..., 2:]
    plane = seen[..., :2] if orthographic else seen[..., :2] / depth.clamp_min(1e-6)
    pixels = plane * intrinsics[:, None, :2] + intrinsics[:, None, 2:]
    grid = torch.where(depth > 0, 2 * pixels / image_size - 1, 2.0)[:, None]  # (V, 1, N^3, 2)
    lifted = F.grid_sample(maps, grid.to(maps), padding_mode="zeros", align_corners=legacy)
    return lifted[:, :, 0].unflatten(2, (count,) * 3)


def lift_depth(
    depth: Tensor,
    camera_from_method: Tensor,
    intrinsics: Tensor,
    *,
    image_size: int,
    legacy: bool = False,
    orthographic: bool = False,
) -> Tensor:
    """Return (K, 3) points, method frame, of one depth map's finite pixels, cleaned (section 3.1).

    The published maps have 112 pixels a side, two or three in a voxel of the finest grid. A coarser
    one leaves voxels of a surface empty, and its points are farther apart than strays: it is made
    finer between pixels of the same surface, and what counts as a stray grows with its pixels.

    Parameters
    ----------
    depth : (h, h) along the optical axis, method units; not finite where there is nothing
    camera_from_method : (4, 4); `intrinsics` (4,), pixels of an image of `image_size` squared
    legacy : mirrored along the viewing axis and not made finer, as the authors' code has it
    """
    shared = {"image_size": image_size, "legacy": legacy, "orthographic": orthographic}
    points = _unproject(depth, camera_from_method, intrinsics, **shared)  # (h, h, 3)
    finer = 1 if legacy else -(-DEPTH_PIXELS // len(depth))
    reach = torch.full_like(depth, STRAY_REACH)
    if finer > 1:
        away = torch.ones_like(depth) if orthographic else depth
        pixel = image_size / len(depth) / intrinsics[:2].mean() * away
        reach = (SLOPE_PIXELS * pixel).clamp_min(STRAY_REACH)
    kept = depth.isfinite()
    kept[kept.clone()] = belongs(points[kept], reach[kept])
    if finer == 1:
        return points[kept]
    depth = refine_depth(torch.where(kept, depth, torch.inf), finer, reach)
    points = _unproject(depth, camera_from_method, intrinsics, **shared)[depth.isfinite()]
    return points[(points.abs() <= 1).all(1)]


def _unproject(
    depth: Tensor,
    camera_from_method: Tensor,
    intrinsics: Tensor,
    *,
    image_size: int,
    legacy: bool,
    orthographic: bool,
) -> Tensor:
    """Return (h, h, 3), the points of a depth map's pixels in the method's frame."""
    size = depth.shape[0]
    centers = (torch.arange(size, device=depth.device) + 0.5) * (image_size / size)
    if legacy:
        centers = torch.linspace(0, image_size, size, device=depth.device)
    v, u = torch.meshgrid(centers, centers, indexing="ij")
    plane = (torch.stack([u, v], -1) - intrinsics[2:]) / intrinsics[:2]
    z = depth[..., None]
    rotation, translation = camera_from_method[:3, :3], camera_from_method[:3, 3]
    across = plane if orthographic else plane * z
    seen = torch.cat([across, z], -1) - translation
    if legacy:
        seen = torch.cat([across, -z], -1) + translation
    return seen @ rotation  # the inverse of a rotation, by its transpose


def refine_depth(depth: Tensor, factor: int, step: Tensor) -> Tensor:
    """Return (factor h, factor h): a depth map between whose pixels there are others.

    Linear between pixels of one surface. A finer pixel lies in a pixel of the map, and takes no
    part of a neighbour whose depth differs from that one's by more than `step`: an edge stays an
    edge, and nothing floats between front and back.

    Parameters
    ----------
    depth : (h, h), infinite where there is nothing
    step : (h, h), in the unit of `depth`
    """
    size = len(depth)
    where = (torch.arange(factor * size, device=depth.device) + 0.5) / factor - 0.5
    low = where.floor()
    share = where - low  # of the neighbour above
    sides = [(low.long().clamp(0, size - 1), 1 - share)]
    sides.append(((low.long() + 1).clamp(0, size - 1), share))
    own = torch.arange(size, device=depth.device).repeat_interleave(factor)
    middle, step = depth[own][:, own], step[own][:, own]
    total, weights = torch.zeros_like(middle), torch.zeros_like(middle)
    for rows, of_row in sides:
        for columns, of_column in sides:
            other = depth[rows][:, columns]
            near = (other - middle).abs() <= step  # an infinite middle is left out below
            weight = (of_row[:, None] * of_column) * near
            total += weight * torch.where(near, other, 0.0)
            weights += weight
    return torch.where(middle.isfinite(), total / weights, torch.inf)


def belongs(points: Tensor, reach: Tensor) -> Tensor:
    """Say which points, (K, 3), are in the cube with their fifth nearest neighbour within reach.

    `reach`, (K,), is of each point. Neighbours outside the cube do not count. All in the cube
    belong where there are five points or fewer.
    """
    from scipy.spatial import KDTree

    found = (points.abs() <= 1).all(1)
    if found.sum() <= STRAY_RANK:
        return found
    cloud = points[found].detach().cpu().numpy()
    distance, _ = KDTree(cloud).query(cloud, k=STRAY_RANK + 1)  # the nearest is itself
    found[found.clone()] = torch.from_numpy(distance[:, -1]).to(reach) < reach[found]
    return found


def voxels_of(points: Tensor, count: int) -> Tensor:
    """Return (count, count, count) float: 1 where a point, (K, 3) in [-1, 1]^3, falls."""
    index = ((count + count * points) / 2).floor().long()
    index = index[((index >= 0) & (index < count)).all(1)]
    grid = torch.zeros((count,) * 3, device=points.device)
    grid[tuple(index.unbind(1))] = 1.0
    return grid
