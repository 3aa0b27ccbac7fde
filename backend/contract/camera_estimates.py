"""Cameras estimated from images: how the images were taken, their order, and how good a result is.

For both halves: the words of results, the same in the terminal and in Blender.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import RequestError
from .image_files import natural_key

WAYS = ("turntable", "walk")
RIGHT, USABLE, DOUBTFUL = "right", "usable", "doubtful"  # confidence
FEWEST = 4  # images
NAMED = 4  # names in a sentence; the others are counted


def in_order(names: Sequence[str]) -> list[int]:
    """Return the order of images by the numbers in their names.

    Raises
    ------
    RequestError
        If the names differ in more than numbers, or have none.
    """
    patterns = {re.sub(r"[0-9]+", "#", name.casefold()) for name in names}
    if len(names) > 1 and (len(patterns) > 1 or "#" not in next(iter(patterns))):
        raise RequestError(
            f"The names of the images do not say their order: {named(names)}.",
            "Number them in the order in which they were taken, such as image_01.png.",
        )
    return sorted(range(len(names)), key=lambda index: natural_key(names[index]))


def check_count(count: int) -> None:
    """Refuse fewer images than say where they were taken from."""
    if count < FEWEST:
        raise RequestError(
            f"{count} image{'s' * (count != 1)} can't say where they were taken from.",
            f"Give at least {FEWEST}, from all around the object; 8 or more are better.",
        )


def named(names: Sequence[str]) -> str:
    """Return names for a sentence, the first few of many."""
    shown = ", ".join(names[:NAMED])
    return f"{shown} and {len(names) - NAMED} more" if len(names) > NAMED else shown


def summary(facts: Mapping[str, Any]) -> str:
    """Return the result in a sentence or two, for `CameraEstimates.facts`."""
    if "before" in facts:
        return _refinement(facts)
    return (
        f"{len(facts['views'])} cameras, confidence: {_confidence(facts)}; the silhouettes agree "
        f"to {facts['loss']:.3f} pixels of 224. Focal length {facts['focal']:.2f} widths, "
        f"elevation {facts['elevation']:.1f} degrees."
    )


def lines(result: Mapping[str, Any]) -> list[str]:
    """Return the lines that a terminal prints."""
    width = max((len(view["name"]) for view in result["views"]), default=0)
    rows = [
        f"{view['name']:<{width}}  {_score(view)}" for view in result["views"] if "residual" in view
    ]
    return [*rows, summary(result), *result["remarks"]]


def _score(view: Mapping[str, Any]) -> str:
    if view["residual"] is None:
        return "not compared"
    before = f"{view['before']:.3f} to " if view.get("before") is not None else ""
    return f"{before}{view['residual']:.3f} px of 224"


def _refinement(facts: Mapping[str, Any]) -> str:
    before, after = facts["before"], facts["after"]
    if not facts["better"]:
        return f"The cameras stay as they were: the silhouettes agree to {before:.3f} px of 224."
    zoom = facts["focal_factor"] - 1
    focal = f"; focal length {zoom:+.1%}" if abs(zoom) > 5e-4 else ""
    return f"The silhouettes agree to {after:.3f} px of 224 instead of {before:.3f}{focal}."


def _confidence(facts: Mapping[str, Any]) -> str:
    suspects = facts["suspects"]
    if not suspects:
        return facts["confidence"]
    return f"{facts['confidence']}, without {named(suspects)}"
