"""SDF-SRN's renderings."""

import torch
from levelform.backend.geometry.srgb import srgb_from_linear
from levelform.backend.reconstructors.figures.sdf_srn import render
from setups.sdf_srn import orbit, sphere_view, tiny


def test_rendering_shows_the_decoded_field():
    model = tiny()
    code = model.encode([sphere_view()])
    camera = orbit(75, size=24)
    image = render(model, code, camera)
    assert image.color.shape == image.normals.shape == (24, 24, 3)
    torch.testing.assert_close(image.normals.norm(dim=-1), torch.ones(24, 24))
    y, x = torch.meshgrid(torch.arange(24) + 0.5, torch.arange(24) + 0.5, indexing="ij")
    origins, directions = camera.rays(torch.stack([x, y], -1).reshape(-1, 2))
    points = origins + image.depth.reshape(-1, 1) * directions
    colors = model.decode(code).color(points)[:, :3]
    srgb = srgb_from_linear(colors)
    torch.testing.assert_close(image.color.reshape(-1, 3), srgb, rtol=0, atol=1e-3)
