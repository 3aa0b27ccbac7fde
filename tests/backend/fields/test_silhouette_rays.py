"""Rays with known silhouettes: Eq. 1 of SDF-SRN, pixels, and sampling without replacement."""

import torch
from levelform.backend.fields.silhouette_rays import SilhouetteRays, silhouette_rays


def test_the_closed_form_is_the_distance_to_the_shifted_ray():
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(1, 50, 2, generator=generator, dtype=torch.float64)
    distance = torch.rand(1, 50, generator=generator, dtype=torch.float64)
    depth = 2 + torch.rand(1, 50, generator=generator, dtype=torch.float64)
    blank = torch.zeros(1, 50, 3)
    half = depth[:, :1]
    rays = SilhouetteRays(
        origins=blank,
        directions=blank,
        advance=0 * half,
        color=blank,
        inside=distance > 0,
        distance=distance,
        radius=u.norm(dim=-1),
        half_pixel=half,
        orthographic=False,
    )
    # Eq. 1 as written: the rejection of z (u, 1) from (v, 1), v = u (1 + D / |u|).
    v = u * (1 + distance / u.norm(dim=-1))[..., None]
    u1, v1 = (torch.cat([w, torch.ones_like(w[..., :1])], -1) for w in (u, v))
    fraction = (v1 * u1).sum(-1) / (v1 * v1).sum(-1)
    expected = depth * (u1 - fraction[..., None] * v1).norm(dim=-1)
    torch.testing.assert_close(rays.lower_bound(depth), expected)


def disc(size=16):
    """Return rays of one image with a disc in the middle, from a distance of 3."""
    y, x = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
    alpha = (size / 4 - torch.hypot(x - size / 2, y - size / 2) + 0.5).clamp(0, 1)
    image = torch.stack([x / size, y / size, 0 * x, alpha])[None]
    pose = torch.eye(4)[None].clone()
    pose[:, 2, 3] = 3.0
    middle = size / 2
    intrinsics = torch.tensor([[float(size), float(size), middle, middle]])
    return silhouette_rays(image, pose, intrinsics, distance=2.0), alpha


def test_rays_start_where_the_training_cameras_stand():
    rays, _ = disc()
    assert (rays.advance == 1.0).all()
    torch.testing.assert_close(rays.at(torch.zeros(1, 256)), rays.origins)
    depths = rays.at(torch.full((1, 256), 2.0))[..., 2]  # as deep as the frame's origin
    torch.testing.assert_close(depths, torch.zeros(1, 256), atol=1e-6, rtol=0)


def test_the_distance_to_the_edge_is_that_of_the_disc():
    rays, alpha = disc()
    assert torch.equal(rays.inside, (alpha >= 0.5).flatten()[None])
    expected = (rays.radius - 0.25).abs()
    assert (rays.distance - expected)[expected < 2 / 16].abs().max() < 0.02  # a third of a pixel


def test_rays_are_sampled_without_replacement_and_together():
    rays, _ = disc()
    sampled = rays.sample(40, torch.Generator().manual_seed(0))
    assert len(sampled.directions[0].unique(dim=0)) == 40
    for direction, inside, color in zip(
        sampled.directions[0], sampled.inside[0], sampled.color[0], strict=True
    ):
        index = int((rays.directions[0] - direction).abs().sum(1).argmin())
        assert rays.inside[0, index] == inside
        assert torch.equal(rays.color[0, index], color)
    assert rays.sample(256, None) is rays
