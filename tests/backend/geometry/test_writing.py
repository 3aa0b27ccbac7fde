"""Files are either whole or not there."""

import os

import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.writing import check_place, written_whole


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with written_whole(target) as partial:
        partial.write_text("new")
        assert target.read_text() == "old"
        assert partial.parent == tmp_path  # the same disk, so that moving is one step
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_fails_leaves_nothing(tmp_path):
    def fail():
        with written_whole(tmp_path / "a.txt") as partial:
            partial.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert os.listdir(tmp_path) == []


def test_places_are_checked_without_touching_them(tmp_path):
    check_place(tmp_path / "a.txt")
    assert os.listdir(tmp_path) == []
    with pytest.raises(RequestError, match="is a folder"):
        check_place(tmp_path)
    with pytest.raises(RequestError, match="does not exist"):
        check_place(tmp_path / "b" / "a.txt")
