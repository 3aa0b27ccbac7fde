"""Alpha survives the round trip; every background is what its name says."""

import pytest
import torch
from levelform.backend.images.alpha import network_input, premultiply, straighten


def test_straight_alpha_survives_the_round_trip():
    image = torch.rand(5, 6, 4).clamp(min=0.01)
    assert torch.allclose(straighten(premultiply(image)), image, atol=1e-5)


@pytest.mark.parametrize(
    ("background", "expected"),
    [("white", [0.9, 0.6, 0.8]), ("black", [0.4, 0.1, 0.3]), ("rgba", [0.8, 0.2, 0.6, 0.5])],
)
def test_backgrounds(background, expected):
    images = torch.tensor([0.8, 0.2, 0.6, 0.5])[None, :, None, None].expand(2, 4, 3, 3).clone()
    images[0, 3] = 0
    made = network_input(images, background)
    assert torch.allclose(made[1, :, 0, 0], torch.tensor(expected))
    empty = {"white": [1.0] * 3, "black": [0.0] * 3, "rgba": [0.0] * 4}[background]
    assert made[0, :, 0, 0].tolist() == empty


def test_channels_may_lie_along_any_axis():
    image = torch.rand(2, 5, 6, 4)
    planes = premultiply(image.permute(0, 3, 1, 2), dim=-3)
    assert torch.equal(planes.permute(0, 2, 3, 1), premultiply(image))


@pytest.mark.parametrize(
    ("cut", "kept"), [(0.0, [False, True, True, True]), (0.5, [False, False, True, True])]
)
@pytest.mark.parametrize("background", ["white", "black"])
def test_a_cut_keeps_straight_colours_and_blends_nothing(background, cut, kept):
    images = torch.rand(1, 4, 1, 4)
    images[0, 3, 0] = torch.tensor([0.0, 0.49, 0.5, 1.0])
    made = network_input(images, background, cut=cut)
    expected = torch.where(torch.tensor(kept), images[:, :3], float(background == "white"))
    assert torch.equal(made, expected)
