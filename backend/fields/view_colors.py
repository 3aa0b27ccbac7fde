"""Colours of surface points, taken from the posed images that see them."""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, normalize

from ..geometry.cameras import Camera
from ..geometry.images import resized

if TYPE_CHECKING:
    from .hull import HullField

DEPTH_SIDE = 192  # pixels of the depth maps' longer side
STEPS = 64  # of sphere tracing; rays that graze the surface are cut short there
FAR = 1e6  # depth of a ray that meets nothing
EDGE_RAMP = 3.0  # pixels from the silhouette's edge over which a view gains its full say
FACING_POWER = (
    4.0  # how much a view that looks straight at the surface counts before an oblique one
)
UNSEEN = 1e-4  # weight of a view whose sight is blocked, for points that no view sees
ANYHOW = 1e-8  # weight of any view, for points that all views see edge on


class ViewColors:
    """Blends the views' images at points near a hull's surface.

    A view counts by how straight it looks at the surface, how far from its silhouette's edge the
    point appears (there it is seen edge on, and the background bleeds in), and whether the hull
    itself blocks its sight (against a depth map, sphere-traced when first asked for).

    Parameters
    ----------
    hull
        The surface; its values must be lower bounds of the distance.
    cameras
        One per view, posed in the volume's frame.
    images
        One (3, H, W) per view: linear RGB, good a little beyond the silhouette's edge (see
        `silhouettes.grown_colors`); any float type.
    """

    def __init__(
        self, hull: "HullField", cameras: Sequence[Camera], images: Sequence[Tensor]
    ) -> None:
        self._hull = hull
        self._cameras = cameras
        self._images = [image.to(hull.device) for image in images]

    def __call__(self, points: Tensor) -> Tensor:
        """Return (N, 4) float32 linear RGBA, alpha 1, at `points`, (N, 3) volume frame."""
        slope = self._hull.gradient(points)
        assert slope is not None  # a hull is differentiable
        normals = normalize(slope, dim=1)
        with torch.no_grad():
            insets = -self._hull.per_view(points)
            total = points.new_zeros((len(points), 4))  # RGB by weight, and the weights
            for index, (camera, image) in enumerate(zip(self._cameras, self._images, strict=True)):
                pixels, depth = camera.project(points)
                weight = self._weight(index, points, normals, pixels, depth, insets[index])
                total[:, :3] += weight[:, None] * _sample(image, pixels)
                total[:, 3] += weight
            rgb = total[:, :3] / total[:, 3:].clamp_min(1e-30)
        return torch.cat([rgb.clamp(0.0, 1.0), torch.ones_like(total[:, :1])], dim=1)

    def _weight(
        self,
        index: int,
        points: Tensor,
        normals: Tensor,
        pixels: Tensor,
        depth: Tensor,
        inset: Tensor,
    ) -> Tensor:
        """Return (N,) how much a view counts; `inset` is the distance to its cone's border."""
        camera, depth_map = self._cameras[index], self._depth_maps[index]
        facing = (normals * _towards(camera, points)).sum(1).clamp(0.0, 1.0)
        ramp = (inset / (EDGE_RAMP * _pixel(camera, depth))).clamp(0.0, 1.0)
        shrunk = depth_map.shape[1] / camera.width
        slant = torch.sqrt(1.0 - facing**2) / facing.clamp_min(0.05)
        slack = _pixel(camera, depth) / shrunk * (1.0 + slant)
        nearest = _sample(depth_map[None], pixels * shrunk)[:, 0]
        sight = (2.0 - (depth - nearest) / slack).clamp(0.0, 1.0)
        weight = facing**FACING_POWER * (sight * ramp + UNSEEN) + ANYHOW
        return torch.where(_in_frame(camera, pixels, depth), weight, 0.0)

    @cached_property
    def _depth_maps(self) -> list[Tensor]:
        return trace_depths(self._hull)


