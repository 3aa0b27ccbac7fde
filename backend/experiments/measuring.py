"""Numbers of one predicted field against the true shape, all by `backend.metrics`.

Overlap is taken through the field at stored points, so no mesh comes between. Distances are between
points on the surfaces of both meshes, the object's longest side being 1.
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

BLOCK = 16_384  # points a call
SURFACE_POINTS = 100_000  # for the F-score: even of a full cube it can reach 0.99 then
MEAN_POINTS = 20_000  # for mean distances, which need fewer and take longer
MATCHED_POINTS = 1_024  # for the earth mover's distance, as in Pix3D's protocol
RADIUS = 0.01  # of the F-score: 1 % of the longest side
HIGHER_IS_BETTER = {"iou", "f_score"}


class GroundTruth:
    """A true shape, ready to be compared with; what is costly is made once and kept.

    Parameters
    ----------
    shape
        With labelled points; with a mesh too for `surface_numbers`.
    points
        Name of the set of points for the overlap.
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
        """Return (`SURFACE_POINTS`, 3) points, even by area, longest true side 1."""
        solid = Solid(mesh, self.shape.id).in_frame(self._unit_from_object)
        return solid.surface(SURFACE_POINTS, np.random.default_rng([seed, 0])).points

    @torch.no_grad()
    def iou(self, field: Field) -> float:
        """Return the IoU of a field with the truth at the stored points."""
        where, inside = self._labelled
        predicted = [(field(part.to(field.device)) < 0).cpu() for part in where.split(BLOCK)]
        return iou(torch.cat(predicted).numpy(), inside)

    def coarse_iou(self, voxels: torch.Tensor) -> float:
        """Return the IoU of a coarse volume, (28, 28, 28) bool, with the true surface's voxels."""
        return iou(voxels.numpy(), surface_voxels(self.shape).numpy())

    def surface_numbers(self, mesh: Mesh | None, *, seed: int = 0) -> Numbers:
        """Return distances between a predicted mesh and the true one; longest side 1.

        "accuracy", "coverage", "chamfer_l1" (half their sum), "chamfer_l2" (sum of both mean
        squares), "f_score" in [0, 1] at 1 %, "emd". Without a surface every point counts as
        sqrt(3) away.

        Parameters
        ----------
        mesh : object frame; None: nothing was reconstructed
        seed : of the points that are drawn on the prediction
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
    """Return the distances of two clouds, (N, 3) each; see `GroundTruth.surface_numbers`.

    The same numbers as `backend.metrics` gives one by one, of nearest neighbours found once. The
    points come in no order, so any of them will do where fewer are needed.
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
    """Return the mesh of a field, without colours; None where it has no surface."""
    try:
        mesh = extract(field, resolution, color=False)
    except RequestError:
        return None
    return mesh if len(mesh.faces) else None
