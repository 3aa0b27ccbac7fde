"""Levels: each in its unit, refused outside its range."""

import math

import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.levels import DISTANCE, PROBABILITY


@pytest.mark.parametrize(
    ("unit", "level"),
    [(DISTANCE, -1), (DISTANCE, 0.0), (DISTANCE, 1), (PROBABILITY, 0.001), (PROBABILITY, 0.999)],
)
def test_levels_within_the_range_are_taken(unit, level):
    assert unit.check(level) == level
    assert unit.check(unit.default) == unit.default


@pytest.mark.parametrize(
    ("unit", "level", "words"),
    [
        *((DISTANCE, bad, "a distance .* from -1 to 1, not") for bad in (-1.1, 3, math.nan)),
        *((PROBABILITY, b, "probability .* between 0 and 1, not") for b in (0, 1, 3, math.nan)),
    ],
)
def test_others_are_refused_with_the_unit(unit, level, words):
    with pytest.raises(RequestError, match=f"The level of DISN is .*{words}"):
        unit.check(level, "DISN")
