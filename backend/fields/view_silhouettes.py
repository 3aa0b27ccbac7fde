"""Where rays of one view enter and leave the visual hull of several, and the hull's distances.

Everything here works on whole batches of framed square images, in torch, so that a network can
read it in training and at inference alike. `hull.py` is the exact hull of one object; here a
silhouette is a map of distances in pixels, and a distance in the volume is that times depth over
focal length, which is exact for small ones.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from scipy.ndimage import distance_transform_edt
from torch import Tensor

REACH = 1.35  # rays are followed this far before and behind the volume's centre, volume units
FRONT_STEPS, BACK_STEPS = 12, 8
STEP_FACTOR = 0.9  # of the distance that a step goes: the distances are no strict lower bounds
ENTERED = 0.004  # volume units from the hull at which a ray has met it
UNSEEN = -0.5  # distance of a point that a view does not see: it may be inside


@dataclass(frozen=True)
class Silhouettes:
    """Silhouettes of B objects in V square views each, and their cameras in the volume's frame.

    Attributes
    ----------
    distances : (B, V, S, S) pixels from each pixel's centre to the silhouette, negative inside
    poses : (B, V, 4, 4) camera_from_volume, camera axes x right, y down, z forward
    intrinsics : (B, V, 4) fx fy cx cy in pixels
    orthographic : (B, V) bool
    """

    distances: Tensor
    poses: Tensor
    intrinsics: Tensor
    orthographic: Tensor

    @property
    def size(self) -> int:
        """Pixels along a side."""
        return self.distances.shape[-1]


def pixel_distances(alpha: np.ndarray) -> np.ndarray:
    """Return the signed distance of each pixel centre to the silhouette, (S, S) float32, pixels.

    Parameters
    ----------
    alpha : (S, S) in [0, 1]; inside from one half. Within a pixel of the edge it places the edge
        to a fraction of a pixel
    """
    inside = alpha >= 0.5
    if inside.all() or not inside.any():
        return np.full(alpha.shape, -alpha.shape[0] if inside.all() else alpha.shape[0], np.float32)
    outer, inner = (np.asarray(distance_transform_edt(side)) for side in (~inside, inside))
    away = outer - inner
    away -= 0.5 * np.sign(away)
    edge = np.abs(away) < 1
    away[edge] = 0.5 * (away[edge] + 0.5 - alpha[edge])
    return away.astype(np.float32)


def project(points: Tensor, views: Silhouettes) -> tuple[Tensor, Tensor, Tensor]:
    """Project points (B, P, 3) into all views.

    Returns
    -------
    pixels : (B, V, P, 2)
    local : (B, V, P, 3), the points in camera axes
    scale : (B, V, P), the size of a pixel at the point, volume units
    """
    turned = torch.einsum("bvij,bpj->bvpi", views.poses[..., :3, :3], points)
    local = turned + views.poses[:, :, None, :3, 3]
    depth = torch.where(views.orthographic[..., None], 1.0, local[..., 2].clamp_min(1e-3))
    focal, center = views.intrinsics[:, :, None, :2], views.intrinsics[:, :, None, 2:]
    return local[..., :2] / depth[..., None] * focal + center, local, depth / focal[..., 0]


def distances_at(points: Tensor, views: Silhouettes) -> Tensor:
    """Return (B, V, P): how far each view's silhouette cone is from points (B, P, 3).

    Volume units, negative inside. What a view does not see it leaves inside.
    """
    pixels, local, scale = project(points, views)
    size = views.size
    grid = (2 * pixels / size - 1).flatten(0, 1)[:, :, None]
    maps = views.distances.flatten(0, 1)[:, None]
    taken = F.grid_sample(maps, grid, padding_mode="border", align_corners=False)[:, 0, :, 0]
    seen = ((pixels >= 0) & (pixels <= size)).all(-1) & (local[..., 2] > 0)
    return torch.where(seen, taken.unflatten(0, seen.shape[:2]) * scale, UNSEEN)


@dataclass(frozen=True)
class Interval:
    """Where the rays through T x T cells of each view are inside the hull.

    Attributes
    ----------
    front, back : (B, V, T, T) depth along the optical axis, 0 where the ray misses the hull
    valid : (B, V, T, T) bool, the ray meets the hull
    """

    front: Tensor
    back: Tensor
    valid: Tensor


@torch.no_grad()
def hull_interval(views: Silhouettes, cells: int) -> Interval:
    """Follow the ray through the centre of each of cells x cells squares of every view.

    Only rays inside their own silhouette are followed, from both ends, by sphere tracing.
    """
    objects, count = views.poses.shape[:2]
    step = views.size / cells
    ticks = (torch.arange(cells, device=views.poses.device) + 0.5) * step
    index = (ticks.long()[:, None] * views.size + ticks.long()).flatten()
    own = views.distances.flatten(2)[..., index]  # (B, V, T T)
    chosen = (own <= 0.5).nonzero()
    flat = chosen[:, 0] * count + chosen[:, 1]
    pixels = torch.stack([ticks[chosen[:, 2] % cells], ticks[chosen[:, 2] // cells]], -1)
    origin, direction, middle = _rays(views, flat, pixels)
    trace = _Trace(views, chosen[:, 0], origin, direction)
    first = (middle - REACH).clamp_min(1e-2)
    front, met = trace.march(first, middle + REACH, 1.0, FRONT_STEPS)
    back, _ = trace.march(middle + REACH, front, -1.0, BACK_STEPS)
    grids = [torch.zeros_like(own).flatten() for _ in range(3)]
    where = flat * cells * cells + chosen[:, 2]
    for grid, value in zip(grids, (front, back, met.float()), strict=True):
        grid[where] = torch.where(met, value, 0.0)
    shape = (objects, count, cells, cells)
    return Interval(grids[0].view(shape), grids[1].view(shape), grids[2].view(shape) > 0)


def _rays(views: Silhouettes, flat: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return points o and directions d, (N, 3), so that o + z d has the depth z, volume frame.

    Beside them the depth of the volume's centre, (N,).
    """
    poses = views.poses.flatten(0, 1)[flat]
    intrinsics = views.intrinsics.flatten(0, 1)[flat]
    flat_view = views.orthographic.flatten()[flat][:, None]
    plane = (pixels - intrinsics[:, 2:]) / intrinsics[:, :2]
    one, none = torch.ones_like(plane[:, :1]), torch.zeros_like(plane)
    direction = torch.where(flat_view, torch.cat([none, one], 1), torch.cat([plane, one], 1))
    origin = torch.where(flat_view, torch.cat([plane, 0 * one], 1), torch.cat([none, 0 * one], 1))
    back = poses[:, :3, :3].mT
    turned = (back @ (origin - poses[:, :3, 3])[..., None])[..., 0]
    return turned, (back @ direction[..., None])[..., 0], poses[:, 2, 3]


