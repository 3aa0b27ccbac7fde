"""DISN's shape interpolation."""

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors.figures.disn import interpolate
from setups.disn import tiny, view


@pytest.mark.parametrize(("one", "other"), [(1, 1), (2, 3)])
def test_interpolation_of_several_views_starts_and_ends_at_the_objects(one, other):
    model = tiny()
    first = model.encode([view(50 * i) for i in range(one)])
    second = model.encode([view(50 * i + 200) for i in range(other)])
    points = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for weight, end in ((0.0, first), (1.0, second)):
        blended = model.decode(interpolate(model, first, second, weight))
        torch.testing.assert_close(blended(points), model.decode(end)(points), rtol=0, atol=1e-5)


def test_interpolation_goes_from_one_object_to_the_other():
    model = tiny()
    first, second = model.encode([view(0)]), model.encode([view(90), view(200)])
    points = torch.rand(200, 3) - 0.5  # seen by every view
    ends = [model.decode(code)(points) for code in (first, second)]
    for weight, end in ((0.0, ends[0]), (1.0, ends[1])):
        blended = model.decode(interpolate(model, first, second, weight))
        torch.testing.assert_close(blended(points), end, rtol=0, atol=1e-5)
    middle = model.decode(interpolate(model, first, second, 0.5))(points)
    assert (middle - ends[0]).abs().max() > 1e-4


def test_views_fused_by_the_maximum_are_refused():
    model = tiny()
    code = model.encode([view()], fusion="max")
    with pytest.raises(RequestError, match="mean"):
        interpolate(model, code, code, 0.5)
