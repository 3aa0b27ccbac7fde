"""The model of a turntable: its frame, its derivatives, and rings with more or fewer unknowns."""

import numpy as np
import pytest
from levelform.backend.cameras.ring import SHARED, Ring

RING = Ring((0, 1, 2, 3), (400, 300), 1, np.pi / 2)


def test_the_first_camera_is_in_front_and_looks_down_at_the_axis():
    numbers = RING.start(1.5, np.radians(30.0), 0.5)
    first, second = RING.cameras(numbers)[:2]
    np.testing.assert_allclose(first.center, (0, -1, 0), atol=1e-12)
    np.testing.assert_allclose(first.forward, (0, np.cos(np.pi / 6), -0.5), atol=1e-12)
    assert first.world_from_camera[2, 1] < 0  # image rows count downwards
    np.testing.assert_allclose(second.center, (1, 0, 0), atol=1e-12)  # counter-clockwise
    assert (first.fx, first.fy) == (600.0, 600.0)


def test_the_axis_is_seen_in_its_column():
    import torch

    camera = RING.cameras(RING.start(1.5, 0.3, 0.6))[0]
    below = torch.tensor([[0.0, 0.0, -0.2]], dtype=torch.float64)
    pixels, _ = camera.project(below)
    assert float(pixels[0, 0]) / 400 == pytest.approx(0.6, abs=0.01)


def test_missing_places_get_cameras_at_equal_steps():
    numbers = RING.start(1.5, 0.3, 0.5)
    some, start = RING.without(numbers, [0, 1, 3])
    assert some.places == (0, 1, 3)
    for one, other in zip(some.all_cameras(start, 4), RING.cameras(numbers), strict=True):
        np.testing.assert_allclose(one.world_from_camera, other.world_from_camera, atol=1e-12)


def test_more_unknowns_start_where_fewer_ended():
    numbers = RING.start(1.5, 0.3, 0.5)
    wider = Ring(RING.places, RING.size, 1, RING.step, None, True, True)
    more = RING.extended(numbers, wider)
    assert len(more) == SHARED + 1 + 3
    np.testing.assert_allclose(wider.angles(more), RING.angles(numbers))
    more[-3:] = 0.1, 0.2, 0.3
    fewer, kept = wider.without(more, [0, 2, 3])
    np.testing.assert_allclose(fewer.angles(kept), wider.angles(more)[[0, 2, 3]])


def test_a_known_focal_length_has_no_derivative():
    ring = Ring((0, 1), (400, 300), 1, 0.5, focal=1.3)
    numbers = ring.start(1.3, 0.2, 0.5)
    numbers[0] = 5.0
    assert ring.focal_of(numbers) == 1.3
    assert not ring.twists(numbers)[:, :, 0].any()
