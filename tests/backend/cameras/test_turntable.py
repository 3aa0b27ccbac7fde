"""A turntable from outlines alone: direction, focal length, elevation, and what disturbs it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from levelform.backend.cameras.turntable import fit_ring, solve_turntable
from levelform.backend.silhouettes import trace_all


def elevation_of(turned):
    return math.degrees(turned.numbers[1])


@pytest.fixture(scope="module")
def outlines(studio):
    """The outlines of eight images, the object turning counter-clockwise."""
    return trace_all(studio.views_of(studio.around(8, sign=-1, focal=1.7)))


@pytest.mark.parametrize("sign", [1, -1])
def test_equal_steps_tell_the_camera_and_the_direction(studio, sign):
    cameras = studio.around(8, sign=sign, elevation=15.0)
    turned = fit_ring(trace_all(studio.views_of(cameras)))
    assert turned.ring.direction == sign
    assert turned.loss < 0.05
    assert turned.other > 5 * turned.loss
    assert turned.ring.focal_of(turned.numbers) == pytest.approx(1.4, rel=0.05)
    assert elevation_of(turned) == pytest.approx(15.0, abs=0.7)
    assert max(studio.relative_errors(turned.cameras, cameras)) < 0.7


def test_a_known_focal_length_is_kept(outlines):
    turned = fit_ring(outlines, focal=1.7)
    assert turned.ring.focal_of(turned.numbers) == 1.7
    assert turned.loss < 0.05


def test_another_step_is_found(studio):
    cameras = studio.around(8, step=38.0, elevation=25.0)
    turned = solve_turntable(trace_all(studio.views_of(cameras)))
    assert turned.loss < 0.05
    step = np.degrees(np.ptp(turned.ring.angles(turned.numbers))) / 7
    assert step == pytest.approx(38.0, abs=0.3)


def test_a_bad_mask_is_left_out_and_named(studio):
    cameras = studio.around(8, elevation=25.0)
    views = studio.views_of(cameras)
    spoilt = views[5].image.clone()
    spoilt[20:60, 30:75, 3] = 1.0
    views[5] = replace(views[5], image=spoilt)
    turned = solve_turntable(trace_all(views))
    assert turned.used == (0, 1, 2, 3, 4, 6, 7)
    assert turned.loss < 0.05
    assert len(turned.cameras) == 8
    assert max(studio.relative_errors(turned.cameras, cameras)) < 1.0


@pytest.mark.slow
def test_uneven_steps_free_the_angles(studio):
    rng = np.random.default_rng(0)
    cameras = [studio.camera_at(30.0 * k + rng.normal() * 3.0, 22.0, 3.9) for k in range(12)]
    turned = solve_turntable(trace_all(studio.views_of(cameras)))
    assert turned.ring.free_angles
    assert turned.loss < 0.06
    assert max(studio.relative_errors(turned.cameras, cameras)) < 1.0


def test_the_same_images_give_the_same_cameras(outlines):
    first, second = (fit_ring(outlines, focal=1.7) for _ in range(2))
    np.testing.assert_array_equal(first.numbers, second.numbers)
