"""TDGN: training sets (figures 2, 5, 9), embedding (figure 5), greedy deletion and cells (A.4)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...fields.field import Field
from ...fields.svm import gaussian_kernel, solve_svm
from ...geometry.meshes import Mesh
from ..base import Code
from ..tdgn import TDGN, SolvedSVM


@dataclass(frozen=True)
class TrainingSet:
    """The points that an image became, and what the SVM learned from them.

    Attributes
    ----------
    points : (N, 3) volume frame
    labels : (N,) +1 inside, -1 outside
    embedded : (N, 3) the points in the embedding space, in the volume's axes and units
    sigma : (3,) widths of the kernel in the volume's units
    alphas : (N,) multipliers in [0, C]; a point at 0 does not matter
    bias : the decision function's constant
    """

    points: Tensor
    labels: Tensor
    embedded: Tensor
    sigma: Tensor
    alphas: Tensor
    bias: float


@dataclass(frozen=True)
class Deletion:
    """One step of `delete_greedily`.

    Attributes
    ----------
    index : of the deleted point
    keep : (N,) bool, the points that are left
    iou : of the shape without it
    """

    index: int
    keep: Tensor
    iou: float


@torch.no_grad()
def training_set(model: TDGN, code: Code, *, keep: Tensor | None = None) -> TrainingSet:
    """Return the generated points, their embedding, and the solved dual; `keep` as in `decode`."""
    solved = model.solve(code, keep)
    return TrainingSet(
        model.to_volume(solved.points),
        solved.labels,
        model.to_volume(solved.support),
        solved.sigma.expand(3) / model.scale,
        solved.alphas,
        float(solved.bias),
    )


@torch.no_grad()
def embedded_mesh(model: TDGN, code: Code, mesh: Mesh) -> Mesh:
    """Return the mesh in the embedding space, in the volume's axes and units (figure 5).

    Faces and colours stay; normals are dropped.
    """
    features = model.features_of(code).mean(0, keepdim=True)
    vertices = torch.from_numpy(mesh.vertices).to(model.device)
    warped = model.warp(model.to_method(vertices)[None], features)[0]
    moved = model.to_volume(warped).float().cpu().numpy()
    return Mesh(moved, mesh.faces, None, mesh.colors)


@torch.no_grad()
def delete_greedily(
    model: TDGN, code: Code, points: Tensor, inside: Tensor, *, label: int = 1, steps: int = 10
) -> list[Deletion]:
    """Delete training points one by one, each time the one that costs least IoU (appendix A.4).

    Parameters
    ----------
    points, inside : (P, 3) volume frame and (P,), where and against what the IoU is measured
    label
        +1 to delete points inside, -1 outside.
    steps
        How many; one point of the label always stays.
    """
    whole = model.solve(code, None)
    queries = model.warp(model.to_method(points.to(model.device))[None], whole.features[None])[0]
    seen = gaussian_kernel(queries, whole.support, whole.sigma)  # (P, N)
    ground_truth = inside.to(model.device) > 0.5
    surface = -model.configuration.level / float(model.log_beta.exp())  # S at the baked surface
    keep = torch.ones(len(whole.labels), dtype=torch.bool, device=model.device)
    deletions: list[Deletion] = []
    while len(deletions) < steps and int((whole.labels[keep] == label).sum()) > 1:
        ious = _ious_without_each(whole, keep, label, seen, ground_truth, surface)
        index = int(ious.argmax())
        keep = keep.clone()
        keep[index] = False
        deletions.append(Deletion(index, keep, float(ious[index])))
    return deletions


class NearestField(Field):
    """The 1-nearest-neighbour reading of a training set (equation 8): each point owns a cell.

    The value is half the difference of the distances to the nearest point inside and outside, in
    the embedding space: its zero set is where cells of different labels meet.

    Parameters
    ----------
    model
        With the embedding.
    svm
        The training set and its embedding; its multipliers are not used.
    """

    def __init__(self, model: TDGN, svm: SolvedSVM) -> None:
        self.kind, self.device = "distance", model.device
        self._model, self._svm = model, svm
        self._inside = svm.labels > 0

    def __call__(self, points: Tensor) -> Tensor:
        distances = self.distances(points)
        own = distances[:, self._inside].amin(1)
        return (own - distances[:, ~self._inside].amin(1)) / (2 * self._model.scale)

    @torch.no_grad()
    def distances(self, points: Tensor) -> Tensor:
        """Return (P, N): how far points, (P, 3) volume frame, are from the N embedded ones."""
        features = self._svm.features[None]
        embedded = self._model.warp(self._model.to_method(points)[None], features)[0]
        return torch.cdist(embedded, self._svm.support)

    def owner(self, points: Tensor) -> Tensor:
        """Return (P,): the nearest training point inside, of points (P, 3) on the surface.

        A point of the surface is as far from a point outside.
        """
        distances = self.distances(points)
        return torch.where(self._inside, distances, torch.inf).argmin(1)


def nearest_field(model: TDGN, code: Code) -> NearestField:
    """Return the field of the nearest training point's label."""
    with torch.no_grad():
        return NearestField(model, model.solve(code, None))


def _ious_without_each(
    svm: SolvedSVM,
    keep: Tensor,
    label: int,
    seen: Tensor,
    ground_truth: Tensor,
    surface: float,
) -> Tensor:
    """Return (N,): the IoU with each kept point of `label` deleted; -1 for all other points.

    Parameters
    ----------
    keep : (N,) bool, the points that are left
    seen : (P, N) the kernel between the measured points and the training points
    ground_truth : (P,) bool
    surface : the decision function's value on the surface
    """
    kernel = gaussian_kernel(svm.support, svm.support, svm.sigma)
    left = keep.nonzero()[:, 0]
    candidates = left[svm.labels[left] == label]
    subsets = torch.stack([left[left != candidate] for candidate in candidates])  # (K, n)
    signs = svm.labels[subsets]
    inner = kernel[subsets[:, :, None], subsets[:, None, :]]  # (K, n, n)
    alphas, bias = solve_svm(inner, signs, c=svm.c, ridge=svm.ridge)
    weights = kernel.new_zeros(len(subsets), len(keep)).scatter_(1, subsets, alphas * signs)
    solid = seen @ weights.T + bias > surface  # (P, K)
    intersection, union = solid & ground_truth[:, None], solid | ground_truth[:, None]
    ious = torch.full((len(keep),), -1.0, device=keep.device)
    ious[candidates] = intersection.sum(0) / union.sum(0).clamp(min=1)
    return ious
