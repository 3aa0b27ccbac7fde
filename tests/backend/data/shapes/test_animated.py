"""Moving shapes: one frame for all times, no jumps, no box left."""

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.shapes.animated import ANIMATED, sample_animated


@pytest.mark.parametrize("name", ANIMATED)
def test_a_movement_stays_in_its_frame(name):
    moving = sample_animated(name, 1)
    lower, upper = np.full(3, 9.0), np.full(3, -9.0)
    for time in np.linspace(0, 1, 9):
        shape = moving.at(float(time))
        vertices = shape.surface.vertices
        lower, upper = np.minimum(lower, vertices.min(0)), np.maximum(upper, vertices.max(0))
    assert np.all(np.maximum(-lower, upper) <= 0.9 + 2e-3)
    assert (upper - lower).max() == pytest.approx(1.8, abs=2e-2)
    np.testing.assert_allclose(shape.extents.max(), 1.8)


@pytest.mark.parametrize("name", ANIMATED)
def test_time_moves_it_without_jumps(name):
    moving = sample_animated(name, 2)
    points = torch.rand(3000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    values = torch.stack([moving.at(t).distance(points) for t in (0.0, 0.4, 0.41, 0.8)])
    assert float((values[0] - values[3]).abs().max()) > 0.05
    assert float((values[1] - values[2]).abs().max()) < 0.15
    assert moving.at(0.4).tobytes() == sample_animated(name, 2).at(0.4).tobytes()


def test_walking_legs_come_round_to_where_they_began():
    moving = sample_animated("walking-legs", 0)
    points = torch.rand(2000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.testing.assert_close(
        moving.at(0.0).distance(points), moving.at(1.0).distance(points), atol=1e-5, rtol=0
    )


def test_an_unknown_movement_is_refused():
    with pytest.raises(RequestError, match="'waltz'"):
        sample_animated("waltz", 0)
