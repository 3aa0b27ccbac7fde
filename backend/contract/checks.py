"""Report a check of views as JSON and as lines, the same in terminal and Blender."""

from collections.abc import Mapping, Sequence
from typing import Any

from .cures import option_of
from .protocol import Cure, ViewCheck, ViewsChecked

LEFT_OUT = "Left out."


def told(checks: Sequence[ViewCheck], cures: Sequence[Cure]) -> dict[str, Any]:
    """Return the `--json` facts of the views and the cures."""
    return {
        "views_checked": [
            {
                "name": check.name,
                "residual": _rounded(check.residual),
                "covered": _rounded(check.covered),
                "iou": _rounded(check.iou),
                "remark": check.remark,
            }
            for check in checks
        ],
        "cures": [
            {
                "name": cure.name,
                "sentence": cure.sentence,
                "option": option_of(cure.name),
                "residual": _rounded(cure.residual),
            }
            for cure in cures
        ],
    }


def check_told(event: ViewsChecked, remarks: Sequence[str] = ()) -> dict[str, Any]:
    """Return the JSON of `--check`; "agree" is null if no two views can be compared.

    Parameters
    ----------
    remarks : about the source of the views
    """
    known = sum(view.residual is not None for view in event.views) >= 2
    return {
        "agree": not event.remark if known else None,
        **told(event.views, event.cures),
        "remarks": [*remarks, *event.notes, *([event.remark] if event.remark else [])],
    }


def lines(result: Mapping[str, Any]) -> list[str]:
    """Return a table of the views, then the remarks; of `check_told`, or of a job's stats."""
    views = result["views_checked"]
    width = max((len(view["name"]) for view in views), default=0)
    rows = []
    for number, view in enumerate(views):
        numbers = [
            "residual unknown" if view["residual"] is None else f"{view['residual']:.3f} px of 224"
        ]
        if view.get("covered") is not None:
            numbers.append(f"covered {view['covered']:.0%}, IoU {view['iou']:.2f}")
        text = f"{number:>3}  {view['name']:<{width}}  {', '.join(numbers)}  {view['remark']}"
        rows.append(text.rstrip())
    if result.get("agree"):
        rows.append("The views agree.")
    if result.get("agree", False) is None:
        rows.append("Fewer than two views have a camera and a silhouette, so none can be compared.")
    return [*rows, *result["remarks"]]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
