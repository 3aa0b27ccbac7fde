"""Command-line arguments shared by the terminal and `blender --command`, and their parsers."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from . import settings
from .cures import CONVENTIONS, parse_cures
from .errors import RequestError
from .levels import LEVEL_HELP
from .options import Option
from .protocol import Background
from .settings import Settings

CHECK_HELP = "only check whether the views agree; writes nothing"
VIEWS_HELP = "how many views (8), or which (0,2,5 or 3,)"


class LineParser(argparse.ArgumentParser):
    """An argument parser with errors of one line each."""

    def error(self, message: str) -> NoReturn:
        """Raise the error instead of printing the usage."""
        sentence = message[:1].upper() + message[1:].rstrip(".") + "."
        raise RequestError(sentence, f"See `{self.prog} --help`.")


def add_view_choice(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the used views and the object's front."""
    parser.add_argument("--views", help=VIEWS_HELP)
    parser.add_argument(
        "--front",
        type=float,
        metavar="DEGREES",
        help="direction of the object's front, about +Z from -Y, if no volume is given; default: "
        "estimated from the images if a network needs it",
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each setting; the help shows its default, but the value stays None."""
    parser.add_argument("--method", help=_help(settings.METHOD))
    parser.add_argument("--weights", help="a file, or the category of bundled ones")
    parser.add_argument("--resolution", type=int, help=_help(settings.RESOLUTION))
    parser.add_argument("--level", type=float, help=LEVEL_HELP)
    parser.add_argument("--device", help=_help(settings.DEVICE))
    parser.add_argument("--seed", type=int, help=_help(settings.SEED))
    parser.add_argument(
        "--color",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="color the mesh (default: yes)",
    )
    parser.add_argument("--texture", type=int, metavar="PIXELS", help=settings.TEXTURE.help)
    parser.add_argument("--quads", type=int, metavar="COUNT", help=settings.QUADS.help)
    parser.add_argument("--background", help=_help(settings.BACKGROUND))
    for option in (settings.LARGEST_PIECE, settings.FILL_HOLES):
        flag = f"--{option.name.replace('_', '-')}"
        parser.add_argument(flag, action="store_true", help=option.help)
    parser.add_argument("--tolerance", type=float, help=_help(settings.TOLERANCE))
    parser.add_argument(
        "--hull",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="keep the result inside the visual hull (default: where several images have cameras)",
    )
    parser.add_argument(
        "--refine",
        action="store_true",
        help="first move cameras that are a little off until the silhouettes agree",
    )
    parser.add_argument("--fuse", action="store_true", help=settings.FUSE.help)
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the method or of the meshing, see `methods`; may be repeated",
    )
    add_cures(parser)


def add_cures(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for cures of inconsistent views."""
    parser.add_argument(
        "--leave-out", metavar="N[,N]", help="leave out these views, counted from 0"
    )
    parser.add_argument(
        "--convention",
        metavar="NAME",
        help=f"convention of the file's cameras or images: {', '.join(CONVENTIONS)}",
    )
    parser.add_argument(
        "--cure",
        action="append",
        default=[],
        metavar="NAME",
        help="another cure for views that disagree, as named in a remark: swap=N,M, shift=K, "
        "reverse, upside-down=N, mirror=N; may be repeated",
    )


def read_cures(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the cures given on the command line, see `add_cures`.

    Raises
    ------
    RequestError
        If a cure does not exist.
    """
    convention = [] if args.convention is None else [f"convention={args.convention}"]
    left_out = [] if args.leave_out is None else [f"leave-out={args.leave_out}"]
    return parse_cures([*convention, *args.cure, *left_out])


def _help(option: Option) -> str:
    return f"{option.help} (default: {option.shown})"


def read_settings(args: argparse.Namespace, base: Settings) -> Settings:
    """Return `base` with the settings given on the command line, see `add_settings`.

    Raises
    ------
    RequestError
        If a value is not valid for its setting.
    """
    names = (
        "method",
        "weights",
        "resolution",
        "level",
        "device",
        "seed",
        "color",
        "texture",
        "quads",
    )
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    hull = {} if args.hull is None else {"hull": args.hull}
    refine = {"refine": True} if args.refine else {}
    return replace(
        base,
        **given,
        options={**base.options, **parse_options(args.option), **hull, **refine},
        background=_background(args, base.background),
        cures=(*base.cures, *read_cures(args)),
        fuse=args.fuse or base.fuse,
    )


def _background(args: argparse.Namespace, base: Background) -> Background:
    """Return `base` with the command line's settings of backgrounds and masks."""
    background = parse_background(args.background, args.tolerance, base)
    return replace(
        background,
        largest=args.largest_piece or base.largest,
        fill_holes=args.fill_holes or base.fill_holes,
    )


def parse_background(
    text: str | None, tolerance: float | None = None, base: Background | None = None
) -> Background:
    """Parse a background: a mode or a colour, #rrggbb; None keeps that of `base`."""
    base = Settings().background if base is None else base
    if tolerance is not None:
        base = replace(base, tolerance=settings.TOLERANCE.read(tolerance, "The tolerance"))
    if text is None:
        return base
    if text in settings.MODES[:-1]:
        return replace(base, mode=text)
    try:
        red, green, blue = bytes.fromhex(text.removeprefix("#"))
    except ValueError as error:
        raise RequestError(
            f"{text!r} is not a background.",
            "Give auto, object, corner, alpha, or a color as #rrggbb.",
        ) from error
    color = (red / 255, green / 255, blue / 255)
    return replace(base, mode="color", color=color)


def parse_options(words: Sequence[str]) -> dict[str, Any]:
    """Parse NAME=VALUE words into a dictionary; `Settings.check` parses the values.

    Raises
    ------
    RequestError
        If a word is not NAME=VALUE.
    """
    options = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise RequestError(f"{word!r} is not an option.", "Give NAME=VALUE.")
        options[name] = value
    return options


def parse_volume(text: str) -> np.ndarray:
    """Parse world_from_volume, (4, 4), from "x,y,z,side" or 16 numbers in row-major order.

    Raises
    ------
    RequestError
        If the text has another format, or the side is not positive.
    """
    try:
        numbers = [float(word) for word in text.replace(",", " ").split()]
    except ValueError as error:
        raise RequestError(
            f"The volume must be numbers, not {text!r}.", "Give x,y,z,side."
        ) from error
    if len(numbers) == 16:
        return np.array(numbers).reshape(4, 4)
    if len(numbers) != 4:
        raise RequestError(
            f"The volume must be 4 or 16 numbers, not {len(numbers)}.", "Give x,y,z,side of a cube."
        )
    if not np.isfinite(numbers).all() or numbers[3] <= 0:
        raise RequestError(
            f"The volume must be finite numbers with a side above 0, not {text!r}.",
            "Give x,y,z,side of a cube.",
        )
    matrix = np.diag([*[numbers[3] / 2] * 3, 1.0])
    matrix[:3, 3] = numbers[:3]
    return matrix


# ---------------------------------------------------------------- which views


def parse_views(text: str) -> list[int] | int:
    """Parse a choice of views: a count ("8") or a list of indices ("0,2,5", "3,").

    Raises
    ------
    RequestError
        If it contains anything but integers.
    """
    try:
        if "," not in text:
            return int(text)
        return [int(word) for word in text.split(",") if word.strip()]
    except ValueError as error:
        raise RequestError(
            f"The views must be numbers, not {text!r}.", "Give how many (8), or which (0,2,5)."
        ) from error


def choose_views(count: int, chosen: Sequence[int] | int | None) -> list[int]:
    """Return the chosen indices of `count` views: all (None), a list, or a number spread evenly.

    Raises
    ------
    RequestError
        If an index is out of range, more views are requested than exist, or none is chosen.
    """
    if chosen is None:
        return list(range(count))
    if isinstance(chosen, int):
        if not 1 <= chosen <= count:
            raise RequestError(
                f"{chosen} views were asked for; there are {count}.",
                f"Choose a number between 1 and {count}.",
            )
        return [index * count // chosen for index in range(chosen)]
    strays = [index for index in chosen if not 0 <= index < count]
    if strays:
        raise RequestError(
            f"View {strays[0]} does not exist: the views are 0 to {count - 1}.",
            "Choose among those numbers.",
        )
    if not chosen:
        raise RequestError("No view was chosen.", "Give how many (8), or which (0,2,5).")
    return list(dict.fromkeys(chosen))