@torch.no_grad()
def trace_depths(hull: "HullField") -> list[Tensor]:
    """Return per view (h, w) the depth at which each ray enters the hull; `FAR`: it never does.

    A map's longer side is at most `DEPTH_SIDE`. Sphere tracing through the volume's cube, all views
    together: the hull's values are lower bounds of the distance, so no step passes through it, and
    the least step, for rays that graze, is a quarter pixel.
    """
    cameras = [_coarse(camera) for camera in hull.cameras]
    bundles = [_rays(hull, view, camera) for view, camera in enumerate(cameras)]
    origins, directions, near, far, steady, growing = (
        torch.cat(part) for part in zip(*bundles, strict=True)
    )
    result = torch.full_like(near, FAR)
    active = torch.nonzero(far > near)[:, 0]
    depth = near[active]
    for _ in range(STEPS):
        origin, direction = origins[active], directions[active]
        value = hull(origin + depth[:, None] * direction)
        step = value / torch.linalg.vector_norm(direction, dim=1)
        least = 0.25 * (steady[active] + growing[active] * depth)
        hit = step < least
        result[active[hit]] = depth[hit]
        depth = depth + torch.maximum(step, least)
        going = ~hit & (depth < far[active])
        active, depth = active[going], depth[going]
        if not len(active):
            break
    sizes = [camera.height * camera.width for camera in cameras]
    maps = zip(cameras, result.split(sizes), strict=True)
    return [values.reshape(camera.height, camera.width) for camera, values in maps]


def _rays(hull: "HullField", view: int, camera: Camera) -> tuple[Tensor, ...]:
    """Return a view's rays (R, 3) twice, and (R,) where they enter and leave the cube.

    The last two say how large a pixel is, in depth: steady + growing * depth. A ray that stays
    outside its own view's silhouette leaves where it enters.
    """
    y, x = torch.meshgrid(
        torch.arange(camera.height, device=hull.device) + 0.5,
        torch.arange(camera.width, device=hull.device) + 0.5,
        indexing="ij",
    )
    origins, directions = camera.rays(torch.stack([x, y], dim=2).reshape(-1, 2))
    near, far = _through_cube(origins, directions)
    middle = (near + far) / 2
    pixel = _pixel(camera, middle)
    own = hull.per_view(origins + middle[:, None] * directions)[view]
    far = torch.where(own < pixel, far, near)
    unit = _pixel(camera, torch.ones_like(middle))
    zero = torch.zeros_like(unit)
    sizes = (unit, zero) if camera.orthographic else (zero, unit)
    return (origins, directions, near, far, *sizes)


def _through_cube(origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Return (N,) depths at which rays enter and leave [-1, 1]^3; leave < enter: they miss it."""
    safe = torch.where(directions.abs() < 1e-9, 1e-9, directions)
    first, second = (-1.0 - origins) / safe, (1.0 - origins) / safe
    enter = torch.minimum(first, second).amax(1).clamp_min(0.0)
    return enter, torch.maximum(first, second).amin(1)


def _coarse(camera: Camera) -> Camera:
    factor = min(DEPTH_SIDE / max(camera.width, camera.height), 1.0)
    width, height = (max(round(side * factor), 1) for side in (camera.width, camera.height))
    return resized(camera, width=width, height=height)


def _pixel(camera: Camera, depth: Tensor) -> Tensor:
    """Return (N,) the size of a pixel at `depth`, volume units."""
    focal = math.sqrt(camera.fx * camera.fy)
    return torch.full_like(depth, 1.0 / focal) if camera.orthographic else depth / focal


def _towards(camera: Camera, points: Tensor) -> Tensor:
    """Return (N, 3) unit directions from points to the camera."""
    if camera.orthographic:
        return -torch.as_tensor(camera.forward, dtype=points.dtype, device=points.device)
    center = torch.as_tensor(camera.center, dtype=points.dtype, device=points.device)
    return normalize(center - points, dim=1)


def _in_frame(camera: Camera, pixels: Tensor, depth: Tensor) -> Tensor:
    inside = (pixels[:, 0] >= 0) & (pixels[:, 0] <= camera.width)
    inside &= (pixels[:, 1] >= 0) & (pixels[:, 1] <= camera.height)
    return inside & (depth > 0)


def _sample(image: Tensor, pixels: Tensor) -> Tensor:
    """Return (N, C) an image, (C, H, W), at pixel positions (N, 2), bilinear."""
    size = pixels.new_tensor([image.shape[2], image.shape[1]])
    grid = (2.0 * pixels / size - 1.0)[None, None]
    return grid_sample(
        image[None].float(), grid, mode="bilinear", padding_mode="border", align_corners=False
    )[0, :, 0].T
