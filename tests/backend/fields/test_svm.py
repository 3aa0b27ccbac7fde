"""The SVM layer against libsvm, its own optimality conditions, and central differences."""

import pytest
import torch
from levelform.backend.fields.svm import RIDGE, gaussian_kernel, solve_svm
from sklearn.svm import SVC

DOUBLE = torch.float64


def problem(batch=6, count=16, *, seed=0, sigma=0.3):
    """Return points (B, N, 3), labels (N,) half and half, sigmas (B, 3)."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(batch, count, 3, generator=generator, dtype=DOUBLE) - 0.5
    labels = torch.ones(count, dtype=DOUBLE)
    labels[count // 2 :] = -1
    spread = torch.rand(batch, 3, generator=generator, dtype=DOUBLE) + 0.5
    return points, labels, sigma * spread


def libsvm(kernel, labels, c):
    """Return libsvm's multipliers (N,) and bias for one precomputed kernel (N, N)."""
    machine = SVC(C=c, kernel="precomputed", tol=1e-10).fit(kernel.numpy(), labels.numpy())
    alphas = torch.zeros_like(labels)
    alphas[machine.support_] = torch.tensor(machine.dual_coef_[0]) * labels[machine.support_]
    return alphas, float(machine.intercept_[0])


@pytest.mark.parametrize("count", [4, 8, 16, 32, 64])
@pytest.mark.parametrize("c", [1.0, 0.5])
def test_agrees_with_libsvm(count, c):
    points, labels, sigma = problem(count=count, seed=count)
    kernel = gaussian_kernel(points, points, sigma)
    alphas, bias = solve_svm(kernel, labels, c=c)
    ridged = kernel + RIDGE * torch.eye(count, dtype=DOUBLE)
    for index in range(len(kernel)):
        wanted, offset = libsvm(ridged[index], labels, c)
        assert (alphas[index] - wanted).abs().max() < 1e-5
        if ((wanted > 1e-3 * c) & (wanted < (1 - 1e-3) * c)).any():
            assert bias[index].item() == pytest.approx(offset, abs=1e-5)


def test_ridge_hardly_matters():
    points, labels, sigma = problem(count=32)
    kernel = gaussian_kernel(points, points, sigma)
    alphas, bias = solve_svm(kernel, labels)
    for index in range(len(kernel)):
        wanted, offset = libsvm(kernel[index], labels, 1.0)
        assert (alphas[index] - wanted).abs().max() < 1e-4
        assert bias[index].item() == pytest.approx(offset, abs=1e-4)


@pytest.mark.parametrize("count", [4, 32])
def test_optimality_conditions(count):
    points, labels, sigma = problem(batch=64, count=count, seed=3)
    kernel = gaussian_kernel(points, points, sigma)
    alphas, bias = solve_svm(kernel, labels)
    assert (alphas * labels).sum(1).abs().max() < 1e-8
    assert alphas.min() >= 0
    assert alphas.max() <= 1
    margins = labels * ((kernel @ (alphas * labels)[..., None])[..., 0] + bias[:, None])
    free = (alphas > 1e-4) & (alphas < 1 - 1e-4)
    assert free.any()
    assert (margins[free] - 1).abs().max() < 1e-4
    assert (margins[alphas <= 1e-4] > 1 - 1e-4).all()
    assert (margins[alphas >= 1 - 1e-4] < 1 + 1e-4).all()


def test_float32_comes_back_as_float32():
    points, labels, sigma = problem()
    kernel = gaussian_kernel(points, points, sigma)
    single = solve_svm(kernel.float(), labels.float())
    assert single.alphas.dtype == torch.float32
    assert (single.alphas - solve_svm(kernel, labels).alphas).abs().max() < 1e-4


def decision(points, sigma, queries, labels):
    """Return S (B, Q) with everything that depends on the points."""
    alphas, bias = solve_svm(gaussian_kernel(points, points, sigma), labels)
    weights = (alphas * labels)[:, None, :]
    return (weights * gaussian_kernel(queries, points, sigma)).sum(-1) + bias[:, None]


def test_gradients_against_central_differences():
    points, labels, sigma = problem(batch=2, count=8, seed=5)
    queries = torch.rand(2, 5, 3, dtype=DOUBLE) - 0.5
    assert torch.autograd.gradcheck(
        lambda p, s: decision(p, s, queries, labels),
        (points.requires_grad_(), sigma.requires_grad_()),
        eps=1e-5,
        atol=1e-3,
        rtol=1e-3,
    )


def test_gradient_of_the_kernel_alone():
    points, labels, sigma = problem(batch=2, count=6, seed=8)
    kernel = gaussian_kernel(points, points, sigma)

    def solve(half):
        return solve_svm((half + half.transpose(1, 2)) / 2, labels)

    assert torch.autograd.gradcheck(solve, (kernel.requires_grad_(),), eps=1e-6, atol=1e-4)


@pytest.mark.parametrize("kind", ["duplicates", "wide", "narrow"])
def test_degenerate_problems_stay_finite(kind):
    points, labels, sigma = problem(count=16, sigma={"wide": 50.0, "narrow": 1e-3}.get(kind, 0.3))
    if kind == "duplicates":
        points = torch.cat([points[:, :8], points[:, :8]], 1)
    points.requires_grad_()
    kernel = gaussian_kernel(points, points, sigma)
    alphas, bias = solve_svm(kernel, labels)
    (alphas.sum() + bias.sum()).backward()
    assert alphas.isfinite().all()
    assert bias.isfinite().all()
    assert points.grad.isfinite().all()
    if kind != "narrow":  # nothing separates the labels: every multiplier is at its bound
        assert alphas.min() > 1 - 1e-5


def test_duplicated_points_at_a_fraction_of_the_bound_change_nothing():
    points, labels, sigma = problem(count=16)
    kernel = gaussian_kernel(points, points, sigma)
    once = solve_svm(kernel, labels)
    twice = solve_svm(kernel.repeat(1, 2, 2), labels.repeat(2), c=0.5, ridge=2 * RIDGE)
    assert (twice.alphas[:, :16] + twice.alphas[:, 16:] - once.alphas).abs().max() < 1e-9
    assert (twice.bias - once.bias).abs().max() < 1e-9


def test_isotropic_kernel_is_the_anisotropic_one_with_equal_widths():
    points, _, _ = problem()
    width = torch.full((6, 1), 0.4, dtype=DOUBLE)
    one = gaussian_kernel(points, points, width)
    assert torch.allclose(one, gaussian_kernel(points, points, width.expand(6, 3)))
    distance = (points[0, 0] - points[0, 1]).square().sum()
    assert one[0, 0, 1].item() == pytest.approx(torch.exp(-distance / 0.16).item())
