"""Images that are named after another camera than theirs."""

import pytest
from levelform.addon.scene.pairing import mismatches, sentence


@pytest.mark.parametrize(
    "pairs",
    [
        [("1", "1.png"), ("2", "2.png"), ("10", "10.png")],
        [("Camera", "IMG_0731.jpg"), ("Camera.001", "IMG_0732.jpg")],
        [("View 2", "view_02.png"), ("View 10", "view_10.png")],
        [("left", "left.png.001"), ("right", "right.png")],
        [("Shot", "photo")],
        [],
    ],
)
def test_names_that_agree_or_say_nothing_are_no_mismatch(pairs):
    assert mismatches(pairs) == {}
    assert sentence(pairs) == ""


def test_an_image_named_as_another_camera_is_one():
    pairs = [("view2", "view10.png"), ("view10", "view2.png"), ("view3", "view3.png")]
    assert mismatches(pairs) == {"view2": "view10", "view10": "view2"}
    assert sentence(pairs) == (
        "view2 has the image view10.png, which is named after view10, and 1 more is named after "
        "other cameras."
    )


def test_numbers_count_where_both_sides_have_the_same():
    assert mismatches([("View 2", "r_10.png"), ("View 10", "r_2.png")]) == {
        "View 2": "View 10",
        "View 10": "View 2",
    }
    assert mismatches([("View 2", "r_10.png"), ("View 10", "r_3.png")]) == {}
