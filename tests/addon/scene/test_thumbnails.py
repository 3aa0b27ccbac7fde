"""Outlines of objects over small pictures."""

import numpy as np
import pytest

pytest.importorskip("bpy")
from levelform.addon.scene.thumbnails import OUTLINE, outlined, with_alpha

pytestmark = pytest.mark.bpy


def test_the_outline_follows_the_alpha():
    pixels = np.ones((32, 32, 4), np.float32)
    pixels[..., 3] = 0.0
    pixels[8:24, 8:24, 3] = 1.0
    drawn = outlined(pixels)
    marked = np.isclose(drawn, OUTLINE).all(-1)
    assert marked[8, 8:24].all()
    assert marked[8:24, 23].all()
    assert not marked[12:20, 12:20].any()
    assert not marked[:6].any()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_images_of_any_channels_get_colors_and_alpha(channels):
    pixels = np.random.default_rng(0).random((4, 6, channels), np.float32)
    made = with_alpha(pixels)
    assert made.shape == (4, 6, 4)
    np.testing.assert_array_equal(made[..., 0], pixels[..., 0])
    assert channels == 4 or (made[..., 3] == 1).all()
    assert channels > 2 or (made[..., 2] == made[..., 0]).all()


def test_an_image_without_an_outline_is_left_alone():
    opaque = np.ones((8, 8, 4), np.float32)
    assert outlined(opaque) is opaque
    empty = np.zeros((8, 8, 4), np.float32)
    assert outlined(empty) is empty
