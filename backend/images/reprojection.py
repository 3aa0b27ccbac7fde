"""Reproject an image to another camera at the same place; exact, since it is a homography."""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..geometry.cameras import Camera
from .alpha import premultiply, straighten

STEP_NOISE = 1e-6  # tolerance of a step for rounding, pixels
SPREAD = 1.25  # pixels: from this step on the samples of a pixel are spread evenly


def reproject(image: Tensor, camera: Camera, target: Camera) -> Tensor:
    """Resample an image as another camera at the same place takes it.

    Parameters
    ----------
    image : (H, W, 4) straight alpha, taken by `camera`
    target : at the same place as `camera` (orthographic: with the same direction)

    Returns
    -------
    (target.height, target.width, 4), straight alpha; transparent outside the image of `camera`.
    Exact up to resampling: shrunk images are averaged over 2 x 2 samples a pixel, whose distance
    grows from 0 while the step does from 1 to `SPREAD`, so that a small change of the intrinsics
    changes the image little.
    """
    step = _spacing(camera, target)
    flat = premultiply(image).permute(2, 0, 1)[None].float()  # (1, 4, H, W)
    shrink = max(1, math.floor(step / 2 + STEP_NOISE))
    if shrink > 1:
        flat = F.avg_pool2d(_pad_to_multiple(flat, shrink), shrink)
    spread = min(max((step - 1 - STEP_NOISE) / (SPREAD - 1), 0.0), 1.0)
    samples = 2 if spread else 1
    pixels, seen = _source_pixels(camera, target, samples=samples, spread=spread)
    size = torch.tensor([flat.shape[3], flat.shape[2]], dtype=torch.float64)
    grid = 2 * pixels / shrink / size - 1
    grid = torch.where(seen[..., None], grid, torch.full_like(grid, 2.0)).float().to(flat.device)
    taken = F.grid_sample(flat, grid[None], padding_mode="zeros", align_corners=False)
    taken = F.avg_pool2d(taken, samples) if samples > 1 else taken
    return straighten(taken[0].permute(1, 2, 0)).to(image.dtype)


def _source_pixels(
    camera: Camera, target: Camera, *, samples: int, spread: float
) -> tuple[Tensor, Tensor]:
    """Return each sample's position in `camera`, (h, w, 2), and whether it is in front of it.

    `spread` is the distance of a pixel's samples as a fraction of the even one; 0: its centre.
    """
    y = _sample_positions(target.height, samples, spread)
    x = _sample_positions(target.width, samples, spread)
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    origins, directions = target.rays(torch.stack([grid_x, grid_y], -1))
    pixels, depth = camera.project(origins + directions)
    return pixels, torch.ones_like(depth, dtype=torch.bool) if camera.orthographic else depth > 1e-6


def _spacing(camera: Camera, target: Camera) -> float:
    """Return how many pixels of `camera` one pixel of `target` spans, at the image's centre."""
    middle = torch.tensor([target.cx, target.cy], dtype=torch.float64)
    around = middle + torch.tensor([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
    origins, directions = target.rays(around)
    pixels, _ = camera.project(origins + directions)
    spans = torch.linalg.vector_norm(pixels[::2] - pixels[1::2], dim=1)
    return float(spans.max())


def _sample_positions(count: int, samples: int, spread: float) -> Tensor:
    """Return the samples' positions along one axis of `count` pixels, (count * samples,)."""
    within = ((torch.arange(samples, dtype=torch.float64) + 0.5) / samples - 0.5) * spread + 0.5
    return (torch.arange(count, dtype=torch.float64)[:, None] + within).flatten()


def _pad_to_multiple(images: Tensor, step: int) -> Tensor:
    height, width = images.shape[2:]
    return F.pad(images, (0, -width % step, 0, -height % step))
