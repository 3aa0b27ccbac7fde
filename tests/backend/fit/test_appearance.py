import torch
from levelform.backend.fit.appearance import first_globals, harmonics, shade

CPU = torch.device("cpu")


def test_even_light_shows_the_albedo():
    shared = first_globals(CPU)
    shared[-2] = -30.0  # no highlight
    albedo = torch.rand(5, 3)
    normals = torch.nn.functional.normalize(torch.randn(5, 3), dim=1)
    assert torch.allclose(shade(albedo, normals, -normals, shared), albedo, atol=1e-6)


def test_harmonics_are_orthogonal_over_the_sphere():
    normals = torch.nn.functional.normalize(
        torch.randn(200_000, 3, generator=torch.Generator().manual_seed(0)), dim=1
    )
    products = harmonics(normals).T @ harmonics(normals) / len(normals)
    off = products - torch.diag(products.diag())
    assert off.abs().max() < 0.02


def test_the_highlight_is_where_the_light_is_mirrored():
    shared = first_globals(CPU)
    shared[:27].view(9, 3)[3] = 1.0  # light from above
    shared[-2], shared[-1] = 0.0, 3.0
    up = torch.tensor([[0.0, 0.0, 1.0]])
    black = torch.zeros(1, 3)
    straight = shade(black, up, -up, shared)
    aside = shade(black, up, torch.tensor([[0.8, 0.0, -0.6]]), shared)
    assert torch.allclose(straight, torch.ones(1, 3), atol=1e-5)
    assert aside.max() < 0.01
