"""The rays of images whose silhouettes are known: what SDF-SRN learns from.

Each pixel knows whether it is in the silhouette and how far it is from the edge, which bounds the
distance of every point on its ray to the object from below (Lin, Wang, Lucey, NeurIPS 2020, Eq. 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..images.alpha import network_input
from .silhouettes import PADDING, signed_distances

CACHED_SILHOUETTES = 4096  # 32 KiB each at 64 pixels


@dataclass(frozen=True)
class SilhouetteRays:
    """Rays of N images, all in one frame.

    Attributes
    ----------
    origins, directions : (N, R, 3); a depth is the factor of `directions`. The origins are advanced
        along their rays until the volume's centre is as deep as for the training cameras
    advance : (N, 1) or (N, R) depth of the advanced origins: add it for the depth from the camera
    color : (N, R, 3) of the image on white, in [-1, 1]
    inside : (N, R) bool, in the silhouette
    distance : (N, R) at least 0, D(u): to the silhouette's edge, on the plane z = 1; orthographic:
        a length
    radius : (N, R), |u| on the plane z = 1; 0 for orthographic cameras
    half_pixel : (N, 1) or (N, R), in the unit of `distance`
    orthographic : whether the cameras are; (N, R) where rays of both kinds are joined
    """

    origins: Tensor
    directions: Tensor
    advance: Tensor
    color: Tensor
    inside: Tensor
    distance: Tensor
    radius: Tensor
    half_pixel: Tensor
    orthographic: bool | Tensor

    def at(self, depth: Tensor) -> Tensor:
        """Return the points, (..., N, R, 3), at depths (..., N, R) on the rays."""
        return self.origins + depth[..., None] * self.directions

    def lower_bound(self, depth: Tensor) -> Tensor:
        """Return b(z; u) of Eq. 1 in closed form at depths, broadcastable to (N, R)."""
        if self.orthographic is True:
            return self.distance.expand_as(depth)
        reach = self.radius + self.distance
        bound = (depth + self.advance) * self.distance / torch.sqrt(1 + reach**2)
        if self.orthographic is False:
            return bound
        return torch.where(self.orthographic, self.distance, bound)

    def sample(self, count: int, generator: torch.Generator | None) -> "SilhouetteRays":
        """Return `count` rays of each image, sampled without replacement."""
        images, rays = self.inside.shape
        if count >= rays:
            return self
        noise = torch.rand(images, rays, generator=generator).to(self.inside.device)
        chosen = noise.topk(count, dim=1).indices  # (N, count)
        wide = chosen[..., None].expand(-1, -1, 3)
        vectors = {n: getattr(self, n).gather(1, wide) for n in ("origins", "directions", "color")}
        scalars = {n: getattr(self, n).gather(1, chosen) for n in ("inside", "distance", "radius")}
        return replace(self, **vectors, **scalars)

    def chosen(self, index: Tensor) -> "SilhouetteRays":
        """Return the rays of an index, (M,), of `joined` rays."""
        assert isinstance(self.orthographic, Tensor)  # they were joined
        return SilhouetteRays(**{f.name: getattr(self, f.name)[:, index] for f in fields(self)})


def joined(parts: Sequence[SilhouetteRays]) -> SilhouetteRays:
    """Return the rays of all images as those of one, (1, R): cameras of both kinds may be mixed."""

    def of(part: SilhouetteRays, name: str) -> Tensor:
        value = getattr(part, name)
        shape = part.inside.shape
        if not isinstance(value, Tensor):
            value = torch.full(shape, value, device=part.inside.device)
        if value.ndim == 2:
            value = value.expand(shape)
        return value.flatten(0, 1)

    names = [f.name for f in fields(SilhouetteRays)]
    return SilhouetteRays(**{n: torch.cat([of(part, n) for part in parts])[None] for n in names})


def silhouette_rays(
    images: Tensor,
    extrinsics: Tensor,
    intrinsics: Tensor,
    *,
    distance: float,
    orthographic: bool = False,
) -> SilhouetteRays:
    """Return the ray of every pixel, R = H W.

    Parameters
    ----------
    images : (N, 4, H, W) straight alpha; alpha is the silhouette
    extrinsics : (N, 4, 4) camera_from_frame, camera axes x right, y down, z forward
    intrinsics : (N, 4), fx fy cx cy in pixels; orthographic: pixels per unit of length
    distance : of the training cameras from the frame's origin, see `SilhouetteRays.origins`
    """
    u = _on_plane(images, intrinsics)  # (N, R, 2)
    rotation, translation = extrinsics[:, :3, :3], extrinsics[:, :3, 3]
    zero, one = torch.zeros_like(u[..., :1]), torch.ones_like(u[..., :1])
    if orthographic:
        starts, ahead = torch.cat([u, zero], -1), torch.cat([zero, zero, one], -1)
    else:
        starts, ahead = torch.zeros_like(torch.cat([u, zero], -1)), torch.cat([u, one], -1)
    origins = (starts - translation[:, None]) @ rotation  # the inverse of a rigid motion
    directions = ahead @ rotation
    advance = translation[:, 2:] - distance
    pitch = 1 / intrinsics[:, :2]  # of a pixel on the plane z = 1
    return SilhouetteRays(
        origins=origins + advance[..., None] * directions,
        directions=directions,
        advance=advance,
        color=(network_input(images, "white") * 2 - 1).flatten(2).transpose(1, 2),
        inside=images[:, 3].flatten(1) >= 0.5,
        distance=_edge_distances(images[:, 3], pitch).flatten(1),
        radius=torch.zeros_like(u[..., 0]) if orthographic else u.norm(dim=-1),
        half_pixel=pitch.amin(1, keepdim=True) / 2,
        orthographic=orthographic,
    )


def _on_plane(images: Tensor, intrinsics: Tensor) -> Tensor:
    """Return the pixel centres on the plane z = 1, (N, H W, 2)."""
    height, width = images.shape[2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=images.device) + 0.5,
        torch.arange(width, device=images.device) + 0.5,
        indexing="ij",
    )
    pixels = torch.stack([x, y], -1).reshape(1, -1, 2)
    return (pixels - intrinsics[:, None, 2:]) / intrinsics[:, None, :2]


def _edge_distances(alpha: Tensor, pitch: Tensor) -> Tensor:
    """Return D(u), (N, H, W): how far each pixel is from its silhouette's edge.

    Parameters
    ----------
    alpha : (N, H, W)
    pitch : (N, 2) size of a pixel along x and y
    """
    rows = zip(alpha.detach().cpu().numpy(), pitch.tolist(), strict=True)
    distances = [_cached_distances(one.tobytes(), one.shape, (x, y)) for one, (x, y) in rows]
    return torch.stack(distances).to(alpha.device)


@lru_cache(maxsize=CACHED_SILHOUETTES)
def _cached_distances(alpha: bytes, shape: tuple[int, int], pitch: tuple[float, float]) -> Tensor:
    """Return (H, W) of one image, whose float32 alpha is given row by row.

    Training asks for the same images in each epoch, and these distances take a fifth of a step.
    """
    pixels = np.frombuffer(alpha, np.float32).reshape(shape)
    signed = signed_distances(pixels, pitch, everywhere=True)
    return torch.from_numpy(signed[PADDING:-PADDING, PADDING:-PADDING]).abs()
