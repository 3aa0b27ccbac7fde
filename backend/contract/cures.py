"""Names of cures: changes that may make views agree, as the words of a request.

    leave-out=3      without view 3; several: leave-out=3,5
    swap=2,5         the images of views 2 and 5 exchanged
    shift=1          every camera takes the image of the next one; -1: of the one before
    reverse          the images in reverse order; reverse=K: camera i takes image K - i
    upside-down=3    the image of view 3 rotated by 180 degrees
    mirror=3         the image of view 3 mirrored left to right
    convention=NAME  all cameras or all images read in another way, see `CONVENTIONS`

Numbers count the views of the request from 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .errors import RequestError

CONVENTIONS = {
    "opencv": "Read the camera matrices in OpenCV's axes (y down, z forward).",
    "world-to-camera": "Read the camera matrices as world-to-camera.",
    "opencv-world-to-camera": "Read the camera matrices as world-to-camera in OpenCV's axes.",
    "mirror-y": "Mirror the cameras' world in y.",
    "mirror-z": "Mirror the cameras' world in z.",
    "upside-down": "Rotate every image by 180 degrees.",
    "flip-images": "Flip every image top to bottom.",
    "mirror-images": "Mirror every image left to right.",
}
KINDS = {  # number of arguments of each
    "leave-out": (1, None),
    "swap": (2, 2),
    "shift": (1, 1),
    "reverse": (0, 1),
    "upside-down": (1, None),
    "mirror": (1, None),
}
HINT = (
    "Give leave-out=N, swap=N,M, shift=K, reverse, upside-down=N, mirror=N or convention=NAME; "
    "views are counted from 0."
)


@dataclass(frozen=True)
class Parsed:
    """A parsed cure: its kind, and the numbers or the convention after "="."""

    kind: str
    numbers: tuple[int, ...] = ()
    convention: str = ""


def parse_cure(name: str) -> Parsed:
    """Parse a cure's name.

    Raises
    ------
    RequestError
        If the cure does not exist.
    """
    kind, _, rest = str(name).strip().partition("=")
    if kind == "convention":
        if rest not in CONVENTIONS:
            raise RequestError(
                f"{rest!r} is not a convention.", f"Choose one of {', '.join(CONVENTIONS)}."
            )
        return Parsed(kind, convention=rest)
    if kind not in KINDS:
        raise RequestError(f"{name!r} is not a cure for views.", HINT)
    try:
        numbers = tuple(int(word) for word in rest.split(",") if word.strip())
    except ValueError as error:
        raise RequestError(f"{name!r}: {rest!r} is not numbers of views.", HINT) from error
    least, most = KINDS[kind]
    if len(numbers) < least or (most is not None and len(numbers) > most):
        raise RequestError(f"{name!r} has {len(numbers)} numbers.", HINT)
    return Parsed(kind, numbers)


def parse_cures(names: Iterable[str] | str) -> tuple[str, ...]:
    """Return one or several cures' names after checking each.

    Raises
    ------
    RequestError
        As `parse_cure`.
    """
    listed = (names,) if isinstance(names, str) else tuple(str(name).strip() for name in names)
    for name in listed:
        parse_cure(name)
    return listed


def check_cures(names: Iterable[str], count: int) -> None:
    """Refuse unknown cures, and cures of a view that is not one of `count`.

    Raises
    ------
    RequestError
        As `parse_cure` and `check_numbers`.
    """
    for cure in map(parse_cure, names):
        if cure.kind not in ("shift", "reverse"):
            check_numbers(cure.numbers, count)


def check_numbers(numbers: Sequence[int], count: int) -> None:
    """Refuse a number that is not one of `count` views'."""
    for number in numbers:
        if not 0 <= number < count:
            raise RequestError(
                f"View {number} does not exist: the {count} views are numbered 0 to {count - 1}.",
                "Give the number of a view.",
            )


BUTTONS = {
    "leave-out": "Leave It Out",
    "swap": "Swap the Images",
    "shift": "Shift the Images",
    "reverse": "Reverse the Images",
    "upside-down": "Rotate It by 180°",
    "mirror": "Mirror It",
    "convention": "Read Them So",
}


def button_of(name: str) -> str:
    """Return two or three words for a cure's button, below its sentence."""
    cure = parse_cure(name)
    words = BUTTONS[cure.kind]
    return words.replace("It", "Them") if len(cure.numbers) > 1 else words


def order_of(cure: Parsed, count: int, posed: Sequence[int] | None = None) -> list[int]:
    """Return the view whose image each of `count` views takes in a "swap", "shift" or "reverse".

    Parameters
    ----------
    posed : the views with cameras, among which "shift" and "reverse" count; None: all
    """
    order = list(range(count))
    if cure.kind == "swap":
        check_numbers(cure.numbers, count)
        a, b = cure.numbers
        order[a], order[b] = order[b], order[a]
        return order
    chosen = order.copy() if posed is None else list(posed)
    for place, index in enumerate(chosen):
        if cure.kind == "shift":
            order[index] = chosen[(place + cure.numbers[0]) % len(chosen)]
        else:
            last = cure.numbers[0] if cure.numbers else len(chosen) - 1
            order[index] = chosen[(last - place) % len(chosen)]
    return order


def option_of(cure: str) -> str:
    """Return the command-line option that applies a cure."""
    kind, _, rest = cure.partition("=")
    return f"--{kind} {rest}" if kind in ("leave-out", "convention") else f"--cure {cure}"


def action_of(cure: str, names: Sequence[str]) -> str:
    """Return a sentence that describes a cure of views with these names."""
    parsed = parse_cure(cure)
    which = listed([names[index] for index in parsed.numbers if 0 <= index < len(names)])
    match parsed.kind:
        case "convention":
            return CONVENTIONS[parsed.convention]
        case "leave-out":
            return f"Leave out {which}."
        case "swap":
            return f"Swap the images of {which}."
        case "upside-down":
            return f"Rotate the image of {which} by 180 degrees."
        case "mirror":
            return f"Mirror the image of {which} left to right."
        case "reverse":
            return "Give the cameras the images in reverse order."
    steps = parsed.numbers[0]
    if abs(steps) == 1:
        return f"Give every camera the image of the {'next' if steps > 0 else 'previous'} one."
    way = "after" if steps > 0 else "before"
    return f"Give every camera the image of the one {abs(steps)} places {way} it."


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
