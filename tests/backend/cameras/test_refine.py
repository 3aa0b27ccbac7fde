"""Refinement: better by the score or unchanged, also where one camera is far off."""

from dataclasses import replace

import numpy as np
import pytest
from levelform.backend.cameras import refine
from levelform.backend.cameras.refine import refine_cameras, scores
from levelform.backend.geometry.cameras import Camera
from levelform.backend.silhouettes import Residual, trace_all
from levelform.backend.silhouettes.poses import FreePoses
from levelform.backend.silhouettes.rotations import rotation


@pytest.fixture(scope="module")
def cameras(studio):
    return [studio.camera_at(60.0 * k, (10, 35, 20, 50, 15, 40)[k], 3.9) for k in range(6)]


@pytest.fixture(scope="module")
def outlines(studio, cameras):
    return trace_all(studio.views_of(cameras), points=60)


def off(cameras, deviation, seed=0):
    """Return cameras moved and turned at random; radians and fractions of the distance."""
    model = FreePoses(cameras, focal=False)
    numbers = np.random.default_rng(seed).normal(size=model.count) * deviation / np.sqrt(3)
    return model.solved(numbers)


def test_cameras_off_by_two_degrees_agree_again(studio, outlines, cameras):
    given = off(cameras, 0.035)
    found = refine_cameras(outlines, given)
    assert found.better
    assert found.before.mean() > 2.0
    assert found.after.mean() < 0.03
    other_points = Residual(trace_all(studio.views_of(cameras), points=97))
    assert scores(other_points, found.cameras).mean() < 0.04


def test_right_cameras_do_not_get_worse(outlines, cameras):
    found = refine_cameras(outlines, cameras)
    assert found.after.mean() <= found.before.mean() < 0.03


def test_it_is_never_worse_even_if_the_solution_is(monkeypatch, outlines, cameras):
    given = off(cameras, 0.01)
    bad = np.full(FreePoses(given).count, 0.1)
    monkeypatch.setattr(refine, "_solved", lambda *_: refine.Solution(bad, 0.0))
    found = refine_cameras(outlines, given)
    assert not found.better
    assert found.cameras == tuple(given)
    np.testing.assert_array_equal(found.before, found.after)


def test_a_camera_that_stands_out_is_posed_alone_first(studio, outlines, cameras):
    given = list(cameras)
    pose = given[2].world_from_camera.copy()
    pose[:3, :3] @= rotation(np.radians([4.0, 9.0, 3.0]))
    given[2] = replace(given[2], world_from_camera=pose)
    found = refine_cameras(outlines, given, stands_out=2)
    assert found.before[2] > 5.0
    assert found.after.mean() < 0.03
    assert max(studio.relative_errors(found.cameras, cameras)) < 1.5


def test_orthographic_cameras_keep_their_scale(studio):
    cameras = []
    for k in range(6):
        c = studio.camera_at(60.0 * k, 20.0 + 5 * k, 3.9)
        cameras.append(Camera(c.world_from_camera, 62.0, 62.0, c.cx, c.cy, c.width, c.height, True))
    outlines = trace_all(studio.views_of(cameras), points=60)
    given = off(cameras, 0.02)
    found = refine_cameras(outlines, given)
    assert found.before.mean() > 0.5
    assert found.after.mean() < 0.1 * found.before.mean()
    assert all(camera.fx == 62.0 for camera in found.cameras)
