"""Limits of numbers, by name: one table for files, options and messages.

Numbers outside these limits are meaningless and can be harmful: a focal length of 1e300 pixels
ended in a segmentation fault of torch. A value is refused where it enters, with its name and the
value seen.

Imports the standard library alone: Blender's side and the worker's share this file.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import RequestError


@dataclass(frozen=True)
class Limit:
    """The limits of a number.

    Attributes
    ----------
    what : the number in a person's words, after "The"
    least, most : both allowed
    whole : must be an integer
    hint : what to do if it is outside
    """

    what: str
    least: float
    most: float
    whole: bool = False
    hint: str = ""


_CAMERA = "Export the cameras again, or check their units."
_VOLUME = "Reset the volume's location, rotation and scale, or work nearer to the origin."

LIMITS: Mapping[str, Limit] = {
    # cameras; lengths in world units, of map coordinates too
    "transform_matrix": Limit("camera's pose", -1e9, 1e9, hint=_CAMERA),
    "fl_x": Limit("focal length", 1e-6, 1e9, hint=_CAMERA),
    "fl_y": Limit("focal length", 1e-6, 1e9, hint=_CAMERA),
    "cx": Limit("principal point", -1e7, 1e7, hint=_CAMERA),
    "cy": Limit("principal point", -1e7, 1e7, hint=_CAMERA),
    "w": Limit("image's width", 1, 65536, whole=True, hint=_CAMERA),
    "h": Limit("image's height", 1, 65536, whole=True, hint=_CAMERA),
    "k": Limit("distortion", -1e6, 1e6, hint=_CAMERA),
    "p": Limit("distortion", -1e6, 1e6, hint=_CAMERA),
    "skew": Limit("skew", -1e7, 1e7, hint=_CAMERA),
    # the volume and how it is filled
    "world_from_volume": Limit("volume's matrix", -1e9, 1e9, hint=_VOLUME),
    "front": Limit("front's angle", -3600, 3600, hint="Give degrees between -180 and 180."),
    "resolution": Limit("resolution", 1, 1024, whole=True, hint="Choose 32 to 1024."),
    "level": Limit("level", -1e6, 1e6, hint="Leave it out for the method's own."),
    "seed": Limit("seed", 0, 2**63 - 1, whole=True, hint="Choose a whole number from 0."),
    "tolerance": Limit("background's tolerance", 0, 10, hint="Choose a number between 0 and 1."),
    "color": Limit("background's color", -1e3, 1e3, hint="Choose numbers between 0 and 1."),
    "vertices": Limit("mesh's vertices", -1e12, 1e12, hint="Scale the object, or mend it."),
    "uvs": Limit("mesh's UVs", -1e-4, 1.0001, hint="Unwrap the mesh into one tile."),
    "size": Limit("texture's size", 0, 8192, whole=True, hint="Choose 256 to 8192."),
    "step": Limit("turntable's step", 0.1, 180, hint="Give degrees between two images."),
    "focal": Limit("focal length", 0.05, 100, hint="Give it in widths of the image, such as 1.2."),
    "side": Limit("object's side", 1e-6, 1e6, hint="Give its longest side in meters."),
    "center": Limit("object's center", -1e6, 1e6, hint="Work nearer to the origin."),
    "number": Limit("number", -(2**53), 2**53, whole=True),
}

ANY = Limit("value", -1e12, 1e12)
"""Limits of numbers without an entry, such as options, which also have their own ranges."""

VIEWS = 2000  # of one object
NESTING = 8  # nesting of lists and tables in an option
ENTRIES = 100_000  # numbers and words in the options together
WORDS = 4096  # characters of a name, an option or a cure
PATH = 32_768  # characters of a path: the maximum of Windows


def check(name: str, value: Any, *, where: str = "") -> None:
    """Refuse a number that is not finite or outside its limits.

    Parameters
    ----------
    name
        A key of `LIMITS`; other names have the limits of `ANY`.
    value
        The number.
    where
        The owner of the number, such as "img_003.png"; may be empty.

    Raises
    ------
    RequestError
        Names the number, what was seen, and what it may be.
    """
    limit = LIMITS.get(name, ANY)
    if fits(value, limit):
        return
    what = limit.what if name in LIMITS else name
    raise RequestError(
        f"{f'{where}: the' if where else 'The'} {what} is {shown(value)}, which is not "
        f"{'a whole number' if limit.whole else 'a number'} from {_short(limit.least)} "
        f"to {_short(limit.most)}.",
        limit.hint or "Choose a number of ordinary size.",
    )


def fits(value: Any, limit: Limit) -> bool:
    """Return whether a value is a number within a limit."""
    value = value.item() if hasattr(value, "item") else value  # numpy's scalars
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if limit.whole and not isinstance(value, int):
        return False
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return limit.least <= value <= limit.most  # of integers of any size, without a float


def shown(value: Any) -> str:
    """Return a value for a message, always short."""
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) < 10**15:
            return str(value)
        return f"{'-' if value < 0 else ''}a number of about {value.bit_length() * 3 // 10} digits"
    words = f"{value:g}" if isinstance(value, float) else repr(value)
    return words if len(words) <= 60 else f"{words[:57]}..."


def check_words(name: str, value: str, *, most: int = WORDS) -> None:
    """Refuse a name or a path that is too long or invalid on every system.

    Raises
    ------
    RequestError
        Names it and shows its beginning.
    """
    if len(value) > most:
        raise RequestError(
            f"The {name} has {len(value):,} characters, more than {most:,}: {shown(value)}.",
            "Choose a shorter one.",
        )
    if "\0" in value:
        raise RequestError(f"The {name} holds a null character: {shown(value)}.", "Retype it.")


def check_plain(name: str, value: Any) -> None:
    """Refuse an option's value that is deeply nested, endless, or holds a number outside limits.

    Raises
    ------
    RequestError
        Names the option.
    """
    level, count = [value], 0
    for _ in range(NESTING):
        inner: list[Any] = []
        for item in level:
            count += 1
            if isinstance(item, Mapping):
                for key in item:
                    check_words(f"option {name}", str(key))
                inner.extend(item.values())
            elif isinstance(item, list | tuple):
                inner.extend(item)
            elif isinstance(item, str):
                check_words(f"option {name}", item)
            elif item is not None and not isinstance(item, bool):
                check(f"option {name}", item)
        if count + len(inner) > ENTRIES:
            raise RequestError(
                f"The option {name} holds more than {ENTRIES:,} entries.", "Give fewer."
            )
        if not inner:
            return
        level = inner
    raise RequestError(
        f"The option {name} is a list in a list in a list, more than {NESTING} deep.",
        "Give a plain value.",
    )


def _short(number: float) -> str:
    return f"{int(number)}" if abs(number) < 1e6 and number == int(number) else f"{number:g}"
