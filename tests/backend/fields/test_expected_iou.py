"""Voxels of greatest expected IoU: against every other set, and against voxels drawn at random."""

import numpy as np
import pytest
import torch
from levelform.backend.fields.expected_iou import likeliest_voxels


@pytest.mark.parametrize("seed", range(4))
def test_no_other_set_of_voxels_has_a_greater_expected_iou(seed):
    probability = torch.rand(2, 2, 3, generator=torch.Generator().manual_seed(seed)) ** 2
    chosen = likeliest_voxels(probability, most=12)
    subsets = torch.cartesian_prod(*[torch.tensor([False, True])] * 12)[1:]
    p = probability.flatten().double()
    shared = (subsets * p).sum(1)
    ious = shared / (subsets.sum(1) + p.sum() - shared)
    best = ious.max()
    assert (chosen.flatten() == subsets[ious.argmax()]).all()
    assert (chosen == (probability > best / (1 + best))).all()


def test_the_expected_iou_is_the_mean_over_voxels_drawn_from_the_probabilities():
    generator = torch.Generator().manual_seed(0)
    probability = (2 * torch.randn(28, 28, 28, generator=generator) - 3).sigmoid()
    chosen = likeliest_voxels(probability, most=28**3)

    def iou(occupied, true):
        return ((occupied & true).sum() / (occupied | true).sum()).item()

    drawn = [torch.rand(probability.shape, generator=generator) < probability for _ in range(9)]
    best = np.mean([iou(chosen, true) for true in drawn])
    assert probability[chosen].min().item() == pytest.approx(best / (1 + best), abs=0.005)
    for tau in (0.15, 0.35, 0.5):
        assert np.mean([iou(probability > tau, true) for true in drawn]) < best


def test_the_number_of_voxels_is_limited():
    even = torch.full((28, 28, 28), 0.3)
    assert likeliest_voxels(even, most=50).sum() == 50
    assert likeliest_voxels(even, most=28**3).all()
