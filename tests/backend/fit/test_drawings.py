"""Drawings in flat colours are known by their colours and their camera."""

import numpy as np
import pytest
import torch
from levelform.backend.fit.drawings import is_flat_drawing
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View

SIDE = 40


def view(colors, *, orthographic=True, radius=15):
    camera = Camera(np.eye(4), 20.0, 20.0, SIDE / 2, SIDE / 2, SIDE, SIDE, orthographic)
    image = torch.ones(SIDE, SIDE, 4)
    image[..., :3] = colors
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    inside = ((x - SIDE / 2) ** 2 + (y - SIDE / 2) ** 2).sqrt() < radius
    image[..., 3] = inside.float()
    return View(image, camera, "view")


def several():
    colors = torch.full((SIDE, SIDE, 3), 0.2)
    colors[:20], colors[:, 25:] = 0.5, 0.8
    return colors


@pytest.mark.parametrize("colors", [torch.full((SIDE, SIDE, 3), 0.4), several()])
def test_one_or_several_flat_colours_are_a_drawing(colors):
    assert is_flat_drawing(view(colors))


def test_what_is_shaded_textured_or_seen_in_perspective_is_not():
    shade = torch.linspace(0, 1, SIDE)[None, :, None].expand(SIDE, SIDE, 3)
    noise = torch.rand(SIDE, SIDE, 3, generator=torch.Generator().manual_seed(0))
    assert not is_flat_drawing(view(shade))
    assert not is_flat_drawing(view(noise))
    assert not is_flat_drawing(view(several(), orthographic=False))
    assert not is_flat_drawing(view(several(), radius=1))  # too few pixels to tell
