"""TDGN's training sets, embedding and greedy deletion."""

import pytest
import torch
from levelform.backend.fields.svm import gaussian_kernel, solve_svm
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.reconstructors import Code
from levelform.backend.reconstructors.figures.tdgn import (
    delete_greedily,
    embedded_mesh,
    training_set,
)
from setups.tdgn import bend, make


def iou(actual, ground_truth):
    return ((actual & ground_truth).sum() / (actual | ground_truth).sum()).item()


def test_field_is_the_formula_of_equation_5(points):
    model = bend(make())
    code = Code("tdgn", {"features": torch.randn(1, 8)})
    taught = training_set(model, code)
    nothing = torch.zeros(0, 3).int().numpy()
    queries = torch.from_numpy(embedded_mesh(model, code, Mesh(points.numpy(), nothing)).vertices)
    kernel = gaussian_kernel(queries, taught.embedded, taught.sigma)
    values = kernel @ (taught.alphas * taught.labels) + taught.bias
    assert torch.allclose(model.decode(code)(points), -model.log_beta.exp() * values, atol=2e-4)


def test_union_holds_every_views_training_set(photograph, cameras):
    model = bend(make())
    views = [photograph(camera) for camera in cameras[:3]]
    union = training_set(model, model.encode(views, fusion="union"))
    parts = [training_set(model, model.encode([view])) for view in views]
    assert torch.allclose(union.points, torch.cat([p.points for p in parts]), atol=1e-6)
    assert torch.equal(union.labels, torch.cat([p.labels for p in parts]))
    assert union.alphas.max() <= 1 / 3 + 1e-6


def test_training_set_is_the_solved_svm():
    model = bend(make())
    taught = training_set(model, Code("tdgn", {"features": torch.randn(1, 8)}))
    assert taught.labels.tolist() == [1.0] * 4 + [-1.0] * 4
    assert abs((taught.alphas * taught.labels).sum()) < 1e-6
    kernel = gaussian_kernel(taught.embedded, taught.embedded, taught.sigma)
    solution = solve_svm(kernel[None], taught.labels)
    assert torch.allclose(solution.alphas[0], taught.alphas, atol=2e-3)


def test_embedded_mesh_keeps_faces_and_moves_with_the_warp():
    mesh = Mesh(
        torch.rand(10, 3).numpy(),
        torch.randint(0, 10, (6, 3)).int().numpy(),
        normals=torch.rand(10, 3).numpy(),
    )
    code = Code("tdgn", {"features": torch.randn(1, 8)})
    still = embedded_mesh(make(), code, mesh)
    assert abs(still.vertices - mesh.vertices).max() < 1e-6
    moved = embedded_mesh(bend(make()), code, mesh)
    assert abs(moved.vertices - mesh.vertices).max() > 1e-3
    assert (moved.faces == mesh.faces).all()
    assert moved.normals is None


@pytest.mark.parametrize("label", [1, -1])
def test_greedy_deletion_takes_the_best_each_time(label, points):
    model = bend(make())
    code = Code("tdgn", {"features": torch.randn(1, 8)})
    ground_truth = (model.decode(code)(points) < 0).float()
    deletions = delete_greedily(model, code, points, ground_truth, label=label, steps=10)
    assert len(deletions) == 3  # of four points one stays
    keep = torch.ones(8, dtype=torch.bool)
    for deletion in deletions:
        tried = {}
        for index in keep.nonzero()[:, 0].tolist():
            if (1 if index < 4 else -1) == label:
                without = keep.clone()
                without[index] = False
                actual = model.decode(code, keep=without)(points) < 0
                tried[index] = iou(actual, ground_truth > 0)
        assert deletion.iou == pytest.approx(max(tried.values()), abs=0.01)
        assert tried[deletion.index] == pytest.approx(max(tried.values()), abs=0.01)
        keep = deletion.keep
    assert keep.sum() == 5
