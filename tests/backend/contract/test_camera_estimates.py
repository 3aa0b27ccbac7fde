"""The order of images by the numbers in their names, and the words of results."""

import pytest
from levelform.backend.contract.camera_estimates import in_order, lines, summary
from levelform.backend.contract.errors import RequestError


def test_numbers_give_the_order():
    assert in_order(["b10.png", "b9.png", "B1.png"]) == [2, 1, 0]
    assert in_order(["only.png"]) == [0]


@pytest.mark.parametrize("names", [["a.png", "b.png"], ["a1.png", "b2.png"], ["a1.png", "a.png"]])
def test_names_that_do_not_say_their_order(names):
    with pytest.raises(RequestError, match=r"do not say their order: a"):
        in_order(names)


def test_a_refinement_in_words():
    facts = {"before": 2.05, "after": 0.005, "better": True, "focal_factor": 1.02}
    assert summary(facts) == (
        "The silhouettes agree to 0.005 px of 224 instead of 2.050; focal length +2.0%."
    )
    same = summary({**facts, "better": False})
    assert same == "The cameras stay as they were: the silhouettes agree to 2.050 px of 224."


def test_a_turntable_in_words():
    facts = {
        "views": [{"name": "a.png", "residual": 0.01}, {"name": "bb.png", "residual": None}],
        "confidence": "usable",
        "loss": 0.12,
        "focal": 1.4,
        "elevation": 20.0,
        "suspects": ["bb.png"],
        "remarks": ["Look at bb.png."],
    }
    assert lines(facts)[0] == "a.png   0.010 px of 224"
    assert lines(facts)[1] == "bb.png  not compared"
    assert "confidence: usable, without bb.png" in lines(facts)[2]
    assert lines(facts)[3] == "Look at bb.png."
