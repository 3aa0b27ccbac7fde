"""Images made smaller with their cameras: edges and colours keep their place."""

import numpy as np
import pytest
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.images import resized, shrink
from levelform.backend.geometry.views import View

CAMERA = Camera(np.eye(4), 300, 280, 151, 99, 300, 200)


def test_a_small_image_is_left_alone():
    view = View(torch.rand(200, 300, 4), CAMERA, "v")
    assert shrink(view, 300) is view


@pytest.mark.parametrize("longest", [100, 77])
def test_an_edge_keeps_its_place_and_a_camera_its_rays(longest):
    image = torch.zeros(200, 300, 4)
    image[:, :123] = 1.0
    small = shrink(View(image, CAMERA, "v"), longest)
    height, width = small.image.shape[:2]
    assert max(height, width) == longest
    covered = small.image[..., 3].sum(1) / width
    torch.testing.assert_close(covered, torch.full_like(covered, 0.41), atol=2e-3, rtol=0)
    pixels = torch.tensor([[0.0, 0.0], [300.0, 200.0], [151.0, 30.0]])
    _, want = CAMERA.rays(pixels)
    _, got = small.camera.rays(pixels * torch.tensor([width / 300, height / 200]))
    torch.testing.assert_close(got, want, atol=1e-5, rtol=0)


def test_colours_are_weighed_by_alpha():
    image = torch.zeros(8, 8, 4)
    image[:, 1::2] = torch.tensor(
        [1.0, 0.5, 0.0, 1.0]
    )  # every other column, black and clear between
    small = shrink(View(image, None, "v"), 4).image
    assert small.shape == (4, 4, 4)
    torch.testing.assert_close(small[1:3, 1:3, :3], torch.tensor([1.0, 0.5, 0.0]).expand(2, 2, 3))
    torch.testing.assert_close(small[1:3, 1:3, 3], torch.full((2, 2), 0.5))


def test_resized_keeps_the_field_of_view():
    half = resized(CAMERA, width=150, height=100)
    assert (half.fx, half.fy, half.cx, half.cy) == (150, 140, 75.5, 49.5)
    assert (half.width, half.height) == (150, 100)
