"""Samples points of shapes, for many shapes at once."""

import numpy as np
import torch
from torch import Tensor

from ...contract.errors import WorkError
from .batch import ShapeBatch

ON_FACET = 4e-3  # object units: maximum distance of a facet from its surface, with a margin
ON_SURFACE = 5e-4  # object units: tolerance after projection; more indicates a hidden seam
ROUNDS = 24


def uniform_points(
    batch: ShapeBatch, count: int, *, generator: torch.Generator, half: float = 1.0
) -> Tensor:
    """Draw points in the cube [-half, half]^3, (B, count, 3)."""
    size = (len(batch), count, 3)
    return (torch.rand(size, generator=generator).to(batch.device) * 2 - 1) * half


def near_surface_points(
    batch: ShapeBatch, count: int, *, generator: torch.Generator, sigma: float = 0.05
) -> Tensor:
    """Draw points on the surface plus Gaussian noise of std `sigma`.

    Returns
    -------
    (B, count, 3), object units
    """
    points, _ = surface_points(batch, count, generator=generator)
    noise = torch.randn(points.shape, generator=generator).to(batch.device)
    return points + sigma * noise


@torch.no_grad()
def surface_points(
    batch: ShapeBatch, count: int, *, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw points on the visible surface, uniform by area, with their normals.

    Points are drawn on the triangles of `Shape.surface`; those inside another part are rejected,
    and the others are projected from their facet onto the surface.

    Returns
    -------
    points : (B, count, 3)
    normals : (B, count, 3), unit length, pointing outside

    Raises
    ------
    WorkError
        If almost all of a shape's surface lies inside other parts.
    """
    points = torch.zeros(len(batch), count, 3, device=batch.device)
    normals = torch.zeros_like(points)
    filled = torch.zeros(len(batch), dtype=torch.long, device=batch.device)
    for _ in range(ROUNDS):
        drawn, normal = _on_triangles(batch, max(64, count), generator)
        values = batch.distance(drawn)
        drawn = drawn - values[..., None] * normal
        good = (values.abs() < ON_FACET) & (batch.distance(drawn).abs() < ON_SURFACE)
        slot = filled[:, None] + good.cumsum(1) - 1
        use = good & (slot < count)
        row = torch.arange(len(batch), device=batch.device)[:, None].expand_as(use)
        points[row[use], slot[use]] = drawn[use]
        normals[row[use], slot[use]] = normal[use]
        filled += use.sum(1)
        if int(filled.min()) >= count:
            return points, normals
    thin = batch.shapes[int(filled.argmin())]
    raise WorkError(f"Almost no surface of the {thin.name} is outside of its other parts.")


def _on_triangles(
    batch: ShapeBatch, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw points and normals, (B, count, 3) each, uniformly on all triangles, also hidden ones."""
    numbers = torch.rand(3, len(batch), count, generator=generator).numpy()
    points, normals = np.zeros((2, len(batch), count, 3), np.float32)
    for i, shape in enumerate(batch.shapes):
        surface = shape.surface
        upto = np.cumsum(surface.areas)
        face = np.searchsorted(upto, numbers[0, i] * upto[-1]).clip(max=len(upto) - 1)
        root = np.sqrt(numbers[1, i])
        weights = np.stack([1 - root, root * (1 - numbers[2, i]), root * numbers[2, i]], 1)
        corners = surface.faces[face]
        points[i] = np.einsum("pk,pkc->pc", weights, surface.vertices[corners])
        normals[i] = np.einsum("pk,pkc->pc", weights, surface.normals[corners])
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True).clip(1e-12)
    return torch.from_numpy(points).to(batch.device), torch.from_numpy(normals).to(batch.device)
