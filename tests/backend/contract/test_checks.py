"""What is told of a check: one dictionary and one table for all surfaces."""

from levelform.backend.contract.checks import check_told, lines
from levelform.backend.contract.protocol import Cure, ViewCheck, ViewsChecked

GOOD = (ViewCheck("a", 0.0012345), ViewCheck("long name", 0.002))
BAD = (
    ViewCheck("a", 0.001),
    ViewCheck("b", 12.3, remark="Disagrees with the other views by 12.3 pixels of 224."),
)
CURE = Cure("leave-out=1", "Leave out b.", 0.003)


def test_views_that_agree():
    told = check_told(ViewsChecked("j", GOOD))
    assert told["agree"] is True
    assert told["views_checked"][0] == {
        "name": "a", "residual": 0.0012, "covered": None, "iou": None, "remark": "",
    }  # fmt: skip
    assert told["cures"] == told["remarks"] == []
    assert lines(told) == [
        "  0  a          0.001 px of 224",
        "  1  long name  0.002 px of 224",
        "The views agree.",
    ]


def test_views_that_do_not():
    told = check_told(ViewsChecked("j", BAD, (CURE,), "b disagrees."))
    assert told["agree"] is False
    assert told["cures"] == [
        {
            "name": "leave-out=1",
            "sentence": "Leave out b.",
            "option": "--leave-out 1",
            "residual": 0.003,
        }
    ]
    assert lines(told)[1:] == [f"  1  b  12.300 px of 224  {BAD[1].remark}", "b disagrees."]


def test_nothing_is_said_where_nothing_can_be_compared():
    told = check_told(ViewsChecked("j", (ViewCheck("a"),)))
    assert told["agree"] is None
    assert "Fewer than two views" in lines(told)[-1]


def test_how_images_were_read_is_told_before_what_disagrees():
    event = ViewsChecked("j", (), remark="Camera 2 disagrees.", notes=("The mask was not used.",))
    told = check_told(event, ("From a file.",))
    assert told["remarks"] == ["From a file.", "The mask was not used.", "Camera 2 disagrees."]
