"""The panel of the mask."""

import numpy as np
import pytest
from levelform.addon.scene import masks
from levelform.addon.ui.panels_matte import LEVELFORM_PT_matte
from levelform.backend.contract.protocol import ViewMask, ViewMasks

from .conftest import context, draw

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.bpy


def test_it_is_drawn_before_and_after_a_mask_is_found(extension):
    scene = bpy.context.scene
    assert not LEVELFORM_PT_matte.poll(context())
    scene.levelform.source = "IMAGE"
    assert LEVELFORM_PT_matte.poll(context())
    scene.levelform.image = bpy.data.images.new("photo", 6, 4)
    before = draw(LEVELFORM_PT_matte)
    for words in ("levelform.show_mask", "levelform.paint_mask", "largest", "fill_holes"):
        assert words in before
    assert "Found by U2-Netp" not in before
    pixels = np.zeros((4, 6), np.uint8)
    one = ViewMask("photo", pixels, np.zeros((4, 6, 3), np.uint8), "network", "it is uncertain")
    masks.remember(scene, ViewMasks("job", (one,)))
    after = draw(LEVELFORM_PT_matte)
    assert "Found by U2-Netp" in after
    assert "Check the mask: it is uncertain." in after
    assert "thumbnail" in after
