"""Shadows on plain backgrounds: soft ones are the background's, objects and sharp ones are not."""

import pytest
import torch
from levelform.backend.images.plain import distance_alpha, masks_at_scales, unshadowed_alpha
from levelform.backend.images.salient import mask_iou
from levelform.backend.images.shadows import shaded

SIZE = 160
BACKGROUND = torch.tensor([0.8, 0.6, 0.7]).expand(SIZE, SIZE, 3)
ROWS, COLUMNS = torch.meshgrid(*(torch.arange(SIZE) + 0.5,) * 2, indexing="ij")


def shadowed(strength=0.3, color=(0.2, 0.5, 0.3), noise=0.008):
    """Return a disk over its soft shadow, (H, W, 3), and its mask."""
    far = ((ROWS - 110) ** 2 / 400 + (COLUMNS - 80) ** 2 / 1600).sqrt()
    dark = 1 - strength * (-far.square()).exp()
    mask = (ROWS - 70).hypot(COLUMNS - 80) < 35
    image = torch.where(mask[..., None], torch.tensor(color), BACKGROUND * dark[..., None])
    generator = torch.Generator().manual_seed(0)
    return (image + noise * torch.randn(image.shape, generator=generator)).clamp(0, 1), mask


def test_a_soft_shadow_is_not_the_objects():
    image, mask = shadowed()
    by_color = distance_alpha(image, BACKGROUND, 0.1)
    assert mask_iou(by_color, mask.float()) < 0.9
    assert mask_iou(unshadowed_alpha(image, BACKGROUND, 0.1), mask.float()) > 0.98


def test_a_grey_object_with_an_outline_stays():
    image, mask = shadowed(color=(0.4, 0.3, 0.35))  # half as bright as the background
    alpha = unshadowed_alpha(image, BACKGROUND, 0.1)
    assert mask_iou(alpha, mask.float()) > 0.95


def test_without_a_shadow_the_background_is_unchanged():
    image, mask = shadowed(strength=0.0, noise=0.0)
    alpha = distance_alpha(image, BACKGROUND, 0.1)
    away = (ROWS - 70).hypot(COLUMNS - 80) > 45
    behind = shaded(image, BACKGROUND, alpha, 0.1)
    assert torch.allclose(behind[away], BACKGROUND[away], atol=1e-3)
    assert torch.equal(unshadowed_alpha(image, BACKGROUND, 0.1) > 0.5, mask)


@pytest.mark.parametrize("factor", [1, 4])
def test_large_images_have_the_same_shadow(factor):
    image, mask = shadowed(noise=0.0)
    large = image.repeat_interleave(factor, 0).repeat_interleave(factor, 1)
    behind = BACKGROUND[:1, :1].expand_as(large)
    alpha = unshadowed_alpha(large, behind, 0.1)[::factor, ::factor]
    assert mask_iou(alpha, mask.float()) > 0.97


def test_a_mask_is_confirmed_by_that_at_a_smaller_tolerance():
    image, mask = shadowed()
    made, agreed = masks_at_scales(image, BACKGROUND, 0.1, error=0.02)
    assert agreed
    assert len(made) == 1
    assert mask_iou(made[0], mask.float()) > 0.98
    faint, _ = shadowed(strength=0.1, color=(0.708, 0.6, 0.7))
    made, agreed = masks_at_scales(faint, BACKGROUND, 0.1, error=0.02)
    assert agreed
    assert len(made) == 2  # the first contains nothing
    assert mask_iou(made[1], mask.float()) > 0.9


def test_tolerances_below_the_backgrounds_error_are_not_tried():
    image, _ = shadowed()
    made, agreed = masks_at_scales(image, BACKGROUND, 0.1, error=0.08)
    assert (len(made), agreed) == (1, False)


def test_what_may_be_a_shadow_with_an_edge_confirms_nothing():
    image, mask = shadowed(strength=0.0)
    hard = (ROWS - 115).abs().maximum((COLUMNS - 80).abs() / 3) < 10
    image[hard] *= 0.7
    made, agreed = masks_at_scales(image, BACKGROUND, 0.1, error=0.02)
    assert not agreed
    assert mask_iou(made[0], (mask | hard).float()) > 0.97
    assert mask_iou(made[-1], mask.float()) > 0.97


def test_a_mask_that_is_neither_object_nor_background_confirms_nothing():
    image, _ = shadowed(strength=0.0, color=(0.8, 0.6, 0.64), noise=0.004)
    _, agreed = masks_at_scales(image, BACKGROUND, 0.1, error=0.01)
    assert not agreed
