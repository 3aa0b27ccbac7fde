"""Blender's cameras of training pictures: the very ones that the fast renderer draws."""

import numpy as np
import pytest

pytest.importorskip("torch")

from levelform.addon import dataset_cameras as blender
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.records import seed_of
from levelform.backend.data.render import RANGE_NAMES, sample_cameras
from levelform.backend.geometry.cameras import Camera

EXTENTS = (1.8, 0.7, 1.3)


def ours(drawn):
    """Return a camera of Blender's side as one of the backend's."""
    return Camera.from_transforms(vars(drawn))


def same(first, second):
    np.testing.assert_allclose(first.world_from_camera, second.world_from_camera, atol=1e-12)
    for name in ("fx", "fy", "cx", "cy", "width", "height", "orthographic"):
        assert getattr(first, name) == pytest.approx(getattr(second, name), rel=1e-12)


def test_the_ranges_are_the_same():
    assert set(blender.WORDS) == set(RANGE_NAMES)


@pytest.mark.parametrize("name", RANGE_NAMES)
@pytest.mark.parametrize(("count", "seed"), [(40, 0), (40, 7), (3, 1)])
def test_both_draw_the_same_cameras(name, count, seed):
    drawn = blender.draw_cameras(name, count, seed, size=96, extents=EXTENTS)
    for first, second in zip(
        drawn, sample_cameras(name, count, seed, size=96, extents=EXTENTS), strict=True
    ):
        same(ours(first), second)


def test_free_draws_every_model_of_camera():
    drawn = blender.draw_cameras("free", 40, 0, size=96, extents=EXTENTS)
    assert {camera.camera_model for camera in drawn} == {"PINHOLE", "ORTHOGRAPHIC"}
    assert all(abs(camera.cx - 48) > 0.01 for camera in drawn)


@pytest.mark.parametrize("name", ["free", "r2n2"])
def test_a_camera_moves_with_the_object(name):
    world = np.diag([2.5, 2.5, 2.5, 1.0])
    world[:3, 3] = (3, -1, 0.5)
    for drawn in blender.draw_cameras(name, 20, 1, size=64, extents=EXTENTS):
        moved = ours(blender.in_world(drawn, world))
        same(moved, ours(drawn).in_frame(np.linalg.inv(world)))


def test_a_shape_has_the_same_seed_on_both_sides():
    assert blender.seed_of("chairs/one", 3) == seed_of("chairs/one", 3)


def test_an_unknown_range_is_refused():
    with pytest.raises(RequestError, match="no range"):
        blender.draw_cameras("fisheye", 1, 0, size=8, extents=EXTENTS)
