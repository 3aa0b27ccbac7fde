"""Feature maps and depth maps lifted to grids in object space: UCLID-Net's section 3.1, figure 3.

Features are sampled where a grid's points project; a depth map becomes a point cloud and the voxels
that hold its points. Both meet in grids over the cube [-1, 1]^3 of the method's frame, where views
of any camera can be fused.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..geometry.projection import project

OUTLIER_RANK = 5  # a depth point whose 5th neighbour is farther than `OUTLIER_REACH` is an outlier
OUTLIER_REACH = 2 / 28  # a voxel of the finest grid
DEPTH_PIXELS = 112  # side of a published depth map; coarser maps are upsampled to at least it
SLOPE_PIXELS = 4.0  # greatest depth step between neighbours on one surface, in pixels


@dataclass(frozen=True)
class LiftingCameras:
    """The cameras of N square images.

    Attributes
    ----------
    extrinsics : (N, 4, 4) camera_from_method, axes x right, y down, z forward
    intrinsics : (N, 4) fx fy cx cy, pixels of the images
    size : side of the images in pixels
    orthographic : no perspective division
    legacy : sample and lift as the authors' code does: an image's border is at the centres of its
        outer pixels, and depth is mirrored along the viewing axis
    """

    extrinsics: Tensor
    intrinsics: Tensor
    size: int
    orthographic: bool = False
    legacy: bool = False


def grid_points(resolution: int, like: Tensor) -> Tensor:
    """Return (resolution^3, 3) corner-aligned grid points of [-1, 1]^3, x slowest."""
    axis = torch.linspace(-1, 1, resolution, device=like.device, dtype=like.dtype)
    return torch.cartesian_prod(axis, axis, axis)


def lift_features(maps: Tensor, resolution: int, cameras: LiftingCameras) -> Tensor:
    """Return G^F: maps sampled where the grid's points project, 0 outside the image (Eq. 1).

    Parameters
    ----------
    maps : (N, C, h, w)

    Returns
    -------
    (N, C, resolution, resolution, resolution)
    """
    pixels, depth = project(
        grid_points(resolution, maps),
        cameras.extrinsics,
        cameras.intrinsics,
        orthographic=cameras.orthographic,
    )  # (N, P, 2) and (N, P)
    seen = (depth > 0)[..., None]
    where = torch.where(seen, 2 * pixels / cameras.size - 1, 2.0)[:, None]  # (N, 1, P, 2)
    lifted = F.grid_sample(
        maps, where.to(maps), padding_mode="zeros", align_corners=cameras.legacy
    )  # (N, C, 1, P)
    return lifted[:, :, 0].unflatten(2, (resolution,) * 3)


def lift_depth(depth: Tensor, cameras: LiftingCameras, index: int = 0) -> Tensor:
    """Return the points of one depth map's finite pixels, (K, 3) method frame, without outliers.

    The published maps have 112 pixels a side, two or three in a voxel of the finest grid. A coarser
    map leaves voxels of a surface empty, and its points are sparser than the outlier radius. It is
    therefore upsampled within each surface, and the outlier radius grows with its pixels.

    Parameters
    ----------
    depth : (h, h) along the optical axis, method units; not finite where there is nothing
    cameras : with that of the depth map at `index`
    """
    points = _unproject(depth, cameras, index)  # (h, h, 3)
    factor = 1 if cameras.legacy else -(-DEPTH_PIXELS // len(depth))
    reach = _outlier_reach(depth, cameras, index, grows=factor > 1)
    kept = depth.isfinite()
    kept[kept.clone()] = inliers(points[kept], reach[kept])
    if factor == 1:
        return points[kept]
    depth = upsample_depth(torch.where(kept, depth, torch.inf), factor, reach)
    points = _unproject(depth, cameras, index)[depth.isfinite()]
    return points[(points.abs() <= 1).all(1)]


def _outlier_reach(depth: Tensor, cameras: LiftingCameras, index: int, *, grows: bool) -> Tensor:
    """Return (h, h): the outlier radius at each pixel, method units; it `grows` with the pixels."""
    if not grows:
        return torch.full_like(depth, OUTLIER_REACH)
    distance = torch.ones_like(depth) if cameras.orthographic else depth
    pixel = cameras.size / len(depth) / cameras.intrinsics[index, :2].mean() * distance
    return (SLOPE_PIXELS * pixel).clamp_min(OUTLIER_REACH)


def _unproject(depth: Tensor, cameras: LiftingCameras, index: int) -> Tensor:
    """Return (h, h, 3), the points of a depth map's pixels in the method's frame."""
    size = depth.shape[0]
    centers = (torch.arange(size, device=depth.device) + 0.5) * (cameras.size / size)
    if cameras.legacy:
        centers = torch.linspace(0, cameras.size, size, device=depth.device)
    v, u = torch.meshgrid(centers, centers, indexing="ij")
    intrinsics, extrinsics = cameras.intrinsics[index], cameras.extrinsics[index]
    plane = (torch.stack([u, v], -1) - intrinsics[2:]) / intrinsics[:2]
    z = depth[..., None]
    rotation, translation = extrinsics[:3, :3], extrinsics[:3, 3]
    across = plane if cameras.orthographic else plane * z
    if cameras.legacy:
        return (torch.cat([across, -z], -1) + translation) @ rotation
    return (torch.cat([across, z], -1) - translation) @ rotation  # the inverse of a rigid motion


def upsample_depth(depth: Tensor, factor: int, step: Tensor) -> Tensor:
    """Upsample a depth map without interpolating across depth edges.

    Linear within a surface. A finer pixel ignores any neighbour whose depth differs by more than
    `step` from that of the pixel it lies in, so nothing floats between front and back.

    Parameters
    ----------
    depth : (h, h), infinite where there is nothing
    step : (h, h), in the unit of `depth`

    Returns
    -------
    (factor h, factor h)
    """
    size = len(depth)
    where = (torch.arange(factor * size, device=depth.device) + 0.5) / factor - 0.5
    low = where.floor()
    fraction = where - low  # weight of the upper neighbour
    sides = [(low.long().clamp(0, size - 1), 1 - fraction)]
    sides.append(((low.long() + 1).clamp(0, size - 1), fraction))
    own = torch.arange(size, device=depth.device).repeat_interleave(factor)
    middle, step = depth[own][:, own], step[own][:, own]  # (factor h, factor h)
    total, weights = torch.zeros_like(middle), torch.zeros_like(middle)
    for rows, row_weight in sides:
        for columns, column_weight in sides:
            other = depth[rows][:, columns]
            near = (other - middle).abs() <= step  # an infinite middle is left out below
            weight = (row_weight[:, None] * column_weight) * near
            total += weight * torch.where(near, other, 0.0)
            weights += weight
    return torch.where(middle.isfinite(), total / weights, torch.inf)


def inliers(points: Tensor, reach: Tensor) -> Tensor:
    """Return (K,) bool: which points, (K, 3), are in the cube and not outliers.

    A point is an outlier where its fifth nearest neighbour in the cube is farther than its `reach`,
    (K,). Of five points or fewer in the cube, none is.
    """
    from scipy.spatial import KDTree

    kept = (points.abs() <= 1).all(1)
    if kept.sum() <= OUTLIER_RANK:
        return kept
    cloud = points[kept].detach().cpu().numpy()
    distance, _ = KDTree(cloud).query(cloud, k=OUTLIER_RANK + 1)  # the nearest is itself
    kept[kept.clone()] = torch.from_numpy(distance[:, -1]).to(reach) < reach[kept]
    return kept


def voxels_of(points: Tensor, resolution: int) -> Tensor:
    """Return (resolution, resolution, resolution) float: 1 in voxels that hold a point.

    Parameters
    ----------
    points : (K, 3) in [-1, 1]^3; others are ignored
    """
    index = ((resolution + resolution * points) / 2).floor().long()
    index = index[((index >= 0) & (index < resolution)).all(1)]
    grid = torch.zeros((resolution,) * 3, device=points.device)
    grid[tuple(index.unbind(1))] = 1.0
    return grid