class _Trace:
    """Rays of N pixels in the V views of their objects: projections are linear along a ray."""

    def __init__(
        self, views: Silhouettes, objects: Tensor, origin: Tensor, direction: Tensor
    ) -> None:
        poses = views.poses[objects]  # (N, V, 4, 4)
        self.size = views.size
        self.focal = views.intrinsics[objects][..., :2]  # (N, V, 2)
        self.center = views.intrinsics[objects][..., 2:]
        self.orthographic = views.orthographic[objects]
        self.start = (poses[..., :3, :3] @ origin[:, None, :, None])[..., 0] + poses[..., :3, 3]
        self.along = (poses[..., :3, :3] @ direction[:, None, :, None])[..., 0]
        self.length = direction.norm(dim=-1)
        count = views.poses.shape[1]
        ordinal = objects[:, None] * count + torch.arange(count, device=objects.device)
        self.offset = ordinal * self.size * self.size
        self.maps = views.distances.flatten()

    def hull(self, depth: Tensor) -> Tensor:
        """Return the hull's distance, (N,), at depths (N,) of the rays' own views."""
        local = self.start + depth[:, None, None] * self.along
        z = torch.where(self.orthographic, 1.0, local[..., 2].clamp_min(1e-3))
        pixels = local[..., :2] / z[..., None] * self.focal + self.center
        column, row = pixels.clamp(0, self.size - 1).long().unbind(-1)
        taken = self.maps[self.offset + row * self.size + column]
        seen = ((pixels >= 0) & (pixels < self.size)).all(-1)
        value = torch.where(seen, taken * z / self.focal[..., 0], UNSEEN)
        return value.amax(1)

    def march(self, start: Tensor, end: Tensor, sign: float, steps: int) -> tuple[Tensor, Tensor]:
        """Return the depths, (N,), at which rays meet the hull, and which do so before `end`."""
        depth = start
        for _ in range(steps):
            distance = self.hull(depth).clamp_min(0.0)
            depth = depth + sign * STEP_FACTOR * distance / self.length
            depth = torch.minimum(depth, end) if sign > 0 else torch.maximum(depth, end)
        return depth, (self.hull(depth) < 4 * ENTERED) & ((end - depth) * sign > 0)
