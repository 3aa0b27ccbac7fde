"""Pieces and holes of masks: near pieces stay, and holes with colors of their own are filled."""

import torch
from levelform.backend.images.pieces import hole_area, main_piece, without_foreign_holes


def test_pieces_close_to_the_largest_belong_to_it():
    mask = torch.zeros(100, 100)
    mask[20:60, 20:60] = 1
    mask[62:70, 30:40] = 1
    mask[90:95, 90:95] = 0.9
    mask[91, 96] = 0.3
    kept = main_piece(mask)
    assert (kept[:75] == mask[:75]).all()
    assert not kept[80:].any()


def ring():
    """Return grey noise with a red frame, and the frame's mask."""
    noise = torch.rand(80, 100, 1, generator=torch.Generator().manual_seed(0))
    image = (0.4 + 0.2 * noise).expand(-1, -1, 3).clone()
    image[20:60, 30:70] = torch.tensor([0.9, 0.1, 0.1])
    mask = torch.zeros(80, 100)
    mask[20:60, 30:70] = 1
    mask[30:50, 40:60] = 0
    return image, mask


def test_a_hole_that_shows_the_background_stays():
    image, mask = ring()
    image[30:50, 40:60] = image[:20, :20]
    assert torch.equal(without_foreign_holes(image, mask), mask)
    assert hole_area(mask) == 400 / 8000


def test_a_hole_of_another_color_is_filled():
    image, mask = ring()
    image[30:50, 40:60] = torch.tensor([0.1, 0.2, 0.8])
    whole = without_foreign_holes(image, mask)
    assert (whole[20:60, 30:70] == 1).all()
    assert whole.sum() == 1600
    assert hole_area(whole) == 0


def test_every_hole_is_judged_alone():
    image, mask = ring()
    mask[40, 40:60] = 1  # two holes
    image[30:40, 40:60] = image[:10, :20]
    image[40:50, 40:60] = torch.tensor([0.1, 0.2, 0.8])
    whole = without_foreign_holes(image, mask)
    assert not whole[30:40, 40:60].any()
    assert (whole[40:50, 40:60] == 1).all()


def test_a_hole_with_the_objects_colors_is_filled():
    image, mask = ring()
    image[20:60, 30:70] = torch.tensor([0.55, 0.5, 0.5])  # hardly another color than around
    whole = without_foreign_holes(image, mask)
    assert whole.sum() == 1600


def test_small_pieces_near_the_largest_are_left_out_with_their_edges():
    mask = torch.zeros(100, 100)
    mask[20:60, 20:60] = 1
    mask[61, 20:60] = 0.3
    kept = mask.clone()
    mask[63:67, 30:34] = 1  # one hundredth of the area
    mask[67, 30:34] = 0.4
    assert torch.equal(main_piece(mask), kept)
