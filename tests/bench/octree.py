"""MISE, the multi-resolution extraction of Occupancy Networks, to count its evaluations.

Mescheder et al., "Occupancy Networks", 2019, section 3.4. A coarse grid is evaluated in full; every
leaf voxel that touches a node inside and a node outside is split in eight and the new nodes are
evaluated; a node on the border of a coarser leaf counts for that leaf too, so that splits spread.
The result is the smallest set of leaves in which no leaf above the finest size touches both. Dense
arrays, for small resolutions: this one counts, it is not meant to be quick.
"""

import numpy as np
import torch
from levelform.backend.fields import Field


class Mise:
    """Run MISE on a field over [-1, 1]^3.

    Attributes
    ----------
    evaluations : points at which the field was evaluated
    active : (n, n, n) whether each finest cell was found and has corners on both sides
    """

    def __init__(self, field: Field, n: int, *, start: int = 32, cap: bool = True) -> None:
        self.field, self.n, self.cap = field, n, cap
        self.evaluations = 0
        self.known = np.zeros((n + 1,) * 3, bool)
        self.inside = np.zeros((n + 1,) * 3, bool)
        sizes = [n // start]
        while sizes[-1] > 1:
            sizes.append(sizes[-1] // 2)
        self.leaf = {s: np.full((n // s,) * 3, s == sizes[0]) for s in sizes}
        self.touches = {s: np.zeros((2, *(n // s,) * 3), bool) for s in sizes}
        every = np.arange(0, n + 1, sizes[0])
        grid = np.meshgrid(every, every, every, indexing="ij")
        self._evaluate(np.stack([g.ravel() for g in grid], 1))
        while any([self._split(size) for size in sizes[:-1]]):
            pass
        both = self.touches[1].all(axis=0)
        self.active = self.leaf[1] & both if 1 in self.leaf else both

    def _split(self, size: int) -> bool:
        """Split every leaf of one size that touches both sides; return whether there was one."""
        split = self.leaf[size] & self.touches[size].all(axis=0)
        parents = np.argwhere(split)
        if not len(parents):
            return False
        self.leaf[size] &= ~split
        half = size // 2
        offsets = np.stack(np.meshgrid(*[[0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
        children = (2 * parents[:, None] + offsets).reshape(-1, 3)
        self.leaf[half][tuple(children.T)] = True
        offsets = np.stack(np.meshgrid(*[[0, 1, 2]] * 3, indexing="ij"), -1).reshape(-1, 3)
        nodes = ((2 * parents[:, None] + offsets) * half).reshape(-1, 3)
        self._evaluate(np.unique(nodes[~self.known[tuple(nodes.T)]], axis=0))
        return True

    def _evaluate(self, nodes: np.ndarray) -> None:
        """Evaluate new nodes, and let them count for every voxel that they touch."""
        points = torch.from_numpy((nodes * (2.0 / self.n) - 1).astype(np.float32))
        with torch.no_grad():
            inside = torch.cat([self.field(part) for part in points.split(8192)]).numpy() <= 0
        self.evaluations += len(nodes)
        if self.cap:
            inside &= ~((nodes == 0) | (nodes == self.n)).any(axis=1)
        self.known[tuple(nodes.T)] = True
        self.inside[tuple(nodes.T)] = inside
        for size, touches in self.touches.items():
            for corner in np.ndindex(2, 2, 2):
                voxel = nodes // size - np.array(corner) * (nodes % size == 0)
                fits = ((voxel >= 0) & (voxel < self.n // size)).all(axis=1)
                touches[(inside[fits].astype(int), *voxel[fits].T)] = True
