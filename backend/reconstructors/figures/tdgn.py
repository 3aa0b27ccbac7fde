"""TDGN: training sets (figures 2, 5 and 9), the embedding (figure 5), greedy deletion (A.4)."""

from dataclasses import dataclass

import torch
from torch import Tensor

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
    keep = torch.ones(len(whole.labels), dtype=torch.bool, device=model.device)
    deletions: list[Deletion] = []
    while len(deletions) < steps and int((whole.labels[keep] == label).sum()) > 1:
        ious = _ious_without_each(whole, keep, label, seen, ground_truth)
        index = int(ious.argmax())
        keep = keep.clone()
        keep[index] = False
        deletions.append(Deletion(index, keep, float(ious[index])))
    return deletions


def _ious_without_each(
    svm: SolvedSVM, keep: Tensor, label: int, seen: Tensor, ground_truth: Tensor
) -> Tensor:
    """Return (N,): the IoU with each kept point of `label` deleted; -1 for all other points.

    Parameters
    ----------
    keep : (N,) bool, the points that are left
    seen : (P, N) the kernel between the measured points and the training points
    ground_truth : (P,) bool
    """
    kernel = gaussian_kernel(svm.support, svm.support, svm.sigma)
    left = keep.nonzero()[:, 0]
    candidates = left[svm.labels[left] == label]
    subsets = torch.stack([left[left != candidate] for candidate in candidates])  # (K, n)
    signs = svm.labels[subsets]
    inner = kernel[subsets[:, :, None], subsets[:, None, :]]  # (K, n, n)
    alphas, bias = solve_svm(inner, signs, c=svm.c, ridge=svm.ridge)
    weights = kernel.new_zeros(len(subsets), len(keep)).scatter_(1, subsets, alphas * signs)
    solid = seen @ weights.T + bias > 0  # (P, K)
    intersection, union = solid & ground_truth[:, None], solid | ground_truth[:, None]
    ious = torch.full((len(keep),), -1.0, device=keep.device)
    ious[candidates] = intersection.sum(0) / union.sum(0).clamp(min=1)
    return ious
