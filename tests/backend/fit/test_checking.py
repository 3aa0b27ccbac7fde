"""Kept fits from files: whatever is wrong with a memory is told by name, in a sentence."""

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.fit import FitOptimiser, FitSettings, FitState

from .conftest import hull_of

SMALL = FitSettings(stages=((24, 1.0),), rays=256, coarse=24, fine=10)


@pytest.fixture(scope="module")
def kept(ball_views):
    fit = FitOptimiser(ball_views, hull_of(ball_views), settings=SMALL, budget=20)
    for _ in range(6):
        fit.step()
    return fit, *fit.memory()


def changed(kept, tensors=None, facts=None):
    """Continue a fit from its memory with other tensors and facts."""
    fit, own, known = kept
    fit.go_on_from({**own, **(tensors or {})}, {**known, **(facts or {})})


def test_an_honest_memory_is_taken(kept):
    changed(kept)
    assert kept[0].iteration == 6


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("gains", lambda t: t.double(), "gains is .* not .*float32"),
        ("light_mean", lambda t: t[:1], "light_mean is"),
        ("albedo", lambda t: t * float("nan"), "albedo is not finite"),
        ("distances_square", lambda t: t[:-1], "distances_square is"),
        ("generator", lambda t: t[:4], "generator is"),
        ("active", lambda t: t[:0], "its band is missing"),
        ("active", lambda t: torch.cat([t, t[:1]]), "nodes of its band repeat"),
        ("active", lambda t: t + 10**9, "its band leaves the grid"),
    ],
)
def test_tensors_that_are_not_of_such_a_fit_are_refused(kept, name, change, words):
    with pytest.raises(RequestError, match=words):
        changed(kept, {name: change(kept[1][name])})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("budget", -1, "budget is -1"),
        ("stage", 9, "stage is 9"),
        ("begun", "soon", "begun is 'soon'"),
        ("light", True, "light is True"),
        ("adam", [1], "adam is"),
        ("reach", None, "reach is None"),
        ("spacing", float("nan"), "its grid starts"),
        ("spacing", [], "incomplete"),
        ("lower", [1e300, 0, 0], "its grid starts"),
        ("shape", [1, 2, 3], "its grid has 1 x 2 x 3 nodes"),
        ("shape", [10**9] * 3, "its grid has"),
    ],
)
def test_facts_that_are_not_of_such_a_fit_are_refused(kept, name, value, words):
    with pytest.raises(RequestError, match=words):
        changed(kept, facts={name: value})


def test_a_state_without_its_tensors_is_refused(kept):
    _, tensors, facts = kept
    few = {name: t for name, t in tensors.items() if name != "shared"}
    with pytest.raises(RequestError, match="incomplete"):
        FitState.of(few, facts)
