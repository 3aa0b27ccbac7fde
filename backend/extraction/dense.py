"""Dense extraction, every node of the grid and PyMCubes: the readable reference for the tests."""

import math
from pathlib import Path

import numpy as np
import torch

from .sampler import FieldEvaluator

_BYTES_A_NODE = 24
"""Bytes per node: float32 values, their capped copy, and PyMCubes' own float64 copies."""


def available_memory() -> int | None:
    """Return the available bytes, None if unknown; Linux kills processes that exceed them."""
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        return None
    entries = dict(line.split(":", 1) for line in text.splitlines())
    return int(entries["MemAvailable"].split()[0]) * 1024


def dense_values(sampler: FieldEvaluator, n: int) -> np.ndarray:
    """Return the field at every node of level `n`, as (X, Y, Z) float32."""
    shape = [count + 1 for count in sampler.grid.shape(n)]
    need, free = _BYTES_A_NODE * math.prod(shape), available_memory()
    if free is not None and need > free:
        raise MemoryError(f"{need} bytes of {free}")
    values = np.zeros(shape, np.float32)
    for x in range(shape[0]):
        plane = torch.meshgrid(torch.arange(shape[1]), torch.arange(shape[2]), indexing="ij")
        places = torch.stack([torch.full_like(plane[0], x), *plane]).reshape(3, -1)
        points = sampler.positions(places.to(sampler.device), n)
        values[x] = sampler.nodes(points).reshape(shape[1:]).cpu().numpy()
    return values


def capped(values: np.ndarray, level: float) -> np.ndarray:
    """Return a copy of the values, (X, Y, Z), with the border nodes outside."""
    closed = values.copy()
    outside = np.float32(
        max(float(values.max()), np.nextafter(np.float32(level), np.float32(np.inf)))
    )
    for axis in range(3):
        for end in (0, -1):
            border = np.moveaxis(closed, axis, 0)[end]
            border[border <= level] = outside
    return closed


def marching_cubes(
    values: np.ndarray, level: float, *, lower: np.ndarray, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return (V, 3) float32 vertices and (F, 3) int32 triangles of a dense grid, by PyMCubes."""
    import mcubes

    vertices, faces = mcubes.marching_cubes(values, level)
    # PyMCubes runs around its triangles the other way.
    faces = np.ascontiguousarray(faces[:, ::-1], dtype=np.int32)
    return (lower + step * vertices).astype(np.float32), faces
