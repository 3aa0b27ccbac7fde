"""The rule for verdicts on claims, on plain numbers."""

import numpy as np
import pytest
from levelform.backend.experiments.verdicts import difference, overall


def sides(first, second, key="iou"):
    """Return both sides of each seed from arrays (seeds, shapes)."""
    return tuple(
        [{str(i): {key: float(v)} for i, v in enumerate(row)} for row in np.atleast_2d(side)]
        for side in (first, second)
    )


def test_a_clear_difference_holds_and_its_reverse_does_not():
    rng = np.random.default_rng(0)
    base = rng.uniform(0.3, 0.6, (2, 40))
    better = base + 0.05 + rng.normal(0, 0.01, base.shape)
    measured = difference(*sides(better, base), "iou")
    assert measured.mean == pytest.approx(0.05, abs=0.005)
    assert (measured.verdict(), measured.seeds) == ("holds", 2)
    assert difference(*sides(base, better), "iou").verdict() == "does not hold"
    # Of distances the smaller ones are better.
    assert difference(*sides(base, better, "emd"), "emd").verdict() == "holds"


def test_seeds_that_disagree_are_noise():
    base = np.full((2, 40), 0.5)
    better = base + np.array([[0.05], [-0.03]])
    measured = difference(*sides(better, base), "iou")
    assert measured.noise == pytest.approx(0.04)
    assert measured.verdict() == "within the noise"


def test_few_shapes_that_disagree_are_noise():
    base = np.full((1, 4), 0.5)
    better = base + np.array([[0.3, -0.2, 0.1, -0.1]])
    measured = difference(*sides(better, base), "iou")
    assert measured.noise == pytest.approx(2 * np.std([0.3, -0.2, 0.1, -0.1], ddof=1) / 2)
    assert measured.verdict() == "within the noise"


def test_alike_means_a_small_share_of_the_value():
    base = np.full((2, 40), 0.5)
    assert difference(*sides(base + 0.009, base), "iou").verdict(alike=True) == "holds"
    assert difference(*sides(base + 0.02, base), "iou").verdict(alike=True) == "does not hold"


def test_only_shapes_that_both_sides_know_count():
    one, other = [{"a": {"iou": 0.5}, "b": {"iou": 0.9}}], [{"a": {"iou": 0.4}}]
    assert difference(one, other, "iou").mean == pytest.approx(0.1)
    assert difference([{}], other, "iou") is None
    assert difference(one, other, "emd") is None


def test_the_verdict_of_a_claim():
    assert overall(["holds", "holds"]) == "holds"
    assert overall(["holds", "within the noise"]) == "holds in 1 of 2 comparisons"
    assert overall([]) == overall(["not run"]) == "not run"
