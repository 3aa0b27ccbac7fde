"""Declared options: accepted names and values, and messages about others."""

import math

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.options import (
    PIPELINE,
    REMESH,
    Option,
    option_lines,
    read_known,
    read_options,
)

FLAG = Option("flag", "bool", True, "a flag")
COUNT = Option("count", "int", 8, "a count", 2, 64)
SHARE = Option("share", "float", 0.1, "a share", 0.0, 1.0)
PART = Option("part", "choice", "both", "a part", choices=("both", "left", "right"))
WORD = Option("word", "text", "", "a word")
MOST = Option("most", "int", None, "at most", 4)
ALL = (FLAG, COUNT, SHARE, PART, WORD, MOST)


@pytest.mark.parametrize(
    ("option", "given", "read"),
    [
        *((FLAG, yes, True) for yes in (True, "true", "yes", "on", "1", 1, "Yes", np.True_)),
        *((FLAG, no, False) for no in (False, "false", "no", "off", "0", 0, " OFF ")),
        *((COUNT, eight, 8) for eight in (8, "8", 8.0, "8.0", np.int64(8), " 8 ")),
        *((COUNT, limit, limit) for limit in (2, 64)),
        *((SHARE, half, 0.5) for half in (0.5, "0.5", ".5", "5e-1", np.float32(0.5))),
        *((SHARE, limit, float(limit)) for limit in (0, 1)),
        (PART, "left", "left"),
        (PART, "Right", "right"),
        (WORD, "8", "8"),
        *((MOST, none, None) for none in (None, "none", "")),
        (MOST, "4", 4),
    ],
)
def test_values_and_words_are_read(option, given, read):
    value = option.read(given)
    assert value == read
    assert type(value) is type(read)


@pytest.mark.parametrize(
    ("option", "given", "words"),
    [
        *((FLAG, bad, "flag is yes or no, not") for bad in ("maybe", "", 2, 0.5, None, [])),
        *(
            (COUNT, bad, "count is a whole number from 2 to 64, not")
            for bad in ("abc", 1, 65, 8.5, "8.5", True, None, "nan", math.inf, [8], "1e400")
        ),
        *(
            (SHARE, bad, "share is a number from 0 to 1, not")
            for bad in ("lots", -0.1, 1.1, math.nan, True, None, np.zeros(2))
        ),
        *(
            (PART, bad, "part is both, left or right, not")
            for bad in ("bogus", "", 1, None, True, ["left"])
        ),
        (WORD, 8, "word is text, not 8"),
        *((MOST, bad, "most is a whole number of 4 or more, or none, not") for bad in (3, "few")),
    ],
)
def test_anything_else_is_refused_with_what_may_be_given(option, given, words):
    with pytest.raises(RequestError, match=words) as caught:
        option.read(given)
    assert caught.value.message.endswith(".")
    assert option.shown in caught.value.hint


def test_every_default_may_be_given():
    for option in (*ALL, *PIPELINE):
        assert option.read(option.default) == option.default
        assert option.read(option.shown) == option.default


def test_names_are_checked_and_near_ones_suggested():
    assert read_options({"flag": "no", "count": "9"}, ALL, owner="It") == {
        "flag": False,
        "count": 9,
    }
    with pytest.raises(RequestError, match=r"It has no option 'flg'\.") as caught:
        read_options({"flg": True}, ALL, owner="It")
    assert caught.value.hint.startswith("Did you mean flag? The options are count, flag, most")
    with pytest.raises(RequestError, match=r"It has no option 'lattice'; it is one of UCLID's\."):
        read_options({"lattice": 3}, ALL, owner="It", elsewhere={"lattice": "UCLID"})


def test_unknown_names_pass_where_not_all_is_known():
    assert read_known({"flag": "no", "other": "x"}, ALL) == {"flag": False, "other": "x"}
    with pytest.raises(RequestError, match="flag is yes or no"):
        read_known({"flag": "perhaps"}, ALL)


def test_lines_tell_what_may_be_given():
    assert option_lines((COUNT,), "") == [
        "count  a whole number from 2 to 64 (default: 8): a count"
    ]


def test_the_pipelines_defaults_are_those_of_the_extraction():
    """Of all but the crumbs, which the extraction by itself keeps."""
    import inspect

    from levelform.backend.extraction import Cleanup, stream

    declared = {option.name: option.default for option in REMESH if option.stage != "color"}
    signature = inspect.signature(stream).parameters
    extraction = {n: signature[n].default for n in ("first", "dense", "guaranteed")}
    cleanup = vars(Cleanup()) | {"min_component": 0.1}
    assert declared == extraction | cleanup
