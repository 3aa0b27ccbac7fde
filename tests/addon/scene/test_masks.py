"""The mask of the panel's single image: kept, painted on, replaced."""

import bpy
import numpy as np
import pytest
from levelform.backend.contract.protocol import Background, ViewData, ViewMask, ViewMasks

pytestmark = pytest.mark.bpy


@pytest.fixture
def scene(extension):
    from levelform.addon.scene import masks

    del extension
    scene = bpy.context.scene
    scene.levelform.source = "IMAGE"
    scene.levelform.image = bpy.data.images.new("photo", 6, 4)
    return scene, masks


def found(name="photo", doubt="", value=255):
    mask = np.zeros((4, 6), np.uint8)
    mask[0, 1:3] = value
    shown = np.zeros((4, 6, 3), np.uint8)
    shown[0, 0] = (255, 0, 0)
    return ViewMasks("job", (ViewMask(name, mask, shown, "network", doubt),))


def test_a_found_mask_becomes_an_image_the_right_way_up(scene):
    scene, masks = scene
    masks.remember(scene, found(doubt="other things stand out"))
    matte = scene.levelform_matte
    assert (matte.of, matte.source, matte.doubt) == ("photo", "network", "other things stand out")
    assert (masks.pixels_of(matte.mask) == found().masks[0].mask).all()
    flat = np.zeros(6 * 4 * 4, np.float32)
    matte.shown.pixels.foreach_get(flat)
    assert flat.reshape(4, 6, 4)[3, 0].tolist() == [1, 0, 0, 1]
    assert matte.mask.packed_file is not None


def test_only_a_changed_mask_is_sent(scene):
    scene, masks = scene
    view = (ViewData(None, None, "photo"),)
    assert masks.with_mask(scene, view) == view
    masks.remember(scene, found())
    assert masks.with_mask(scene, view) == view  # the worker finds the same
    matte = scene.levelform_matte
    matte.mask.pixels[0:3] = (1.0, 1.0, 1.0)  # painted: the lower left pixel
    (sent,) = masks.with_mask(scene, view)
    assert sent.mask[3, 0] == 255
    assert sent.mask.sum() == 3 * 255
    masks.remember(scene, found(value=128))  # what was painted stays
    assert masks.with_mask(scene, view)[0].mask[3, 0] == 255
    scene.levelform.image = bpy.data.images.new("another", 6, 4)
    assert masks.with_mask(scene, view) == view


def test_an_image_of_the_artists_is_used_and_kept(scene):
    scene, masks = scene
    own = bpy.data.images.new("my mask", 3, 2)
    own.pixels.foreach_set(np.ones(3 * 2 * 4, np.float32))
    scene.levelform_matte.mask = own
    masks.remember(scene, found())
    assert scene.levelform_matte.mask == own
    (sent,) = masks.with_mask(scene, (ViewData(None, None, "photo"),))
    assert sent.mask.shape == (2, 3)
    masks.forget(scene)
    assert scene.levelform_matte.mask is None
    assert bpy.data.images.get("my mask") == own


def test_masks_of_other_sources_are_not_shown(scene):
    scene, masks = scene
    scene.levelform.source = "CAMERAS"
    masks.remember(scene, found())
    assert scene.levelform_matte.mask is None


def test_a_mask_of_another_image_is_not_shown(scene):
    scene, masks = scene
    masks.remember(scene, found(name="photo of a batch"))
    assert scene.levelform_matte.shown is None


def test_corrections_go_to_the_worker(scene):
    scene, masks = scene
    scene.levelform_matte.largest = True
    background = masks.corrected(scene, Background("auto", tolerance=0.2))
    assert background == Background("auto", tolerance=0.2, largest=True)
    from levelform.addon.jobs.requests import scene_settings

    assert scene_settings(scene).background.largest
