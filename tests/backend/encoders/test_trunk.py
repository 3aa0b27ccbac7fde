"""The light residual network: its maps, and images of twice the size."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from levelform.backend.encoders.trunk import Trunk, doubled_stem


@pytest.mark.parametrize("stride", [2, 4])
def test_maps_halve_from_the_strides_resolution_on(stride):
    trunk = Trunk(stem=4, stride=stride, widths=(4, 6, 8), blocks=1).eval()
    vector, maps = trunk(torch.rand(2, 4, 48, 48))
    assert vector.shape == (2, 8)
    sizes = [48 // stride // 2**i for i in range(3)]
    assert [tuple(actual.shape) for actual in maps] == [
        (2, width, size, size) for width, size in zip((4, 6, 8), sizes, strict=True)
    ]


def test_a_doubled_stem_sees_in_an_image_what_the_first_sees_in_its_half():
    torch.manual_seed(0)
    small = Trunk(stem=4, stride=2, widths=(4, 6), blocks=1).eval()
    large = Trunk(stem=4, stride=4, widths=(4, 6), blocks=1).eval()
    state = small.state_dict()
    large.load_state_dict(state | {"stem.weight": doubled_stem(state["stem.weight"])})
    image = torch.rand(1, 4, 64, 64)
    vector, maps = large(image)
    expected, expected_maps = small(F.avg_pool2d(image, 2))
    torch.testing.assert_close(vector, expected)
    for actual, wanted in zip(maps, expected_maps, strict=True):
        torch.testing.assert_close(actual, wanted)
