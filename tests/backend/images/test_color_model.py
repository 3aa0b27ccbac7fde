"""Masks that leave much undecided follow the colours of what they know."""

import torch
from levelform.backend.images.color_model import decided_by_color
from levelform.backend.images.salient import _by_color, mask_iou

RED, BLUE, GREEN = ([0.8, 0.1, 0.1], [0.1, 0.2, 0.8], [0.2, 0.7, 0.2])


def scene() -> tuple[torch.Tensor, torch.Tensor]:
    """Return a red block before blue and green stripes, (120, 160, 3), and its mask."""
    rows, columns = torch.meshgrid(torch.arange(120), torch.arange(160), indexing="ij")
    striped = ((rows + columns) // 6 % 2 == 0)[..., None]
    color = torch.where(striped, torch.tensor(BLUE), torch.tensor(GREEN))
    mask = ((rows > 30) & (rows < 90) & (columns > 40) & (columns < 120)).float()
    return torch.where(mask[..., None] > 0, torch.tensor(RED), color), mask


def half_known() -> torch.Tensor:
    """Return the block's mask, sure of its left half alone; nothing is sure of the right."""
    _, mask = scene()
    soft = 0.95 * mask
    soft[20:100, 80:140] = 0.45
    return soft


def test_colors_decide_what_is_open():
    color, mask = scene()
    soft = half_known()
    assert mask_iou(soft, mask) < 0.55
    decided = decided_by_color(color, soft, (slice(0, 120), slice(0, 160)))
    assert mask_iou(decided, mask) > 0.95
    assert mask_iou(_by_color(color, soft), mask) > 0.9


def test_beyond_the_window_is_background():
    color, _ = scene()
    decided = decided_by_color(color, half_known(), (slice(0, 60), slice(0, 160)))
    assert not (decided[66:] > 0.1).any()


def test_what_is_decided_is_left_as_it_is():
    color, mask = scene()
    wrong = torch.zeros_like(mask)
    wrong[:60] = 1.0
    assert _by_color(color, wrong) is wrong
    empty = torch.full_like(mask, 0.2)
    assert _by_color(color, empty) is empty  # there is no object to learn from
