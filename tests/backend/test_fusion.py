"""Features are sampled where points project, and reduced by the rule that is named."""

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.fusion import (
    inside_image,
    reduce_views,
    sample_maps,
)


def test_reductions():
    values = torch.tensor([[1.0, 5.0], [3.0, 1.0]])
    assert reduce_views(values).tolist() == [2.0, 3.0]
    assert reduce_views(values, "sum").tolist() == [4.0, 6.0]
    assert reduce_views(values, "max").tolist() == [3.0, 5.0]
    weights = torch.tensor([[3.0, 0.0], [1.0, 0.0]])
    assert reduce_views(values, "mean", weights=weights).tolist() == [1.5, 3.0]
    assert reduce_views(values, "sum", weights=weights).tolist() == [6.0, 0.0]
    with pytest.raises(RequestError, match="'median'"):
        reduce_views(values, "median")


def test_sample_maps_reads_pixel_centres():
    maps = torch.rand(2, 3, 4, 6)
    rows, columns = torch.tensor([0, 2, 3]), torch.tensor([5, 1, 0])
    pixels = torch.stack([(columns + 0.5) * 10, (rows + 0.5) * 10], -1).expand(2, 3, 2)
    taken = sample_maps(maps, pixels.float(), image_size=(60, 40))
    assert torch.allclose(taken, maps[:, :, rows, columns].transpose(1, 2), atol=1e-5)


def test_inside_image():
    pixels = torch.tensor([[0.0, 0.0], [60.0, 40.0], [61.0, 2.0], [-0.1, 2.0], [3.0, 3.0]])
    depth = torch.tensor([1.0, 1.0, 1.0, 1.0, -1.0])
    seen = inside_image(pixels, depth, image_size=(60, 40))
    assert seen.tolist() == [True, True, False, False, False]
