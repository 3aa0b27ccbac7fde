"""Compare one predicted field with the true shape, using `backend.metrics`.

IoU is computed directly from the field at stored points, without a mesh. Distances are between
points on the surfaces of both meshes, scaled so that the true longest side is 1.
"""

from functools import cached_property

import numpy as np
import torch

from ..contract.errors import RequestError
from ..data.format import StoredShape
from ..data.meshes import Solid
from ..extraction import extract
from ..fields import Field
from ..geometry.frames import FRAMES
from ..geometry.meshes import Mesh
from ..metrics import earth_mover, f_score, iou, nearest, precision_recall
from ..metrics.papers import EMPTY_DISTANCE
from .entrants import surface_voxels
from .store import Numbers

BLOCK = 16_384  # points per call
SURFACE_POINTS = 100_000  # for the F-score: enough for a cube to score 0.99 against itself
MEAN_POINTS = 20_000  # for mean distances, a slower measure with less noise
MATCHED_POINTS = 1_024  # for the earth mover's distance, as in Pix3D's protocol
RADIUS = 0.01  # of the F-score: 1 % of the longest side
HIGHER_IS_BETTER = {"iou", "f_score"}


class GroundTruth:
    """A true shape for comparison; costly data is computed once and cached.

    Parameters
    ----------
    shape
        Has labelled points; `surface_numbers` also needs its mesh.
    points
        Name of the point set for the IoU.
    """

    def __init__(self, shape: StoredShape, *, points: str = "uniform") -> None:
        self.shape = shape
        self._points = points

    @cached_property
    def _labelled(self) -> tuple[torch.Tensor, np.ndarray]:
        where = torch.from_numpy(np.array(self.shape[f"{self._points}.points"]))
        return where, self.shape.inside(self._points)

    @property
    def has_mesh(self) -> bool:
        """Whether distances between surfaces can be measured."""
        return "mesh.faces" in self.shape

    @cached_property
    def mesh(self) -> Mesh:
        """The true mesh, object frame."""
        shape = self.shape
        return Mesh(np.array(shape["mesh.vertices"]), np.array(shape["mesh.faces"]))

    @cached_property
    def _unit_from_object(self) -> np.ndarray:
        return FRAMES["unit-cube"](self.mesh.vertices[np.unique(self.mesh.faces)])

    @cached_property
    def _cloud(self) -> np.ndarray:
        return self._points_on(self.mesh, 0)

    def _points_on(self, mesh: Mesh, seed: int) -> np.ndarray:
        """Return (`SURFACE_POINTS`, 3) points, uniform by area, longest true side 1."""
        solid = Solid(mesh, self.shape.id).in_frame(self._unit_from_object)
        return solid.surface(SURFACE_POINTS, np.random.default_rng([seed, 0])).points

    @torch.no_grad()
    def iou(self, field: Field) -> float:
        """Return the IoU of a field with the ground truth at the stored points."""
        where, inside = self._labelled
        predicted = [(field(part.to(field.device)) < 0).cpu() for part in where.split(BLOCK)]
        return iou(torch.cat(predicted).numpy(), inside)

    def coarse_iou(self, voxels: torch.Tensor) -> float:
        """Return the IoU of a coarse volume, (28, 28, 28) bool, with the true surface's voxels."""
        return iou(voxels.numpy(), surface_voxels(self.shape).numpy())

    def surface_numbers(self, mesh: Mesh | None, *, seed: int = 0) -> Numbers:
        """Return distances between a predicted mesh and the true one; longest side 1.

        "accuracy", "coverage", "chamfer_l1" (half their sum), "chamfer_l2" (sum of both mean
        squares), "f_score" in [0, 1] at 1 %, "emd". Without a surface, every distance is
        sqrt(3).

        Parameters
        ----------
        mesh : predicted mesh, object frame; None if there is no surface
        seed : seed of the points sampled on the prediction
        """
        first = None if mesh is None else self._cloud_of(mesh, seed + 1)
        if first is None:
            far = EMPTY_DISTANCE
            return {
                "accuracy": far,
                "coverage": far,
                "chamfer_l1": far,
                "chamfer_l2": 2 * far**2,
                "f_score": 0.0,
                "emd": far,
            }
        return between(first, self._cloud)

    def _cloud_of(self, mesh: Mesh, seed: int) -> np.ndarray | None:
        try:
            return self._points_on(mesh, seed)
        except RequestError:  # a mesh without area
            return None


def between(first: np.ndarray, second: np.ndarray) -> Numbers:
    """Return the distances between two clouds, (N, 3) each; see `GroundTruth.surface_numbers`.

    The numbers equal those of the separate functions in `backend.metrics`, but nearest neighbours
    are computed once. The points are in random order, so the first ones are a random subset.
    """
    some, few = slice(MEAN_POINTS), slice(MATCHED_POINTS)
    forward = nearest(first[some], second[some])[0]
    backward = nearest(second[some], first[some])[0]
    return {
        "accuracy": float(forward.mean()),
        "coverage": float(backward.mean()),
        "chamfer_l1": float(forward.mean() + backward.mean()) / 2,
        "chamfer_l2": float((forward**2).mean() + (backward**2).mean()),
        "f_score": f_score(*precision_recall(first, second, RADIUS)),
        "emd": earth_mover(first[few], second[few]),
    }


def surface_of(field: Field, resolution: int) -> Mesh | None:
    """Return the mesh of a field, without colours; None without a surface."""
    try:
        mesh = extract(field, resolution, color=False)
    except RequestError:
        return None
    return mesh if len(mesh.faces) else None
