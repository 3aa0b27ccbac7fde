"""Outlines of objects over small pictures."""

import numpy as np
import pytest

pytest.importorskip("bpy")
from levelform.addon.scene.thumbnails import OUTLINE, outlined

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


def test_an_image_without_an_outline_is_left_alone():
    opaque = np.ones((8, 8, 4), np.float32)
    assert outlined(opaque) is opaque
    empty = np.zeros((8, 8, 4), np.float32)
    assert outlined(empty) is empty
