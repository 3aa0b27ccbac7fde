"""A common error of the focal lengths is corrected where the silhouettes are exact."""

from dataclasses import replace

import pytest
from levelform.backend.silhouettes.focal import focal_corrected

from .test_correcting import camera_at, turned, view_of


def scaled(view, factor):
    camera = view.camera
    return replace(view, camera=replace(camera, fx=camera.fx * factor, fy=camera.fy * factor))


@pytest.fixture(scope="module")
def views():
    return [view_of(camera_at(45.0 * i, 50.0 * (i % 2)), f"view {i}") for i in range(8)]


@pytest.mark.parametrize("factor", [0.96, 1.03])
def test_wrong_focal_lengths_are_corrected(views, factor):
    result = focal_corrected([scaled(view, factor) for view in views])
    assert result is not None
    assert result.factor * factor == pytest.approx(1.0, abs=0.02)  # images of 96 pixels
    assert ("short" if factor < 1 else "long") in result.remark
    assert result.views[0].camera.fx == pytest.approx(views[0].camera.fx, rel=0.02)


def test_right_focal_lengths_stay(views):
    assert focal_corrected(views) is None


def test_other_errors_are_not_taken_for_it(views):
    wrong = [turned(view, 1.5) if index == 2 else view for index, view in enumerate(views)]
    assert focal_corrected(wrong) is None


def test_orthographic_views_and_pairs_have_none(views):
    flat = [replace(v, camera=replace(v.camera, orthographic=True)) for v in views]
    assert focal_corrected(flat) is None
    assert focal_corrected([scaled(view, 0.96) for view in views[:2]]) is None
