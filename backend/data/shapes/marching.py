"""Marching cubes on shapes, evaluated only near the surface."""

import numpy as np
import torch

from ...geometry.meshes import Mesh
from .batch import ShapeBatch
from .shape import Shape

BLOCK = 8  # cells along the side of a block, which is evaluated or skipped as a whole


def mesh_of(shape: Shape, resolution: int, device: torch.device | str = "cpu") -> Mesh:
    """Return a shape's closed surface over [-1, 1]^3, `resolution` cells along each side."""
    batch = ShapeBatch([shape], device)
    vertices, faces = march(batch, np.full(3, -1.0), 2.0 / resolution, np.full(3, resolution))
    points = torch.from_numpy(vertices).to(batch.device)[None]
    return Mesh(
        vertices,
        faces,
        batch.normal(points)[0].cpu().numpy(),
        batch.color(points)[0].cpu().numpy(),
    )


def march(
    batch: ShapeBatch, lower: np.ndarray, cell: float, cells: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mesh the one shape of a batch over a box of cubic cells.

    Values are 1-Lipschitz, so a block contains no surface if the value at its centre exceeds half
    its diagonal; it is filled without evaluation.

    Parameters
    ----------
    batch : one shape
    lower : (3,) corner of the box, object frame
    cell : side of a cell
    cells : (3,) number along each axis

    Returns
    -------
    vertices (V, 3) float32 and faces (F, 3) int32, counter-clockwise seen from outside
    """
    import mcubes

    blocks = -(-np.asarray(cells) // BLOCK)
    which = np.stack(np.meshgrid(*map(np.arange, blocks), indexing="ij"), -1).reshape(-1, 3)
    middle = lower + (which + 0.5) * BLOCK * cell
    at_middle = _values(batch, middle)
    values = np.repeat(at_middle.reshape(blocks), BLOCK, 0).repeat(BLOCK, 1).repeat(BLOCK, 2)
    values = np.pad(values, ((0, 1),) * 3, mode="edge")
    near = np.abs(at_middle) <= np.sqrt(3) / 2 * (BLOCK + 2) * cell  # neighbours share corners
    steps = np.stack(np.meshgrid(*[np.arange(BLOCK + 1)] * 3, indexing="ij"), -1).reshape(-1, 3)
    nodes = (which[near, None] * BLOCK + steps).reshape(-1, 3)
    values[tuple(nodes.T)] = _values(batch, lower + nodes * cell)
    vertices, faces = mcubes.marching_cubes(values, 0.0)
    # PyMCubes expects large values inside; ours are small there, so its faces point inwards.
    return (lower + vertices * cell).astype(np.float32), faces[:, ::-1].astype(np.int32)


def _values(batch: ShapeBatch, points: np.ndarray) -> np.ndarray:
    tensor = torch.from_numpy(points.astype(np.float32)).to(batch.device)
    return batch.distance(tensor[None])[0].cpu().numpy()
