"""Which points of a mesh a camera sees, and how far they are from occluding edges."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d, normalize

from ..geometry.cameras import Camera
from ..geometry.images import resized
from ..geometry.raster import rasterize
from .photos import Photo

DEPTH_SIDE = 768  # pixels of a depth map's longer side
FAR = 1e9  # depth where there is no mesh
NEAR = 1e-6  # triangles nearer than this to a perspective camera's plane are not drawn
RADII = (
    0.003,
    0.005,
    0.01,
)  # of the longer side: distances from an edge at which a view has its full weight
SLOPE = 4.0  # steepest surface, in depth per sideways distance, that is not an occluding edge
SLACK = 1.5  # depth tolerance in pixels: a visible point may lie this far behind the mesh
FACING_POWER = 2.0  # exponent of the cosine: frontal views outweigh oblique ones
GRAZING = 0.05  # minimum cosine to the line of sight of a visible surface
OUTLINE = 1e-3  # weight at an edge, for thin parts without points farther from one


@dataclass(frozen=True)
class Sight:
    """The part of a mesh that a camera sees.

    Attributes
    ----------
    camera : at the maps' size, posed in the mesh's frame
    depth : (h, w) along the optical axis; `FAR` where there is no mesh
    clear : (h, w) in [0, 1]; 0 at an occluding edge or the outline, 1 far from both; -1 where the
        image shows the background
    """

    camera: Camera
    depth: Tensor
    clear: Tensor


def look(photo: Photo, vertices: Tensor, faces: Tensor, *, side: int = DEPTH_SIDE) -> Sight:
    """Draw a mesh into a photo's camera.

    Parameters
    ----------
    vertices : (V, 3) float32 ; faces : (F, 3) int64
    side : pixels of the maps' longer side at most
    """
    camera = _at_most(photo.camera, side)
    depth = depth_map(vertices, faces, camera)
    alpha = photo.alpha.float()[None, None] / 255
    size = (camera.height, camera.width)
    inside = interpolate(alpha, size=size, mode="bilinear", antialias=True)[0, 0] >= 0.5
    return Sight(camera, depth, _clear(depth, inside, camera))


def depth_map(vertices: Tensor, faces: Tensor, camera: Camera) -> Tensor:
    """Return (H, W) the depth of the nearest triangle at each pixel; `FAR` where there is none.

    Triangles count from both sides.
    """
    pixels, depth = camera.project(vertices)
    end = float(depth.max()) + 1.0 if len(depth) else 1.0
    if camera.orthographic:
        nearness = end - depth
    else:
        faces = faces[(depth[faces] > NEAR).all(1)]
        nearness = 1.0 / depth.clamp_min(NEAR)
    corners = torch.cat([pixels, nearness[:, None]], 1)[faces]
    view = torch.zeros(len(faces), dtype=torch.long, device=vertices.device)
    height, width = camera.height, camera.width
    cover = rasterize(corners, view, views=1, height=height, width=width, two_sided=True)
    result = torch.full((height * width,), FAR, device=vertices.device)
    value = cover.nearness
    result[cover.sample] = end - value if camera.orthographic else 1.0 / value
    return result.reshape(height, width)


def weigh(sight: Sight, points: Tensor, normals: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return which points a camera sees, where, and how well.

    A weight grows with the cosine to the line of sight and with the pixels per area of the surface,
    and falls towards occluding edges.

    Parameters
    ----------
    points : (N, 3) ; normals : (N, 3) unit length, mesh's frame

    Returns
    -------
    index : (M,) the visible points, ascending
    pixels : (M, 2) their positions, in pixels of the sight's camera
    weight : (M,) above zero
    """
    camera = sight.camera
    facing = (normals * towards(camera, points)).sum(1)
    index = (facing > GRAZING).nonzero()[:, 0]
    pixels, depth = camera.project(points[index])
    cosine = facing[index]
    column = pixels[:, 0].clamp(0, camera.width - 1).long()
    row = pixels[:, 1].clamp(0, camera.height - 1).long()
    place = row * camera.width + column
    size = pixel_size(camera, depth)
    slant = torch.sqrt((1 - cosine**2).clamp_min(0)) / cosine
    clear = sight.clear.flatten()[place]
    seen = depth < sight.depth.flatten()[place] + SLACK * size * (1 + slant)
    seen &= (depth > NEAR) & (clear >= 0)
    seen &= (pixels > 0).all(1) & (pixels[:, 0] < camera.width) & (pixels[:, 1] < camera.height)
    kept = seen.nonzero()[:, 0]
    index, pixels, cosine, size, clear = (t[kept] for t in (index, pixels, cosine, size, clear))
    weight = cosine**FACING_POWER * (clear * (1 - OUTLINE) + OUTLINE) / size**2
    return index, pixels, weight


def towards(camera: Camera, points: Tensor) -> Tensor:
    """Return (N, 3) unit directions from points to the camera."""
    if camera.orthographic:
        return -torch.as_tensor(camera.forward, dtype=points.dtype, device=points.device)
    center = torch.as_tensor(camera.center, dtype=points.dtype, device=points.device)
    return normalize(center - points, dim=1)


def pixel_size(camera: Camera, depth: Tensor) -> Tensor:
    """Return (N,) the side of a pixel at `depth`, in units of the mesh's frame."""
    focal = (camera.fx * camera.fy) ** 0.5
    return torch.full_like(depth, 1.0 / focal) if camera.orthographic else depth / focal


def _at_most(camera: Camera, side: int) -> Camera:
    factor = min(side / max(camera.width, camera.height), 1.0)
    width, height = (max(round(n * factor), 1) for n in (camera.width, camera.height))
    return resized(camera, width=width, height=height)


def _clear(depth: Tensor, inside: Tensor, camera: Camera) -> Tensor:
    """Return (H, W) how far each pixel is from occluding edges and the outline, in `RADII`."""
    result = torch.zeros_like(depth)
    size = pixel_size(camera, depth)
    longest = max(camera.width, camera.height)
    for radius in (max(round(radius * longest), 1) for radius in RADII):
        covered = depth + _widest(-depth, radius) > SLOPE * radius * size
        outside = _widest((~inside).float(), radius) > 0
        result += (~covered & ~outside).float() / len(RADII)
    return torch.where(_widest(inside.float(), 1) > 0, result, -1.0)


def _widest(values: Tensor, radius: int) -> Tensor:
    """Return (H, W) the largest value within a square of `radius` pixels around each."""
    window = 2 * radius + 1
    rows = max_pool2d(values[None, None], (window, 1), 1, (radius, 0))
    return max_pool2d(rows, (1, window), 1, (0, radius))[0, 0]
