"""The winding number of triangles at all nodes of a grid at once, by one Poisson equation.

The generalised winding number w of a surface (Jacobson, Kavan and Sorkine-Hornung, SIGGRAPH 2013)
is harmonic except on the surface, where it jumps by one: its gradient is minus the field of the
triangles' area vectors plus a divergence-free field, so that

    laplace w = -div (area vectors),

the equation of "Poisson Surface Reconstruction" (Kazhdan, Bolitho and Hoppe, SGP 2006). A fast
Fourier transform solves it on the whole grid for the cost of a tree at some thousand points. The
jump is spread over the two nodes on either side of a triangle. Elsewhere the values are the winding
number's, up to the periodic copies of the surface, which a margin keeps away.
"""

import torch
from torch import Tensor

MARGIN = 1.3  # side of the periodic box, in sides of the grid


def winding_grid(corners: Tensor, nodes: int) -> Tensor:
    """Return the winding number at the nodes of a grid over [-1, 1]^3, (nodes, nodes, nodes).

    Parameters
    ----------
    corners
        (T, 3, 3) triangles in the cube, counter-clockwise seen from outside, on the CPU; or
        (T, n, 3, 3), groups of n neighbours. Each triangle or group acts at its centre, so it
        should be smaller than the grid's cells.
    nodes
        Along a side.
    """
    side = round(MARGIN * nodes)
    scaled = (corners + 1) * ((nodes - 1) / 2)  # from here on a cell's side is 1
    edges = scaled[..., 1:, :] - scaled[..., :1, :]
    areas = torch.linalg.cross(edges[..., 0, :], edges[..., 1, :]) / 2
    centers = scaled.mean(-2)
    if corners.ndim == 4:
        areas, centers = areas.sum(1), centers.mean(1)
    frequency = [torch.fft.fftfreq(side), torch.fft.fftfreq(side), torch.fft.rfftfreq(side)]
    divergence = torch.zeros((side,) * 3)
    laplacian = torch.zeros(())
    for axis in range(3):
        field = _on_edges(centers, areas[:, axis], axis, side)
        divergence += field - field.roll(1, axis)
        shape = [-1 if other == axis else 1 for other in range(3)]
        step = 2 * torch.sin(torch.pi * frequency[axis])  # of w from one node to the next
        laplacian = laplacian + step.square().view(shape)
    laplacian[0, 0, 0] = 1.0  # the mean is arbitrary; below, the margin's far corner becomes 0
    winding = torch.fft.irfftn(torch.fft.rfftn(divergence) / laplacian, s=(side,) * 3)
    middle = (nodes + side) // 2
    return (winding - winding[middle, middle, middle])[:nodes, :nodes, :nodes]


def _on_edges(centers: Tensor, amounts: Tensor, axis: int, side: int) -> Tensor:
    """Return (side, side, side): amounts, (T,), spread linearly over the eight nearest edges.

    Entry (i, j, k) is the edge from that node to the next along `axis`; the box is periodic.
    """
    place = centers.clone()
    place[:, axis] -= 0.5
    low = place.floor()
    fraction = place - low
    x, y, z = torch.stack([low, low + 1], 1).long().remainder(side).unbind(2)  # (T, 2) each
    along_x, along_y, along_z = torch.stack([1 - fraction, fraction], 1).unbind(2)
    plane = ((x * side)[:, :, None] + y[:, None]).flatten(1)  # (T, 4)
    cell = ((plane * side)[:, :, None] + z[:, None]).flatten()  # (8 T,)
    weights = (along_x[:, :, None] * along_y[:, None]).flatten(1) * amounts[:, None]
    weights = (weights[:, :, None] * along_z[:, None]).flatten()
    return torch.bincount(cell, weights, minlength=side**3).float().view(side, side, side)
