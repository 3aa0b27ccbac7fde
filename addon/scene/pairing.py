"""Which image belongs to which camera, judged by their names."""

import re
from collections.abc import Sequence
from pathlib import Path

_COPY = re.compile(r"\.\d{3}$")  # the suffix that Blender appends to a name already in use
_NUMBER = re.compile(r"\d+")


def mismatches(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return, for cameras whose image is named after another camera, that camera's name.

    An image is named after a camera if its name without suffix is the camera's; or, where the last
    numbers of all images equal the last numbers of all cameras, if these two numbers agree.

    Parameters
    ----------
    pairs
        Name of each camera and of its image.
    """
    by_name = {camera: camera for camera, _ in pairs}
    by_number = {_number(camera): camera for camera, _ in pairs}
    numbers = [_number(stem_of(image)) for _, image in pairs]
    numbered = len(by_number) == len(pairs) and set(numbers) == by_number.keys()
    wrong = {}
    for (camera, image), number in zip(pairs, numbers, strict=True):
        meant = by_name.get(stem_of(image), by_number[number] if numbered else camera)
        if meant != camera:
            wrong[camera] = meant
    return wrong


def sentence(pairs: Sequence[tuple[str, str]]) -> str:
    """Return a sentence about images that are named after other cameras; empty if none is."""
    wrong = mismatches(pairs)
    if not wrong:
        return ""
    camera, meant = next(iter(wrong.items()))
    said = f"{camera} has the image {dict(pairs)[camera]}, which is named after {meant}"
    more = len(wrong) - 1
    if more:
        said += f", and {more} more {'is' if more == 1 else 'are'} named after other cameras"
    return f"{said}."


def stem_of(image: str) -> str:
    """Return an image's name without Blender's .001 and its suffix."""
    name = _COPY.sub("", image)
    return Path(name).stem if Path(name).suffix else name


def _number(name: str) -> int | None:
    numbers = _NUMBER.findall(name)
    return int(numbers[-1]) if numbers else None
