"""Deep Meta Functionals' thresholds, Jacobian norm and silhouettes."""

import torch
from levelform.backend.reconstructors import Code
from levelform.backend.reconstructors.figures.deep_meta_functionals import (
    THRESHOLDS,
    axis_rays,
    jacobian_colors,
    jacobian_norm,
    render_silhouettes,
    silhouette_loss,
)
from setups.deep_meta_functionals import make


def test_threshold_family_is_nested(points, photograph, cameras):
    model = make()
    field = model.decode(model.encode([photograph(cameras[0])]))
    values = field(points)
    for threshold in THRESHOLDS:
        assert torch.equal(values < field.level(threshold), (-values).sigmoid() > threshold)
    sizes = [int((values < field.level(threshold)).sum()) for threshold in THRESHOLDS]
    assert sizes == sorted(sizes, reverse=True)


def test_jacobian_norm_against_finite_differences(photograph, cameras, disturbed):
    model = disturbed(make())
    embedding = model.encode([photograph(cameras[0])]).tensors["embedding"]
    field = model.double().decode(Code(model.spec.name, {"embedding": embedding.double()}))
    points = torch.rand(40, 3, dtype=torch.float64) - 0.5
    step = 1e-5 * torch.eye(3, dtype=torch.float64)
    slopes = torch.stack([(field(points + d) - field(points - d)) / 2e-5 for d in step], 1)
    assert torch.allclose(jacobian_norm(field, points), slopes.norm(dim=1), rtol=1e-5)


def test_jacobian_colors_run_from_yellow_to_blue():
    colors = jacobian_colors(torch.tensor([2.0, 4.0, 3.0]))
    expected = torch.tensor([[1.0, 1, 0, 1], [0, 0, 1, 1], [0.5, 0.5, 0.5, 1]])
    torch.testing.assert_close(colors, expected)


class Ball:
    """A functional whose logit is a sphere's signed distance, times 40."""

    def __call__(self, points):
        return 40 * (0.6 - (points - torch.tensor([0.2, 0.0, -0.1])).norm(dim=-1))


def test_silhouettes_are_maxima_along_rays():
    rays = axis_rays(32, 64, generator=torch.Generator().manual_seed(0))
    assert rays.shape == (3 * 32 * 32, 64, 3)
    assert rays.abs().max() <= 1
    seen = render_silhouettes(Ball(), rays[None]).reshape(3, 32, 32)
    centers = (torch.arange(32) + 0.5) / 16 - 1
    row, column = torch.meshgrid(centers, centers, indexing="ij")
    # Looking along x the rows are y and the columns z, and so on.
    for image, (a, b) in zip(seen, [(0.0, -0.1), (0.2, -0.1), (0.2, 0.0)], strict=True):
        wanted = ((row - a) ** 2 + (column - b) ** 2).sqrt() < 0.6
        assert ((image > 0.5) == wanted).float().mean() > 0.97


def test_silhouette_loss_has_gradients_and_learns(silent):
    model = make().train()
    images = torch.rand(1, 4, 24, 24)
    centers = (torch.arange(16) + 0.5) / 8 - 1
    disc = (centers[:, None] ** 2 + centers**2 < 0.3).float()
    target = disc.expand(1, 3, 16, 16)
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(60):
        loss = silhouette_loss(model, images, target, samples=16, generator=generator)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]
