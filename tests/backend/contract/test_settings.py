"""One table of defaults and ranges, and the check of what was chosen by what methods declare."""

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.options import Option
from levelform.backend.contract.protocol import Background, MethodInfo
from levelform.backend.contract.settings import Settings

PART = Option("part", "choice", "both", "which", choices=("both", "global", "local"))
LATTICE = Option("lattice", "int", 8, "how many", 2, 64)
FACTS = ("", "", False, True, 1, None, True, ("bundled",), ())
KNOWN = (
    MethodInfo("disn", "DISN", *FACTS, (PART,), "distance"),
    MethodInfo("uclid-net", "UCLID-Net", *FACTS, (LATTICE,), "probability"),
)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"resolution": 4}, "The resolution is a whole number from 8 to 1024, not 4"),
        ({"resolution": 2048}, "resolution"),
        ({"resolution": True}, "resolution"),
        ({"seed": -1}, "The seed is a whole number from 0"),
        ({"color": "perhaps"}, "The color is yes or no"),
        ({"level": float("nan")}, "The level must be a finite number"),
        ({"level": "high"}, "The level must be a finite number, not 'high'"),
        ({"background": Background("beige")}, "'beige' is not a background"),
        (
            {"background": Background("auto", tolerance=2.0)},
            "The tolerance is a number from 0 to 1",
        ),
        ({"resolutoin": 64}, "'resolutoin' is not a setting.*Did you mean resolution"),
        ({"symmetry": False}, "'symmetry' is not a setting.*options="),
    ],
)
def test_settings_outside_the_table_are_refused(given, words):
    with pytest.raises(RequestError, match=words):
        Settings.of(**given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"method": "dsin"}, "'dsin' is not a method. Did you mean disn"),
        ({"options": {"part": "bogus"}}, "part is both, global or local, not 'bogus'"),
        ({"options": {"lattice": 4}}, "DISN has no option 'lattice'; it is one of UCLID-Net's"),
        ({"options": {"first": "x"}}, "first is a whole number"),
        ({"level": 3}, "The level of DISN is a distance"),
        ({"method": "uclid-net", "level": 0.0}, "The level of UCLID-Net is the probability"),
    ],
)
def test_what_a_method_does_not_take_is_refused(given, words):
    with pytest.raises(RequestError, match=words):
        Settings(**{"method": "disn", **given}).check(KNOWN)


def test_words_become_values_and_what_is_not_known_yet_is_left():
    chosen = Settings(method="disn", options={"part": "local", "hull": "yes"})
    assert chosen.check(KNOWN).options == {"part": "local", "hull": True}
    assert Settings(options={"what": "8", "first": "8"}).check(()).options == {
        "what": "8",
        "first": 8,
    }
    with pytest.raises(RequestError, match="first is a whole number"):
        Settings(options={"first": "x"}).check(())


def test_the_unit_of_a_files_level_is_the_files():
    assert Settings(method="disn", level=3.0, weights="mine.safetensors").check(KNOWN).level == 3.0


def test_numbers_of_numpy_are_numbers():
    chosen = Settings(resolution=np.int64(64), level=np.float32(0.5), seed=np.int32(3))
    assert (chosen.resolution, chosen.level, chosen.seed) == (64, 0.5, 3)
    assert [type(v) for v in (chosen.resolution, chosen.level, chosen.seed)] == [int, float, int]


def test_the_request_says_what_was_chosen():
    request = Settings(method="disn", resolution=64).request("j", ())
    assert (request.job, request.method, request.resolution) == ("j", "disn", 64)
    assert (request.device, request.background.mode, request.options) == ("auto", "auto", {})
