"""Sphere tracing: step along each ray by the signed distance until it vanishes.

Values never exceed the true distance, so no surface is stepped over. All rays of a batch step
together; finished ones are removed every few steps.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...geometry.cameras import Camera
from ..shapes.batch import ShapeBatch
from .render import Hits

STEPS = 160
ARRIVED = 2e-4  # object units
COMPACT_EVERY = 4
MARGIN = 2e-3  # margin around the bounding box of a shape


def trace(batch: ShapeBatch, of: Sequence[int], cameras: Sequence[Camera], samples: int) -> Hits:
    """Return the hits of all samples; camera i sees shape of[i] of the batch."""
    batch = ShapeBatch([batch.shapes[i] for i in of], batch.device)
    height, width = cameras[0].height * samples, cameras[0].width * samples
    origin, direction = _rays(cameras, samples, batch.device)
    start, stop = _box_span(batch, origin, direction)
    depth = _march(batch, origin, direction, start, stop)
    hit = depth.isfinite()
    points, surface = _gathered(origin + depth[..., None] * direction, hit)
    normal, material = batch.normal(points)[surface], batch.material(points)[surface]
    index = torch.arange(hit.numel(), device=batch.device).view(hit.shape)
    assert hit.shape[1] == height * width
    return Hits(index[hit], depth[hit], normal, material)


def _rays(cameras: Sequence[Camera], samples: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return origins and directions of all samples, (V, R, 3) each; camera z is 1 along each."""
    height, width = cameras[0].height * samples, cameras[0].width * samples
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = (torch.stack([columns, rows], -1).reshape(-1, 2).to(device) + 0.5) / samples
    pairs = [camera.rays(pixels) for camera in cameras]
    return torch.stack([p[0] for p in pairs]), torch.stack([p[1] for p in pairs])


def _box_span(batch: ShapeBatch, origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Return the entry and exit depths of rays through the shapes' boxes, (V, R) each."""
    half = np.stack([shape.extents for shape in batch.shapes]) / 2 + MARGIN
    half = torch.as_tensor(half, dtype=torch.float32, device=origin.device)[:, None]
    inverse = 1 / torch.where(direction.abs() < 1e-12, 1e-12, direction)
    first, second = (-half - origin) * inverse, (half - origin) * inverse
    start = torch.minimum(first, second).amax(-1)
    return start, torch.maximum(first, second).amin(-1)


def _march(
    batch: ShapeBatch, origin: Tensor, direction: Tensor, start: Tensor, stop: Tensor
) -> Tensor:
    """Return the depth of the first surface along each ray, (V, R); infinite for a miss."""
    result = torch.full_like(start, torch.inf)
    slot, valid = _slots(start < stop)
    depth, limit = start.gather(1, slot), stop.gather(1, slot)
    length = torch.linalg.vector_norm(direction, dim=-1)
    for step in range(STEPS):
        if step % COMPACT_EVERY == 0 and step:
            keep, alive = _slots(valid)
            slot, depth, limit = (t.gather(1, keep) for t in (slot, depth, limit))
            valid = alive
        if not slot.shape[1]:
            break
        ray = slot[..., None].expand(*slot.shape, 3)
        points = origin.gather(1, ray) + depth[..., None] * direction.gather(1, ray)
        values = batch.distance(points)
        arrived = valid & (values < ARRIVED)
        view, number = arrived.nonzero(as_tuple=True)
        result[view, slot[view, number]] = depth[view, number]
        depth = depth + values / length.gather(1, slot)
        valid = valid & ~arrived & (depth < limit)
    return result


def _slots(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the true columns of a mask, (V, R), padded to the longest row, and their validity."""
    count = mask.sum(1)
    longest = int(count.max()) if mask.numel() else 0
    slot = torch.argsort(mask.to(torch.int8), dim=1, descending=True, stable=True)[:, :longest]
    return slot, torch.arange(longest, device=mask.device) < count[:, None]


def _gathered(points: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the masked points, padded to (V, P, 3), and their validity, (V, P)."""
    slot, valid = _slots(mask)
    points = points.gather(1, slot[..., None].expand(*slot.shape, 3))
    return torch.where(valid[..., None], points, 0.0), valid
