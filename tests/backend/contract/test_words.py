"""The words of a command line, as the terminal and Blender read them."""

import argparse

import numpy as np
import pytest
from levelform.backend.contract import words
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.protocol import Background
from levelform.backend.contract.settings import Settings


def test_views():
    assert words.parse_views("8") == 8
    assert words.parse_views("0,2,5") == [0, 2, 5]
    assert words.parse_views("3,") == [3]
    assert words.choose_views(5, None) == [0, 1, 2, 3, 4]
    assert words.choose_views(8, 4) == [0, 2, 4, 6]
    assert words.choose_views(3, [2, 0, 2]) == [2, 0]


@pytest.mark.parametrize("text", ["a", "a,b", "", "1.5"])
def test_views_that_are_not_numbers(text):
    with pytest.raises(RequestError, match="The views must be numbers"):
        words.parse_views(text)


@pytest.mark.parametrize("chosen", [0, 4, [3], [-1], []])
def test_views_that_are_not_there(chosen):
    with pytest.raises(RequestError, match="view"):
        words.choose_views(3, chosen)


def test_backgrounds():
    assert words.parse_background(None) == Background("auto")
    assert words.parse_background("corner", 0.2) == Background("corner", tolerance=0.2)
    assert words.parse_background("#ff0080").color == pytest.approx((1.0, 0.0, 128 / 255))
    base = Background("color", (0.0, 1.0, 0.0), 0.3)
    assert words.parse_background(None, None, base) == base
    assert words.parse_background("alpha", None, base).tolerance == 0.3
    for bad in ("pink", "#12", "color"):
        with pytest.raises(RequestError, match="is not a background"):
            words.parse_background(bad)
    with pytest.raises(RequestError, match=r"The tolerance is a number from 0 to 1, not 1\.5"):
        words.parse_background(None, 1.5)


def test_volumes():
    np.testing.assert_allclose(words.parse_volume("1,2,3,4") @ [1, 1, 1, 1], [3, 4, 5, 1])
    assert words.parse_volume(",".join(map(str, range(16))))[1, 0] == 4
    for bad in ("1,2", "a,b,c,d", "1,2,3,0", "1,2,3,-4", "1,2,nan,4", ""):
        with pytest.raises(RequestError, match="volume"):
            words.parse_volume(bad)


def test_options_are_names_and_values():
    assert words.parse_options(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    for bad in ("a", "=1", ""):
        with pytest.raises(RequestError, match="is not an option"):
            words.parse_options([bad])


def test_settings_take_what_was_said_and_keep_the_rest():
    parser = argparse.ArgumentParser()
    words.add_settings(parser)
    base = Settings(method="disn", resolution=64, options={"part": "local", "hull": False})
    assert words.read_settings(parser.parse_args([]), base) == base
    said = ["--resolution", "96", "--no-color", "--hull", "--option", "first=8", "--level", "0"]
    chosen = words.read_settings(parser.parse_args(said), base)
    assert (chosen.method, chosen.resolution, chosen.color, chosen.level) == ("disn", 96, False, 0)
    assert chosen.options == {"part": "local", "hull": True, "first": "8"}
