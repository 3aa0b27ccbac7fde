"""Augmentations: what they change, what they must leave alone."""

import pytest
import torch
from levelform.backend.data.render.augment import (
    AUGMENTATIONS,
    blur,
    jitter_colors,
    shuffle_channels,
)


def images() -> torch.Tensor:
    result = torch.zeros(3, 24, 24, 4)
    result[:, 6:18, 6:18] = torch.tensor([0.8, 0.3, 0.2, 1.0])
    return result


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_each_changes_something_by_seed_and_stays_in_range(name):
    before = images()
    first, second = (AUGMENTATIONS[name](before, seeded()) for _ in range(2))
    assert torch.equal(before, images()), "the input is left alone"
    assert torch.equal(first, second)
    assert not torch.equal(first, AUGMENTATIONS[name](before, seeded(1)))
    assert float(first.min()) >= 0
    assert float(first.max()) <= 1
    assert not torch.equal(first, before)


@pytest.mark.parametrize("name", ["background", "noise", "colors"])
def test_the_mask_stays_where_only_colours_change(name):
    assert torch.equal(AUGMENTATIONS[name](images(), seeded())[..., 3], images()[..., 3])


def test_a_background_leaves_the_object_itself():
    after = AUGMENTATIONS["background"](images(), seeded())
    inside = images()[..., 3] == 1
    torch.testing.assert_close(after[inside], images()[inside])
    assert float(after[~inside][:, :3].std()) > 0.05


def test_blur_keeps_the_sum_of_alpha_and_the_colour_of_the_object():
    after = blur(images(), seeded())
    torch.testing.assert_close(
        after[..., 3].sum((1, 2)), images()[..., 3].sum((1, 2)), rtol=1e-4, atol=0
    )
    covered = after[..., 3] > 0.01
    wanted = torch.tensor([0.8, 0.3, 0.2]).expand(int(covered.sum()), 3)
    torch.testing.assert_close(after[covered][:, :3], wanted, atol=1e-4, rtol=0)


def test_no_jitter_changes_nothing_and_a_full_turn_of_hue_is_none():
    torch.testing.assert_close(jitter_colors(images(), seeded(), 0, 0), images())


def test_channels_are_permuted_whole_and_alpha_stays():
    many = images()[:1].expand(60, -1, -1, -1)
    after = shuffle_channels(many, seeded())
    assert torch.equal(after[..., 3], many[..., 3])
    found = {tuple(one[10, 10, :3].tolist()) for one in after}
    assert len(found) == 6  # all permutations, each of a whole image
    assert all((one[6:18, 6:18] == one[6, 6]).all() for one in after)
