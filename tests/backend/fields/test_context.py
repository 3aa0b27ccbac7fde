"""The context network: it starts at zero, reads far around a cell, and takes any size."""

import pytest
import torch
from levelform.backend.fields.context import Context


@pytest.fixture
def context():
    torch.manual_seed(0)
    return Context(6, 5, width=8).eval()


@torch.no_grad()
@pytest.mark.parametrize("size", [16, 13, 7])
def test_it_changes_nothing_at_first_and_keeps_the_size(context, size):
    assert torch.equal(context(torch.rand(2, 6, size, size)), torch.zeros(2, 5, size, size))


def test_a_cell_depends_on_cells_eight_away_and_on_no_other_image(context):
    torch.nn.init.normal_(context.last.weight)
    maps = torch.rand(2, 6, 32, 32, requires_grad=True)
    context(maps)[0, :, 16, 16].sum().backward()
    reached = maps.grad.abs().sum(1) > 0
    assert reached[0, 16, 8]
    assert reached[0, 24, 16]
    assert not reached[1].any()
