"""The catalogue says of each method what the method says of itself."""

import pytest
from levelform.backend.contract.catalogue import ARTISTS, ENTRIES, GROUPS, UNUSABLE, entry_of
from levelform.backend.contract.default_method import FIT, SINGLE_IMAGE
from levelform.backend.reconstructors import methods


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_agrees_with_its_method(entry):
    spec = methods()[entry.name].spec
    assert (entry.needs_camera, entry.needs_weights) == (spec.needs_camera, spec.needs_weights)
    assert entry.group in GROUPS


def test_the_defaults_of_the_rule_stand_first_in_an_artists_words():
    assert [entry.name for entry in ENTRIES[:2]] == [FIT, SINGLE_IMAGE]
    assert {entry.group for entry in ENTRIES[:2]} == {ARTISTS}
    titles = [entry.title for entry in ENTRIES]
    assert len(set(titles)) == len(titles)


def test_what_makes_no_usable_surface_stands_last():
    groups = [GROUPS.index(entry.group) for entry in ENTRIES]
    assert groups == sorted(groups)
    assert ENTRIES[-1].group == UNUSABLE


def test_an_unknown_method_has_no_entry():
    assert entry_of("fit") is ENTRIES[0]
    assert entry_of("mine") is None
