"""Names of cures: their form, their effect, and the options that apply them."""

import argparse

import pytest
from levelform.backend.contract.cures import (
    CONVENTIONS,
    Parsed,
    action_of,
    button_of,
    check_cures,
    option_of,
    order_of,
    parse_cure,
    parse_cures,
)
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.settings import Settings
from levelform.backend.contract.words import add_settings, read_settings

NAMES = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("leave-out=3", Parsed("leave-out", (3,))),
        (" leave-out=3,5 ", Parsed("leave-out", (3, 5))),
        ("swap=2,5", Parsed("swap", (2, 5))),
        ("shift=-1", Parsed("shift", (-1,))),
        ("reverse", Parsed("reverse")),
        ("reverse=2", Parsed("reverse", (2,))),
        ("convention=opencv", Parsed("convention", convention="opencv")),
    ],
)
def test_a_name_is_taken_apart(name, parsed):
    assert parse_cure(name) == parsed


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("heal", "'heal' is not a cure for views"),
        ("swap=2", "has 1 numbers"),
        ("swap=2,5,6", "has 3 numbers"),
        ("leave-out", "has 0 numbers"),
        ("leave-out=three", "'three' is not numbers"),
        ("convention=opengl", "'opengl' is not a convention"),
    ],
)
def test_what_is_not_a_cure_is_refused(name, words):
    with pytest.raises(RequestError, match=words):
        parse_cures([name])
    with pytest.raises(RequestError, match=words):
        Settings(cures=(name,))


def test_numbers_are_checked_against_the_views():
    check_cures(["leave-out=3", "shift=9", "convention=opencv"], 4)
    with pytest.raises(RequestError, match=r"View 4 does not exist: .* numbered 0 to 3"):
        check_cures(["leave-out=4"], 4)


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("swap=0,3", [3, 1, 2, 0]),
        ("shift=1", [1, 2, 3, 0]),
        ("shift=-1", [3, 0, 1, 2]),
        ("reverse", [3, 2, 1, 0]),
        ("reverse=1", [1, 0, 3, 2]),
    ],
)
def test_whose_image_each_view_takes(name, order):
    assert order_of(parse_cure(name), 4) == order


@pytest.mark.parametrize(
    ("name", "option", "sentence"),
    [
        ("leave-out=1,3", "--leave-out 1,3", "Leave out b and d."),
        ("convention=opencv", "--convention opencv", CONVENTIONS["opencv"]),
        ("swap=0,1", "--cure swap=0,1", "Swap the images of a and b."),
        ("shift=1", "--cure shift=1", "Give every camera the image of the next one."),
        ("shift=-1", "--cure shift=-1", "Give every camera the image of the previous one."),
        ("mirror=2", "--cure mirror=2", "Mirror the image of c left to right."),
        ("upside-down=2", "--cure upside-down=2", "Rotate the image of c by 180 degrees."),
    ],
)
def test_every_cure_has_a_sentence_and_an_option_that_means_it(name, option, sentence):
    assert option_of(name) == option
    assert action_of(name, NAMES) == sentence
    parser = argparse.ArgumentParser()
    add_settings(parser)
    word, value = option.split()
    assert read_settings(parser.parse_args([f"{word}={value}"]), Settings()).cures == (name,)


def test_settings_hand_cures_to_the_job():
    assert Settings(cures=["reverse"]).request("j", ()).cures == ("reverse",)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("leave-out=3", "Leave It Out"),
        ("leave-out=3,5", "Leave Them Out"),
        ("swap=2,5", "Swap the Images"),
        ("convention=opencv", "Read Them So"),
    ],
)
def test_a_button_has_two_or_three_words(name, words):
    assert button_of(name) == words
