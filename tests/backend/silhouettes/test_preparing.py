"""Masks that are too large or too small are corrected by the images' colours, and only those."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.silhouettes.masks import corrected_masks
from levelform.backend.silhouettes.preparing import corrected_views
from scipy.ndimage import gaussian_filter, grey_dilation, grey_erosion

from ..fit.conftest import camera_at, hull_of, image, iou, sphere

GREY = 0.75


def on(view, background):
    """Return a view whose colours are blended with a background, (H, W, 3) or one number."""
    alpha = view.image[..., 3:]
    blended = view.image[..., :3] * alpha + torch.as_tensor(background).float() * (1 - alpha)
    return replace(view, image=torch.cat([blended, alpha], -1))


def grown(view, pixels):
    reach = np.arange(-abs(pixels), abs(pixels) + 1)
    disc = np.hypot(*np.meshgrid(reach, reach)) <= abs(pixels) + 0.2
    change = grey_dilation if pixels > 0 else grey_erosion
    result = view.image.clone()
    result[..., 3] = torch.from_numpy(change(result[..., 3].numpy(), footprint=disc))
    return replace(view, image=result)


@pytest.fixture(scope="module")
def photos():
    views = [image(sphere, camera_at(90.0 * i, 20.0, size=96), samples=3) for i in range(4)]
    return [on(view, GREY) for view in views]


@pytest.mark.parametrize("pixels", [-2, 2, 3])
def test_masks_wrong_by_some_pixels_are_corrected(photos, pixels):
    wrong = [grown(view, pixels) for view in photos]
    result = corrected_masks(wrong)
    assert result is not None
    assert result.offset == pytest.approx(-pixels, abs=0.35)
    assert ("large" if pixels > 0 else "small") in result.remark
    for before, after, right in zip(wrong, result.views, photos, strict=True):
        assert after.camera is right.camera
        error = (after.image[..., 3] - right.image[..., 3]).abs().sum()
        assert error < 0.3 * (before.image[..., 3] - right.image[..., 3]).abs().sum()


def test_unblended_colours_are_told_apart():
    views = [image(sphere, camera_at(90.0 * i, 20.0, size=96), samples=3) for i in range(4)]
    cut = []
    for view in views:
        result = view.image.clone()
        result[..., :3][result[..., 3] == 0] = 0.0  # as in images with transparency
        cut.append(replace(view, image=result))
    assert corrected_masks(cut) is None
    result = corrected_masks([grown(view, 2) for view in cut])
    assert result is not None
    assert result.offset == pytest.approx(-2.0, abs=0.5)


def test_right_masks_stay(photos):
    assert corrected_masks(photos) is None


def test_one_wrong_mask_of_four_is_not_a_common_error(photos):
    assert corrected_masks([grown(photos[0], 2), *photos[1:]]) is None


def test_where_the_background_looks_like_the_object_masks_stay(photos):
    rng = np.random.default_rng(0)
    busy = 0.5 + 3.0 * gaussian_filter(rng.normal(size=(96, 96, 3)), (4, 4, 0))
    views = [grown(on(view, np.clip(busy, 0, 1)), 2) for view in photos]
    assert corrected_masks(views) is None


def test_a_gap_that_a_mask_had_closed_opens(photos):
    right = []
    for view in photos:
        result = view.image.clone()
        result[46:49, 20:76] = torch.tensor([GREY, GREY, GREY, 0.0])
        right.append(replace(view, image=result))
    result = corrected_masks([grown(view, 2) for view in right])
    assert result is not None
    assert float(result.views[0].image[47, 40:56, 3].max()) == 0.0


def test_a_fit_gets_corrected_masks_and_says_so(photos):
    views, remarks = corrected_views([grown(view, 2) for view in photos], 64)
    assert "masks" in remarks[0]
    assert iou(hull_of(views), sphere) > iou(hull_of([grown(v, 2) for v in photos]), sphere) + 0.05
    same, remarks = corrected_views(photos, 64)
    assert not remarks
    assert all(a is b for a, b in zip(same, photos, strict=True))
